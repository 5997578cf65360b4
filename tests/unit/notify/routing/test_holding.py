"""What waits for the end of a customer's maintenance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notify.domain.routing import Notice
from notify.routing.maintenance import MOST, can_wait, held_until, with_window
from notify.storage.rows import Ticket
from pledge.events import Actor, MaintenanceWindowSet

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TICKET = Ticket(UUID(int=7), "infocyte", "INF-1")


def a_window(number: int, first: float, last: float, **more: bool) -> MaintenanceWindowSet:
    return MaintenanceWindowSet(
        desk="infocyte", ticket_id=UUID(int=7), ticket_number="INF-1", occurred_at=NOON,
        recorded_at=NOON, window_id=UUID(int=number), starts_at=NOON + timedelta(hours=first),
        ends_at=NOON + timedelta(hours=last), by=Actor(kind="system", id="intake"), **more,
    )  # fmt: skip


def after(*events: MaintenanceWindowSet) -> Ticket:
    ticket = TICKET
    for event in events:
        ticket = replace(ticket, facts={**ticket.facts, "windows": with_window(ticket, event)})
    return ticket


@pytest.mark.parametrize(
    ("windows", "hours"),
    [
        ([], None),
        ([(1, -1, 2)], 2),
        ([(1, 1, 2)], None),
        ([(1, -2, 0)], None),
        ([(1, -1, 2), (2, 2, 3), (3, 4, 5)], 3),
        ([(1, -1, 5), (2, 0, 1)], 5),
        ([(1, -1, 2), (1, -1, 4)], 4),
    ],
)
def test_a_mail_that_can_wait_is_held_until_the_maintenance_is_over(
    windows: list[tuple[int, float, float]], hours: float | None
) -> None:
    held = held_until(after(*(a_window(*each) for each in windows)), NOON)
    assert held == (None if hours is None else NOON + timedelta(hours=hours))


def test_a_window_taken_back_holds_nothing_and_many_are_bounded() -> None:
    taken_back = after(a_window(1, -1, 2), a_window(1, -1, 2, is_withdrawn=True))
    assert held_until(taken_back, NOON) is None
    crowd = after(*(a_window(number, number, number + 1) for number in range(MOST + 10)))
    assert len(crowd.facts["windows"]) == MOST
    assert held_until(None, NOON) is None


@pytest.mark.parametrize(
    ("event", "is_urgent", "waits"),
    [
        ("ticket.resolved", False, True),
        ("ticket.opened", False, False),
        ("ticket.resolved", True, False),
    ],
)
def test_what_is_urgent_or_answers_at_once_does_not_wait(
    event: str, is_urgent: bool, waits: bool
) -> None:
    notice = Notice(event, "infocyte", "7", NOON, NOON, is_urgent=is_urgent)
    assert can_wait(notice) is waits
