"""Deliveries that name their ticket by its number: as a caller keys it in (SIS-09), or in a
mail's subject (VIR-11)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from intake.domain.thread_matching import Delivery, number_named

_IDS = """
SELECT tickets.desk, tickets.number, tickets.id FROM tickets
JOIN unnest($1::text[], $2::text[]) AS wanted(desk, number)
    ON tickets.number = wanted.number AND tickets.desk = wanted.desk
"""


async def named_by_number(
    connection: asyncpg.Connection, deliveries: Sequence[Delivery]
) -> list[Delivery]:
    """The deliveries with the tickets that they name by number.

    A number that is nobody's names nothing: the delivery is taken like any other.
    """
    numbers = [number_named(each) for each in deliveries]
    pairs = {
        (each.desk.id, number)
        for each, number in zip(deliveries, numbers, strict=True)
        if number is not None
    }
    rows = await connection.fetch(
        _IDS, [desk for desk, _ in pairs], [number for _, number in pairs]
    )
    found: dict[tuple[str, str | None], UUID] = {
        (row["desk"], row["number"]): UUID(int=row["id"].int) for row in rows
    }
    return [
        _naming(each, found.get((each.desk.id, number)))
        for each, number in zip(deliveries, numbers, strict=True)
    ]


def _naming(delivery: Delivery, ticket_id: UUID | None) -> Delivery:
    if ticket_id is None:
        return delivery
    if delivery.channel == "email":
        return replace(delivery, claimed=ticket_id)
    return replace(delivery, named=ticket_id)
