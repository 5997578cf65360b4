"""A request of a flood pages nobody until an agent acts on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notify.routing.event_reader import apply_to_ticket, notice
from pledge.events import (
    Actor,
    CallbackRequested,
    Contact,
    Noted,
    RequesterReplied,
    Resolved,
    TicketEvent,
    TicketOpened,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANN = Contact(email="ann@contoso.example")
FACTS: dict[str, Any] = {
    "desk": "demo",
    "occurred_at": NOW,
    "recorded_at": NOW,
    "ticket_id": UUID(int=7),
    "ticket_number": "DEMO-7",
}


def held_after(*events: TicketEvent) -> bool:
    """Whether the last of the events pages nobody."""
    ticket = None
    for each in events:
        ticket = apply_to_ticket(ticket, each)
    return notice(events[-1], ticket).is_page_held


def opened(held: str | None) -> TicketOpened:
    return TicketOpened(**FACTS, channel="email", requester=ANN, is_urgent=True, page_held=held)


def note(kind: str) -> Noted:
    return Noted(**FACTS, by=Actor(kind=kind, id="x"), text="x")


def replied(held: str | None) -> RequesterReplied:
    return RequesterReplied(**FACTS, by=ANN, channel="email", is_urgent=True, page_held=held)


def test_a_held_request_pages_nobody_and_neither_does_what_no_agent_did_to_it() -> None:
    assert not held_after(opened(None))
    assert held_after(opened("sender_limit"))
    assert held_after(opened("desk_limit"), note("machine"))


def test_an_agents_act_lets_it_page_again() -> None:
    assert not held_after(opened("sender_limit"), note("agent"))
    by = Actor(kind="agent", id="tom")
    assert not held_after(opened("sender_forged"), Resolved(**FACTS, by=by, resolution="x"))


def test_what_comes_later_is_counted_by_itself() -> None:
    assert not held_after(opened("sender_limit"), replied(None))
    assert held_after(opened(None), replied("sender_limit"))
    assert not held_after(opened(None), replied("sender_limit"), note("machine"))
    asks = CallbackRequested(**FACTS, by=ANN, is_urgent=True, page_held="desk_limit")
    assert held_after(opened(None), asks)
