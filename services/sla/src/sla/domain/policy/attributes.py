"""What a ticket is at each moment: the attributes that conditions ask about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sla.domain.values import Scalar

Attributes = dict[str, Scalar]
Data = Mapping[str, object]
Setter = Callable[[Attributes, Data], None]

FLAGS_OF_TICKETS = ("trial", "urgent", "complete", "answerable")
ATTRIBUTES = (
    "severity",
    "requested_severity",
    "priority",
    "plan",
    "channel",
    "product",
    "customer",
    "form",
    "line",
    "language",
    "zone",
    "scope",
    "entitled",
    "known_incident",
    "impact",
    *FLAGS_OF_TICKETS,
)
"""What a condition may ask about, besides the policy's own flags."""

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
)
_FLAGS = tuple((name, f"is_{name}") for name in FLAGS_OF_TICKETS)
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


def _take(*names: str) -> Setter:
    """A setter of the attributes that the event says something about."""
    aliases = tuple((name, f"is_{name}") for name in names)

    def take(attributes: Attributes, data: Data) -> None:
        for name, alias in aliases:
            value = data.get(name, data.get(alias))
            if isinstance(value, (str, bool)):
                attributes[name] = value

    return take


def _completed(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = True


def _incomplete(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = False


SETTERS: Mapping[str, Setter] = {
    "opened": _opened,
    "incident_opened": _take("impact", "state"),
    "incident_updated": _take("impact", "state"),
    "triaged": _take("severity", "priority", "product", "requested_severity", "known_incident"),
    "plan_changed": _take("plan", "customer", "trial"),
    "entitlement_decided": _take("entitled"),
    "scope_decided": _take("scope"),
    "participants_changed": _take("answerable"),
    "information_requested": _incomplete,
    "information_completed": _completed,
}
"""What each type of fact changes; a value that is not given stays as it was."""
