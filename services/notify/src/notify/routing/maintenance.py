"""Messages that can wait do so while the ticket's customer has maintenance (INF-09)."""

from datetime import datetime
from typing import Final

from notify.domain.routing import Notice
from notify.storage.rows import Ticket
from pledge.events import MaintenanceWindowSet, TicketOpened

MOST: Final = 50
"""So many windows are kept of a ticket, those that end first."""


def with_window(ticket: Ticket, event: MaintenanceWindowSet) -> dict[str, list[str]]:
    """The ticket's windows by their ids, from when until when, after the event."""
    now = event.recorded_at
    known: dict[str, list[str]] = dict(ticket.facts.get("windows") or {})
    known.pop(str(event.window_id), None)
    if not event.is_withdrawn:
        known[str(event.window_id)] = [event.starts_at.isoformat(), event.ends_at.isoformat()]
    ahead = [each for each in known.items() if datetime.fromisoformat(each[1][1]) > now]
    return dict(sorted(ahead, key=lambda each: datetime.fromisoformat(each[1][1]))[:MOST])


def held_until(ticket: Ticket | None, now: datetime) -> datetime | None:
    """When the maintenance that the ticket's customer has now is over; None: there is none. Windows
    that follow one another without a gap count as one."""
    windows = (ticket.facts.get("windows") if ticket else None) or {}
    spans = sorted(
        (datetime.fromisoformat(first), datetime.fromisoformat(last))
        for first, last in windows.values()
    )
    until = now
    for first, last in spans:
        if first <= until:
            until = max(until, last)
    return until if until > now else None


def can_wait(notice: Notice) -> bool:
    """Whether a route's mail to people outside can wait. Who has just written gets the answer to
    that at once, and what is urgent does not wait."""
    opened = TicketOpened.TYPE.removeprefix("pledge.").removesuffix(".v1")
    return not notice.is_urgent and notice.event != opened
