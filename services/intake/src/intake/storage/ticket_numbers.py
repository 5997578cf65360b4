"""Deliveries that name their ticket by its number, as a caller keys it in (SIS-09)."""

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
        replace(each, named=found.get((each.desk.id, number), each.named))
        for each, number in zip(deliveries, numbers, strict=True)
    ]
