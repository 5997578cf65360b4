"""The fixtures that all integration tests stand on."""

from __future__ import annotations

import asyncpg
import pytest

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from support import topics
from support.databases import RUNTIME, Databases


async def test_records_come_back_in_order_per_key(kafka: KafkaSettings) -> None:
    sent = [
        Message("ticket.events.v1", b"key", str(number).encode(), (("n", None),))
        for number in range(50)
    ]
    await topics.publish(kafka, sent)
    got = await topics.read(kafka, "ticket.events.v1")
    assert [record.value for record in got] == [message.value for message in sent]


async def test_topics_of_a_test_are_empty(kafka: KafkaSettings) -> None:
    assert await topics.read(kafka, "ticket.events.v1") == []
    assert await topics.read(kafka, "ticket.events.v1.dlq") == []


async def test_service_role_writes_rows_but_not_the_schema(database: Databases) -> None:
    connection = await asyncpg.connect(database(RUNTIME))
    try:
        await connection.execute("INSERT INTO consumed VALUES ('t', 0, 5, 1)")
        assert await connection.fetchval("SELECT next_offset FROM consumed") == 5
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE consumed ADD COLUMN more int")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("TRUNCATE consumed")
    finally:
        await connection.close()


async def test_each_call_gives_another_database(database: Databases) -> None:
    first = await asyncpg.connect(database(RUNTIME))
    second = await asyncpg.connect(database(RUNTIME))
    try:
        await first.execute("INSERT INTO consumed VALUES ('t', 0, 5, 1)")
        assert await second.fetchval("SELECT count(*) FROM consumed") == 0
    finally:
        await first.close()
        await second.close()


async def test_another_service_may_not_connect(database: Databases) -> None:
    database.empty("other")
    dsn = database(RUNTIME)
    stranger = dsn.replace(f"//{RUNTIME}@", "//other@")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(stranger)
