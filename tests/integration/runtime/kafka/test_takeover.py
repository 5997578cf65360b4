"""Partitions are taken over from an owner that froze in the middle of a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from pledge.runtime.kafka.ownership import Fenced, advance, claim, hold, take_over
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Partition
from support.databases import RUNTIME, Databases

HOME = Partition("channel.chat.v1", 3)
GRACE = timedelta(milliseconds=100)


@pytest.fixture
def dsn(database: Databases) -> str:
    return database(RUNTIME)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with await open_pool(dsn, application_name="heir", size=3) as opened:
        yield opened


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()


async def test_transaction_of_a_frozen_owner_is_ended_and_rolled_back(
    pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    before = (await claim(owner, frozenset({HOME})))[HOME]
    transaction = owner.transaction()
    await transaction.start()
    await advance(owner, before, 5)

    after = (await take_over(pool, frozenset({HOME}), grace=GRACE))[HOME]

    assert (after.epoch, after.next_offset) == (before.epoch + 1, 0)
    # Which of them depends on how far the client has read of the server's farewell.
    errors = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
    with pytest.raises(errors):
        await transaction.commit()
    async with pool.acquire() as connection, connection.transaction():
        with pytest.raises(Fenced):
            await hold(connection, before)


async def test_owner_that_finishes_by_itself_is_left_in_peace(
    pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    before = (await claim(owner, frozenset({HOME})))[HOME]
    async with owner.transaction():
        await advance(owner, before, 5)
    after = (await take_over(pool, frozenset({HOME}), grace=GRACE))[HOME]
    assert after.next_offset == 5
    assert await owner.fetchval("SELECT 1") == 1


async def test_frozen_owner_of_one_partition_does_not_hold_up_the_others_for_ever(
    pool: asyncpg.Pool, dsn: str
) -> None:
    homes = [Partition("channel.chat.v1", number) for number in range(4)]
    owners = [await asyncpg.connect(dsn) for _ in homes]
    for connection, home in zip(owners, homes, strict=True):
        state = (await claim(connection, frozenset({home})))[home]
        await connection.transaction().start()
        await advance(connection, state, 5)

    states = await take_over(pool, frozenset(homes), grace=GRACE)

    assert {home: state.next_offset for home, state in states.items()} == dict.fromkeys(homes, 0)
    for connection in owners:
        connection.terminate()
