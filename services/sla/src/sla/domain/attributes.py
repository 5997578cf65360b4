"""What a ticket is at each moment: the attributes that conditions ask about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sla.domain.model import Scalar
from sla.domain.policy import FLAGS_OF_TICKETS

Attributes = dict[str, Scalar]
Data = Mapping[str, object]

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
_USUALLY = {"trial": False, "urgent": False, "complete": True, "answerable": True}


def _opened(attributes: Attributes, data: Data) -> None:
    for name in _TEXTS:
        value = data.get(name)
        if isinstance(value, str):
            attributes[name] = value
    for name in FLAGS_OF_TICKETS:
        value = data.get(f"is_{name}", data.get(name))
        attributes[name] = value if isinstance(value, bool) else _USUALLY[name]
    if data.get("missing"):
        attributes["complete"] = False
    if isinstance(entitled := data.get("entitled"), bool):
        attributes["entitled"] = entitled
    requester = data.get("requester")
    if isinstance(requester, Mapping):
        zone = requester.get("zone")
        attributes["zone"] = zone if isinstance(zone, str) else None


def _take(*names: str) -> Callable[[Attributes, Data], None]:
    """A setter of the attributes that the event says something about."""

    def take(attributes: Attributes, data: Data) -> None:
        for name in names:
            value = data.get(name, data.get(f"is_{name}"))
            if isinstance(value, str | bool):
                attributes[name] = value

    return take


def _completed(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = True


def _incomplete(attributes: Attributes, data: Data) -> None:
    attributes["complete"] = False


SETTERS: Mapping[str, Callable[[Attributes, Data], None]] = {
    "opened": _opened,
    "incident_opened": _take("impact", "state"),
    "incident_updated": _take("impact", "state"),
    "triaged": _take("severity", "priority", "product", "requested_severity", "known_incident"),
    "plan_changed": _take("plan", "customer", "trial"),
    "entitlement_decided": _take("entitled"),
    "scope_decided": _take("scope"),
    "information_requested": _incomplete,
    "information_completed": _completed,
}
"""What each type of fact changes; a value that is not given stays as it was."""
