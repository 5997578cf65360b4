"""Tickets merged into others: their deliveries go to the ticket that they were merged into."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

import asyncpg

from intake.domain.thread_matching import Delivery
from intake.domain.ticket import Ticket
from intake.storage import store

LONGEST_CHAIN: Final = 50
"""The most steps followed from a merged ticket to the one that it ended up in."""


async def lock_with_merge_targets(
    connection: asyncpg.Connection, wanted: Iterable[UUID]
) -> dict[UUID, Ticket]:
    """The tickets, and those that they were merged into, locked. One more statement for each step,
    and only where there is something merged."""
    known = await store.lock_tickets(connection, wanted)
    for _ in range(LONGEST_CHAIN):
        missing = {
            each.merged_into.ticket_id for each in known.values() if each.merged_into is not None
        } - known.keys()
        if not missing:
            break
        further = await store.lock_tickets(connection, missing)
        if not further:
            break
        known |= further
    return known


def merge_targets(known: Mapping[UUID, Ticket]) -> dict[UUID, UUID]:
    """The ticket that each merged ticket ended up in; those that were not merged are left out."""
    found: dict[UUID, UUID] = {}
    for ticket in known.values():
        here, steps = ticket, 0
        while here.merged_into is not None and steps < LONGEST_CHAIN:
            following = known.get(here.merged_into.ticket_id)
            if following is None:
                break
            here, steps = following, steps + 1
        if here is not ticket:
            found[ticket.id] = here.id
    return found


def redirected(delivery: Delivery, merge_targets: Mapping[UUID, UUID]) -> Delivery:
    """The delivery, naming the ticket that the one it names was merged into."""
    named, claimed = delivery.named, delivery.claimed
    if named in merge_targets or claimed in merge_targets:
        return replace(
            delivery,
            named=merge_targets.get(named, named) if named else None,
            claimed=merge_targets.get(claimed, claimed) if claimed else None,
        )
    return delivery
