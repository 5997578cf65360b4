"""Bounds what a flood of urgent deliveries pages: its later ones say that nobody is to be paged."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg

from intake.application.publishing import Batch, Urgent, publications_of
from intake.domain import paging
from intake.domain.desk import Desk
from intake.domain.paging import Budget, Held
from intake.domain.thread_matching import Delivery
from intake.storage import page_counts

Counted = Callable[[str, str], None]


async def hold_pages(
    connection: asyncpg.Connection, batch: Batch, now: datetime, on_held: Counted
) -> None:
    """Mark the urgent facts of the batch that are over their sender's or their desk's limit, and
    those of forged senders."""
    by_desk: dict[str, list[Urgent]] = {}
    for urgent in batch.urgent:
        delivery = urgent.arrival.delivery
        if (why := paging.held_at_once(delivery)) is not None:
            _hold(batch, urgent, why, on_held)
        else:
            by_desk.setdefault(delivery.desk.id, []).append(urgent)
    for _, found in sorted(by_desk.items()):
        desk = found[0].arrival.delivery.desk
        within = await _sift(
            connection, batch, found, paging.of_sender, desk, now, Held.SENDER, on_held
        )
        if within:
            await _sift(connection, batch, within, paging.of_desk, desk, now, Held.DESK, on_held)
    if by_desk:
        await page_counts.remove_old(connection, now)


async def _sift(
    connection: asyncpg.Connection, batch: Batch, found: Sequence[Urgent],
    budget: Callable[[Delivery], Budget], desk: Desk, now: datetime, why: Held, on_held: Counted,
) -> list[Urgent]:  # fmt: skip
    """Hold what is over its budget; gives the rest."""
    wanted = [budget(each.arrival.delivery) for each in found]
    asked = Counter(each.key for each in wanted)
    spent = await page_counts.count(connection, asked, now, now + desk.paging.within)
    within = []
    for urgent, is_over in zip(found, paging.over_budget(wanted, spent), strict=True):
        if is_over:
            _hold(batch, urgent, why, on_held)
        else:
            within.append(urgent)
    return within


def _hold(batch: Batch, urgent: Urgent, why: Held, on_held: Counted) -> None:
    """Write the delivery's facts once more, with why they page nobody."""
    held = paging.with_reason(urgent.events, why)
    end = urgent.start + len(held)
    batch.publications[urgent.start : end] = publications_of(urgent.arrival, held, urgent.before)
    desk = urgent.arrival.delivery.desk.id
    batch.after_commit.append(lambda: on_held(desk, why.value))
