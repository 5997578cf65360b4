"""Each record changes the state once, in order, whoever dies in between."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from pledge.runtime.cli.dlq_commands import allow_runs
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.dead_letters import read_dead_letter
from pledge.runtime.kafka.end_offsets import OffsetBeyondEnd
from pledge.runtime.kafka.ownership import Fenced, claim
from pledge.runtime.kafka.poison import PoisonRun
from pledge.runtime.records import Message, Partition, from_kafka
from support import topics
from support.databases import RUNTIME, Databases
from support.ledger import INPUT, OUTPUT, Ledger, create_table
from support.waiting import eventually


@pytest.fixture
async def dsn(database: Databases) -> str:
    made = database(RUNTIME)
    await create_table(database.owner(made))
    return made


def messages(count: int, keys: int = 7, start: int = 0) -> list[Message]:
    return [
        Message(INPUT, b"key-%d" % (n % keys), b"value-%06d" % n, ())
        for n in range(start, start + count)
    ]


async def test_every_record_is_applied_once_and_published_in_order(
    kafka: KafkaSettings, dsn: str
) -> None:
    sent = messages(1_000)
    await topics.publish(kafka, sent)
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 1_000), what="reading 1,000 records")
        assert sorted(await ledger.rows()) == sorted(each.value or b"" for each in sent)
        events = await eventually(lambda: _published(kafka, 1_000), what="publishing 1,000 events")
    by_key = defaultdict(list)
    for record in events:
        by_key[record.key].append(record.value)
    assert all(values == sorted(values) for values in by_key.values())
    assert max(Counter(record.value for record in events).values()) == 1


async def test_members_that_come_and_go_lose_and_double_nothing(
    kafka: KafkaSettings, dsn: str
) -> None:
    await topics.publish(kafka, messages(300))
    async with Ledger(kafka, dsn) as first:
        await eventually(lambda: _has_rows(first, 300))
        async with Ledger(kafka, dsn) as second:
            await topics.publish(kafka, messages(300, start=300))
            await eventually(_both_own(first, second), what="sharing the partitions")
            await topics.publish(kafka, messages(300, start=600))
            await eventually(lambda: _has_rows(first, 900))
        await topics.publish(kafka, messages(300, start=900))
        await eventually(lambda: _has_rows(first, 1_200))
        assert max(Counter(await first.rows()).values()) == 1
        events = await eventually(lambda: _published(kafka, 1_200))
        assert len({record.value for record in events}) == 1_200


async def test_poison_is_kept_with_its_bytes_and_does_not_stop_its_neighbours(
    kafka: KafkaSettings, dsn: str
) -> None:
    bad = Message(INPUT, b"key-1", b"poison \xff\x00", (("a", None), ("b", b"\xff\xfe")))
    await topics.publish(kafka, [*messages(5, keys=1), bad, *messages(5, keys=1, start=5)])
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 10))
        records = await eventually(lambda: _dead(kafka, 1))
    letter = read_dead_letter(from_kafka(records[0], INPUT))
    assert letter is not None
    assert (letter.reason, letter.service, letter.origin_topic) == ("not_json", "ledger", INPUT)
    assert letter.original() == bad


async def test_a_record_that_breaks_the_handler_is_dead_lettered_alone(
    kafka: KafkaSettings, dsn: str
) -> None:
    bug = Message(INPUT, b"key-0", b"bug", ())
    await topics.publish(kafka, [*messages(20, keys=1), bug, *messages(20, keys=1, start=20)])
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 40))
        records = await eventually(lambda: _dead(kafka, 1))
    letter = read_dead_letter(from_kafka(records[0], INPUT))
    assert letter is not None
    assert letter.reason == "handler_error"
    assert "ZeroDivisionError" in letter.detail


async def test_a_run_of_poison_stops_the_consumer_and_keeps_the_topic(
    kafka: KafkaSettings, dsn: str
) -> None:
    await topics.publish(kafka, [Message(INPUT, b"k", b"poison %d" % n, ()) for n in range(30)])
    async with Ledger(kafka, dsn, poison_run_limit=10) as ledger:
        with pytest.raises(PoisonRun, match="pledge dlq resume ledger"):
            await asyncio.wait_for(ledger.consuming, 30)
    assert len(await topics.read(kafka, f"{INPUT}.dlq")) <= 10


async def test_a_run_of_poison_goes_on_after_resume_until_a_good_record_ends_it(
    kafka: KafkaSettings, dsn: str
) -> None:
    poison = [Message(INPUT, b"k", b"poison %d" % n, ()) for n in range(30)]
    await topics.publish(kafka, [*poison, Message(INPUT, b"k", b"good", ()), *poison])
    await _stops_at_a_run(kafka, dsn)
    await _stops_at_a_run(kafka, dsn)
    assert await allow_runs(dsn) == 1
    await _stops_at_a_run(kafka, dsn)
    letters = await topics.read(kafka, f"{INPUT}.dlq")
    assert [each.value for each in letters] == [each.value for each in [*poison, *poison[:10]]]


async def _stops_at_a_run(kafka: KafkaSettings, dsn: str) -> None:
    async with Ledger(kafka, dsn, poison_run_limit=10) as ledger:
        with pytest.raises(PoisonRun):
            await asyncio.wait_for(ledger.consuming, 30)


async def test_nothing_behind_a_batch_that_failed_is_applied(
    kafka: KafkaSettings, dsn: str
) -> None:
    poison = [Message(INPUT, b"k", b"poison %d" % n, ()) for n in range(30)]
    good = [Message(INPUT, b"k", b"good %d" % n, ()) for n in range(60)]
    await topics.publish(kafka, [*poison, *good])
    small = kafka.model_copy(update={"batch_records": 5})
    async with Ledger(small, dsn, poison_run_limit=10) as ledger:
        with pytest.raises(PoisonRun):
            await asyncio.wait_for(ledger.consuming, 30)
        assert await ledger.count() == 0
        assert await ledger.pool.fetchval("SELECT max(next_offset) FROM consumed") == 10


async def test_poison_with_a_header_that_no_table_takes_is_kept(
    kafka: KafkaSettings, dsn: str
) -> None:
    bad = Message(INPUT, b"key-0", b"poison", (("a\0b", b"1"),))
    await topics.publish(kafka, [bad, *messages(5, keys=1)])
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 5))
        (record,) = await eventually(lambda: _dead(kafka, 1))
    assert ("a\N{REPLACEMENT CHARACTER}b", b"1") in record.headers


async def test_a_value_that_no_column_takes_is_poison_and_no_outage(
    kafka: KafkaSettings, dsn: str
) -> None:
    await topics.publish(kafka, [Message(INPUT, b"key-0", b"unfit", ()), *messages(5, keys=1)])
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 5))
        (record,) = await eventually(lambda: _dead(kafka, 1))
    letter = read_dead_letter(from_kafka(record, INPUT))
    assert letter is not None
    assert letter.detail.startswith("DataError")


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
async def test_records_are_read_whatever_their_producer_packed_them_with(
    kafka: KafkaSettings, dsn: str, codec: str
) -> None:
    options = kafka.client_options()
    async with AIOKafkaProducer(**options, compression_type=codec) as producer:
        await producer.send_and_wait(kafka.topic(INPUT), b"x" * 1_000)
    async with Ledger(kafka, dsn) as ledger:
        await eventually(lambda: _has_rows(ledger, 1))


async def test_a_former_owner_cannot_write(kafka: KafkaSettings, dsn: str) -> None:
    await topics.publish(kafka, messages(10, keys=1))
    async with Ledger(kafka, dsn) as zombie:
        await eventually(lambda: _has_rows(zombie, 10))
        partition = next(
            each
            for each in zombie.consumer.assignment.owned()
            if zombie.consumer.assignment.position(each)
        )
        async with zombie.pool.acquire() as connection:
            await claim(connection, frozenset({partition}))
        with pytest.raises(Fenced):
            async with zombie.consumer.assignment.owned_transaction(partition) as transaction:
                await transaction.connection.execute("DELETE FROM ledger")
        assert await zombie.count() == 10
        await topics.publish(kafka, messages(10, keys=1, start=10))
        assert partition not in zombie.consumer.assignment.owned()


async def test_a_database_that_drops_connections_costs_no_record(
    kafka: KafkaSettings, dsn: str, database: Databases
) -> None:
    admin = await asyncpg.connect(database.owner(dsn).replace("_owner@", "@"))
    try:
        async with Ledger(kafka, dsn):
            for start in range(0, 1_000, 100):
                await topics.publish(kafka, messages(100, start=start))
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND backend_type = 'client backend'"
                    " AND pid <> pg_backend_pid()"
                )
            events = await eventually(lambda: _published(kafka, 1_000))
            assert len({record.value for record in events}) == 1_000
            values = [row["value"] for row in await admin.fetch("SELECT value FROM ledger")]
            assert len(values) == len(set(values)) == 1_000
    finally:
        await admin.close()


async def test_a_commit_whose_answer_was_lost_is_not_applied_again(
    kafka: KafkaSettings, dsn: str
) -> None:
    async with Ledger(kafka, dsn) as ledger:
        await eventually(_owns_all(ledger))
        for start in range(0, 500, 100):
            ledger.outbox.forgets = 2
            await topics.publish(kafka, messages(100, start=start))
            await eventually(partial(_has_rows, ledger, start + 100))
        events = await eventually(lambda: _published(kafka, 500))
        assert max(Counter(await ledger.rows()).values()) == 1
        assert len(events) == 500
        assert len(ledger.consumer.assignment.owned()) == topics.PARTITIONS


async def test_batch_that_hangs_is_given_up_and_done_again(kafka: KafkaSettings, dsn: str) -> None:
    impatient = kafka.model_copy(update={"standstill_limit": timedelta(seconds=1)})
    with structlog.testing.capture_logs() as lines:
        async with Ledger(impatient, dsn) as ledger:
            ledger.handler.hangs.add(b"value-000003")
            await topics.publish(kafka, messages(10))
            await eventually(lambda: _has_rows(ledger, 10))
            assert not ledger.handler.hangs
    stalls = [each for each in lines if each["event"] == "consumption_stalled"]
    assert any("LedgerHandler.handle" in task for task in stalls[0]["tasks"])


async def test_a_client_that_silently_ended_rejoins_the_group(
    kafka: KafkaSettings, dsn: str
) -> None:
    async with Ledger(kafka, dsn) as ledger:
        await topics.publish(kafka, messages(10))
        await eventually(lambda: _has_rows(ledger, 10))
        # FastStream logs nothing, and restarts nothing, when the loop that fetches is cancelled,
        # as it is when a task of aiokafka was.
        (fetching,) = [each for each in asyncio.all_tasks() if "consume_loop" in repr(each)]
        fetching.cancel()
        await topics.publish(kafka, messages(10, start=10))
        await eventually(lambda: _has_rows(ledger, 20))
        assert max(Counter(await ledger.rows()).values()) == 1


async def test_a_batch_whose_callback_fails_after_the_commit_is_not_applied_again(
    kafka: KafkaSettings, dsn: str
) -> None:
    async with Ledger(kafka, dsn) as ledger:
        await eventually(_owns_all(ledger))
        ledger.handler.failing_callbacks = 3
        for start in range(0, 100, 20):
            await topics.publish(kafka, messages(20, start=start))
            await eventually(partial(_has_rows, ledger, start + 20))
        assert ledger.handler.failing_callbacks == 0
        assert max(Counter(await ledger.rows()).values()) == 1


async def test_a_batch_is_not_applied_again_when_the_cache_can_not_be_emptied_after_its_commit(
    kafka: KafkaSettings, dsn: str
) -> None:
    async with Ledger(kafka, dsn) as ledger:
        await eventually(_owns_all(ledger))
        ledger.handler.failing_callbacks = ledger.handler.failing_revocations = 2
        for start in range(0, 100, 20):
            await topics.publish(kafka, messages(20, start=start))
            await eventually(partial(_has_rows, ledger, start + 20))
        assert ledger.handler.failing_revocations == 0
        assert max(Counter(await ledger.rows()).values()) == 1
        assert ledger.consumer.is_ready


async def test_caught_up_means_that_what_is_published_now_was_applied(
    kafka: KafkaSettings, dsn: str
) -> None:
    async with Ledger(kafka, dsn) as ledger:
        await eventually(_owns_all(ledger))
        partitions = ledger.consumer.assignment.owned()
        assert await ledger.consumer.assignment.caught_up(partitions) == partitions
        ledger.handler.gate.clear()
        await topics.publish(kafka, messages(1, keys=1))
        behind = partitions - await ledger.consumer.assignment.caught_up(partitions)
        assert len(behind) == 1
        ledger.handler.gate.set()

        async def caught_up() -> bool:
            return await ledger.consumer.assignment.caught_up(behind) == behind

        await eventually(caught_up)
        assert await ledger.count() == 1


async def test_a_topic_that_lost_its_records_stops_the_service(
    kafka: KafkaSettings, dsn: str
) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await claim(connection, frozenset({Partition(INPUT, 0)}))
        await connection.execute("UPDATE consumed SET next_offset = 99")
    finally:
        await connection.close()
    async with Ledger(kafka, dsn) as ledger:
        with pytest.raises(OffsetBeyondEnd, match="has read up to 99"):
            await asyncio.wait_for(ledger.consuming, 30)


async def _has_rows(ledger: Ledger, count: int) -> bool:
    found = await ledger.count()
    assert found >= count, f"{found} of {count} rows"
    return found == count


async def _published(kafka: KafkaSettings, count: int) -> list[ConsumerRecord]:
    records = await topics.read(kafka, OUTPUT)
    return records if len({record.value for record in records}) >= count else []


async def _dead(kafka: KafkaSettings, count: int) -> list[ConsumerRecord]:
    records = await topics.read(kafka, f"{INPUT}.dlq")
    return records if len(records) >= count else []


def _both_own(first: Ledger, second: Ledger) -> Callable[[], Awaitable[bool]]:
    async def both() -> bool:
        return bool(first.consumer.assignment.owned()) and bool(second.consumer.assignment.owned())

    return both


def _owns_all(ledger: Ledger) -> Callable[[], Awaitable[bool]]:
    async def owns() -> bool:
        return len(ledger.consumer.assignment.owned()) == topics.PARTITIONS

    return owns


async def test_a_dead_letter_is_logged_with_the_ids_that_people_look_for(
    kafka: KafkaSettings, dsn: str
) -> None:
    ids = (("ce_id", b"event-7"), ("ce_desk", b"vircom"), ("ce_subject", b"ticket-9"))
    with structlog.testing.capture_logs() as lines:
        async with Ledger(kafka, dsn):
            await topics.publish(kafka, [Message(INPUT, b"k", b"poison", ids)])
            await eventually(lambda: _dead(kafka, 1))
    [line] = [each for each in lines if each["event"] == "record_dead_lettered"]
    assert (line["event_id"], line["desk"], line["subject"]) == ("event-7", "vircom", "ticket-9")
    assert line["reason"] == "not_json"
