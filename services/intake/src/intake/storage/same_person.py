"""Other unfinished tickets that may be of the same person, come by another way at the same time."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

import asyncpg

from intake.domain.command_registry import FINISHED
from intake.domain.ticket import Ticket
from intake.storage.store import SELECT_TICKET, ticket_of

SAME_PERSON_WITHIN: Final = timedelta(hours=24)
"""Between the openings of two tickets of one person that may be about the same."""
SAME_CUSTOMER_WITHIN: Final = timedelta(minutes=30)
"""Between those of two people of one customer, by different channels."""
MOST: Final = 5


class Likeness(StrEnum):
    """What two tickets have in common."""

    PERSON = "person"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Similar:
    """Another ticket that may be about the same. ``is_earlier``: it was reported first, so that
    this one would be merged into it."""

    ticket: Ticket
    likeness: Likeness
    is_earlier: bool


# Each stretch by an index of its own: by requester, by customer.
_SIMILAR: Final = f"""
{SELECT_TICKET}
WHERE desk = $1 AND id <> $2 AND state <> ALL($3::text[]) AND (
    (requester = ANY($4::text[]) AND opened_at BETWEEN $6::timestamptz - $8::interval
        AND $6::timestamptz + $8::interval)
    OR (details ->> 'customer' IS NOT NULL AND details ->> 'customer' = $5 AND channel <> $7
        AND opened_at BETWEEN $6::timestamptz - $9::interval AND $6::timestamptz + $9::interval))
ORDER BY requester = ANY($4::text[]) DESC NULLS LAST, id DESC LIMIT $10
"""


async def similar(connection: asyncpg.Connection, ticket: Ticket) -> list[Similar]:
    """Unfinished tickets of the desk that the ticket may be one with: those of the same address,
    number or chat identity first."""
    asker = ticket.requester
    keys = {each.lower()[:320] for each in (asker.email, asker.phone, asker.chat) if each}
    if not keys and ticket.customer is None:
        return []
    rows = await connection.fetch(
        _SIMILAR, ticket.desk, ticket.id, [each.value for each in FINISHED], sorted(keys),
        ticket.customer, ticket.opened_at, ticket.channel, SAME_PERSON_WITHIN,
        SAME_CUSTOMER_WITHIN, MOST,
    )  # fmt: skip
    return [_similar(ticket, ticket_of(row), keys) for row in rows]


def _similar(ticket: Ticket, other: Ticket, keys: set[str]) -> Similar:
    theirs = {
        each.lower()
        for each in (other.requester.email, other.requester.phone, other.requester.chat)
        if each
    }
    likeness = Likeness.PERSON if keys & theirs else Likeness.CUSTOMER
    is_earlier = (other.counts_from, other.id) < (ticket.counts_from, ticket.id)
    return Similar(other, likeness, is_earlier)
