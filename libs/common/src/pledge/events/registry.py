"""Every event type of the contract, by its name on the wire."""

from collections.abc import Mapping
from types import MappingProxyType

from pledge.events import (
    channel,
    notify,
    objectives,
    sla,
    status,
    ticket,
    ticket_feedback,
    ticket_work,
)
from pledge.events.event import Event

ALL_EVENTS: tuple[type[Event], ...] = (
    *channel.EVENTS,
    *ticket.EVENTS,
    *ticket_work.EVENTS,
    *ticket_feedback.EVENTS,
    *sla.EVENTS,
    *objectives.EVENTS,
    *notify.EVENTS,
    *status.EVENTS,
)
"""All event classes, by topic and then in reading order."""


def _by_type(events: tuple[type[Event], ...]) -> Mapping[str, type[Event]]:
    found = {event.TYPE: event for event in events}
    if len(found) != len(events):
        raise TypeError("two events of the contract have the same type")
    return MappingProxyType(found)


EVENT_TYPES: Mapping[str, type[Event]] = _by_type(ALL_EVENTS)
"""`ce_type` to event class."""
