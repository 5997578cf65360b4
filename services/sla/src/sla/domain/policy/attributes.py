"""What a ticket is at each moment: the attributes that conditions ask about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sla.domain.policy.matrix import BY_MATRIX
from sla.domain.values import Scalar

Attributes = dict[str, Scalar]
Data = Mapping[str, object]
Setter = Callable[[Attributes, Data], None]
SetterOf = Callable[[Attributes], Setter]
"""A setter for the defaults of a desk's file."""

FLAGS_OF_TICKETS = ("trial", "urgent", "complete", "answerable")
_TEXTS = (
    "severity",
    "priority",
    "plan",
    "channel",
    "product",
    "customer",
    "form",
    "line",
    "language",
    "scope",
    "impact",
    "urgency",
)
_FLAGS = tuple((name, f"is_{name}") for name in (*FLAGS_OF_TICKETS, BY_MATRIX))
_USUALLY: Attributes = {"trial": False, "urgent": False, "complete": True, "answerable": True}


def _opened(attributes: Attributes, data: Data) -> None:
    for name in _TEXTS:
        value = data.get(name)
        if isinstance(value, str):
            attributes[name] = value
    attributes.update(_USUALLY)
    for name, alias in _FLAGS:
        value = data.get(alias, data.get(name))
        if isinstance(value, bool):
            attributes[name] = value
    if data.get("missing"):
        attributes["complete"] = False
    if isinstance(entitled := data.get("entitled"), bool):
        attributes["entitled"] = entitled
    requester = data.get("requester")
    if isinstance(requester, dict):
        zone = requester.get("zone")
        attributes["zone"] = zone if isinstance(zone, str) else None


def _take(*names: str, clears: tuple[str, ...] = ()) -> SetterOf:
    """A setter of the attributes that the event says something about.

    Of `clears` it says how they are now: null takes the value away, and the file's default, if it
    has one, holds again. A field that is missing changes nothing.
    """
    aliases = tuple((name, f"is_{name}", name in clears) for name in (*names, *clears))

    def setter_of(defaults: Attributes) -> Setter:
        def take(attributes: Attributes, data: Data) -> None:
            for name, alias, is_cleared in aliases:
                value = data.get(name, data.get(alias))
                if isinstance(value, (str, bool)):
                    attributes[name] = value
                elif is_cleared and value is None and name in data:
                    attributes[name] = defaults.get(name)

        return take

    return setter_of


def _always(setter: Setter) -> SetterOf:
    return lambda _: setter


def _triaged(defaults: Attributes) -> Setter:
    """Take what triage says. A severity or priority without a word on the matrix was chosen by
    somebody: the contract's `is_by_matrix` is false unless it is said."""
    names, clears = _SAY["triaged"]
    take = _take(*names, clears=clears)(defaults)

    def triaged(attributes: Attributes, data: Data) -> None:
        take(attributes, data)
        if attributes.get(BY_MATRIX) and data.get(f"is_{BY_MATRIX}", data.get(BY_MATRIX)) is None:
            given = data.get("severity"), data.get("priority")
            if isinstance(given[0], str) or isinstance(given[1], str):
                attributes[BY_MATRIX] = False

    return triaged


def _completed(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = True


def _incomplete(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = False


_SAY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "triaged": (
        ("product", "known_incident", BY_MATRIX),
        ("severity", "priority", "requested_severity", "impact", "urgency"),
    ),
    "plan_changed": (("trial",), ("plan", "customer")),
    "entitlement_decided": ((), ("entitled",)),
    "scope_decided": ((), ("scope",)),
    "participants_changed": (("answerable",), ()),
}
"""What facts after the opening say of a ticket; null clears the second ones."""

CHANGES: Mapping[str, tuple[str, ...]] = {
    **{fact: (*names, *clears) for fact, (names, clears) in _SAY.items()},
    "information_requested": ("complete",),
    "information_completed": ("complete",),
}
"""What each type of fact after the opening says of a ticket."""

SETTERS: Mapping[str, SetterOf] = {
    **{fact: _take(*names, clears=clears) for fact, (names, clears) in _SAY.items()},
    "triaged": _triaged,
    "opened": _always(_opened),
    "incident_opened": _take("impact", "state", "severity"),
    "incident_updated": _take("impact", "state", "severity"),
    "information_requested": _always(_incomplete),
    "information_completed": _always(_completed),
}
"""What each type of fact changes, given the defaults of a desk's file."""


def severity_told(attributes: Attributes, in_force: Scalar) -> Scalar:
    """The severity that events and pages name: of a ticket the one in force, of an incident its
    own, or its impact. The default of a desk's file is for tickets."""
    if "state" in attributes:
        return attributes.get("severity") or attributes.get("impact")
    return in_force
