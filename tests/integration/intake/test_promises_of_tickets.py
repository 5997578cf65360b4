"""What intake knows of the promises on its tickets, however the engine's events reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from intake.application.promises_of_tickets import learn
from intake.storage import promises, store
from intake.storage.promises import Promise
from pledge.events import (
    BreachRetracted,
    Decoded,
    Event,
    PromiseBreached,
    TimerAtRisk,
    TimerCancelled,
    TimerMet,
    TimerPaused,
    TimerRescheduled,
    TimerResumed,
    TimerStarted,
    originate,
)
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases
from unit.intake.builders import a_ticket

TICKET = UUID(int=7)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    async with await open_pool(database("intake"), application_name="test", size=2) as pool:
        yield pool


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        await store.insert_tickets(connection, [a_ticket()])
        yield connection


def told(kind: type[Event], sequence: int, **fields: Any) -> Decoded:
    at = NOON + timedelta(minutes=sequence)
    values: dict[str, Any] = {
        "desk": "vircom",
        "occurred_at": at,
        "recorded_at": at,
        "ticket_id": TICKET,
        "ticket_number": "VIR-10007",
        "metric": "first_response",
        "target": "2 hours",
        "policy_version": f"v{sequence}",
        "reason": "named",
        "due_at": NOON + 2 * HOUR,
        **fields,
    }
    if kind in {PromiseBreached, BreachRetracted}:
        due = values["due_at"]
        values |= {"breach_id": UUID(int=9), "breached_at": due, "detected_at": at}
        values |= {"retracted_at": at} if kind is BreachRetracted else {}
    event = kind(**values)
    return Decoded(originate(event, source="/sla", id=f"e{sequence}", sequence=sequence), event)


async def state_of(connection: asyncpg.Connection) -> Promise:
    (promise,) = await promises.of_ticket(connection, TICKET)
    return promise


async def test_a_promise_is_as_its_newest_event_says(connection: asyncpg.Connection) -> None:
    await learn(connection, [told(TimerStarted, 1)])
    assert (await state_of(connection)).state == "running"
    await learn(connection, [told(TimerAtRisk, 2, percent=75)])
    await learn(connection, [told(TimerPaused, 3, due_at=None, reason="waiting_on_customer")])
    paused = await state_of(connection)
    assert (paused.state, paused.waits_for, paused.due_at) == (
        "waiting", "waiting_on_customer", None,
    )  # fmt: skip
    await learn(connection, [told(TimerResumed, 4, due_at=NOON + 3 * HOUR)])
    resumed = await state_of(connection)
    assert (resumed.state, resumed.waits_for, resumed.due_at) == ("running", None, NOON + 3 * HOUR)
    assert resumed.at_risk_percent == 75
    await learn(connection, [told(TimerRescheduled, 5, due_at=NOON + 9 * HOUR)])
    assert (await state_of(connection)).at_risk_percent is None
    await learn(connection, [told(TimerMet, 6, met_at=NOON + HOUR)])
    met = await state_of(connection)
    assert (met.state, met.met_at, met.policy_version) == ("met", NOON + HOUR, "v6")
    # What met it is taken back: it runs again.
    await learn(connection, [told(TimerRescheduled, 7, reason="reply_failed")])
    again = await state_of(connection)
    assert (again.state, again.met_at, again.as_of) == (
        "running",
        None,
        NOON + timedelta(minutes=7),
    )
    await learn(connection, [told(TimerPaused, 8, due_at=None, reason="by_the_desk")])
    assert (await state_of(connection)).state == "paused"
    await learn(connection, [told(TimerCancelled, 9)])
    assert (await state_of(connection)).state == "cancelled"


async def test_a_breach_holds_until_it_is_taken_back(connection: asyncpg.Connection) -> None:
    breached, retracted = told(PromiseBreached, 1), told(BreachRetracted, 2)
    await learn(connection, [breached])  # before anything is known of its timer
    assert (await state_of(connection)).breached_at == NOON + 2 * HOUR
    await learn(connection, [told(TimerStarted, 1)])
    assert (await state_of(connection)).state == "breached"
    await learn(connection, [retracted])
    await learn(connection, [breached])  # once more, late
    assert (await state_of(connection)).state == "running"
    await learn(connection, [told(PromiseBreached, 3, due_at=NOON + HOUR)])
    again = await state_of(connection)
    assert (again.state, again.breached_at) == ("breached", NOON + HOUR)


HISTORY: Sequence[Decoded] = (
    told(TimerStarted, 1),
    told(TimerAtRisk, 2, percent=75),
    told(PromiseBreached, 1),
    told(BreachRetracted, 2),
    told(TimerPaused, 3, due_at=None, reason="waiting_on_customer"),
)


async def test_order_repetition_and_batches_make_no_difference(pool: asyncpg.Pool) -> None:
    seen = set()
    for number, order in enumerate(permutations(HISTORY)):
        if number % 5:  # a fifth of them
            continue
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await store.insert_tickets(connection, [a_ticket()])
            cut = number % 7 % len(order)
            for batch in (order[:cut], order[cut:], order[number % 3 :]):
                await learn(connection, batch)
            found = await state_of(connection)
            seen.add((found.state, found.due_at, found.waits_for, found.breached_at))
            await transaction.rollback()
    assert seen == {("waiting", None, "waiting_on_customer", None)}


async def test_promises_of_others_are_passed_over(connection: asyncpg.Connection) -> None:
    incident = {"ticket_id": None, "incident_id": UUID(int=5)}
    await learn(
        connection,
        [
            told(TimerStarted, 1, ticket_id=UUID(int=8)),  # there is no such ticket
            told(TimerStarted, 1, desk="infocyte"),  # it is another desk's
            told(TimerStarted, 1, **incident),
            told(PromiseBreached, 1, **incident),
        ],
    )
    assert await connection.fetchval("SELECT count(*) FROM ticket_promises") == 0


async def test_each_metric_and_cycle_is_a_promise_of_its_own(
    connection: asyncpg.Connection,
) -> None:
    await learn(
        connection,
        [
            told(TimerStarted, 1),
            told(TimerStarted, 2, metric="update", cycle=1, due_at=NOON + HOUR),
            told(TimerStarted, 3, metric="update", cycle=2, due_at=NOON + 5 * HOUR),
            told(TimerMet, 4, metric="update", cycle=1, met_at=NOON),
        ],
    )
    found = await promises.of_ticket(connection, TICKET)
    assert [(each.metric, each.cycle, each.state) for each in found] == [
        ("first_response", 1, "running"),
        ("update", 2, "running"),
        ("update", 1, "met"),
    ]
