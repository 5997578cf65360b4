"""A member that fell out of its group without hearing of it rejoins, and says so.

The coordinator is made to forget the member; the tests differ in what keeps the member from
hearing of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import structlog
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from support import groups, topics
from support.databases import RUNTIME, Databases
from support.ledger import INPUT, Ledger, create_table
from support.waiting import eventually

SESSION = timedelta(seconds=6)


@pytest.fixture
async def dsn(database: Databases) -> str:
    made = database(RUNTIME)
    await create_table(database.owner(made))
    return made


@pytest.fixture
def short(kafka: KafkaSettings) -> KafkaSettings:
    """The shortest session that a broker takes; stalls are not noticed before it ends."""
    return kafka.model_copy(
        update={"session_timeout": SESSION, "heartbeat_interval": timedelta(seconds=1)}
    )


def messages(start: int) -> list[Message]:
    return [Message(INPUT, b"key-%d" % n, b"value-%d" % n, ()) for n in range(start, start + 20)]


def lost(ledger: Ledger, reason: str) -> float:
    """What the metric has counted."""
    labels = {"service": "ledger", "reason": reason}
    value = ledger.registry.get_sample_value("pledge_consumer_memberships_lost_total", labels)
    return value or 0


async def falls_out_and_rejoins(
    ledger: Ledger,
    kafka: KafkaSettings,
    reason: str,
    fall_out: Callable[[set[str]], Awaitable[object]],
) -> None:
    """It must be back, counted and reading within one session timeout, and not ready meanwhile."""
    await topics.publish(kafka, messages(0))
    await eventually(lambda: _has_rows(ledger, 20))
    await eventually(_is_ready(ledger))
    before = await groups.members(kafka, "ledger")
    assert len(before) == 1
    readiness = True
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(SESSION.total_seconds()):
            await fall_out(before)
            while not (lost(ledger, reason) and ledger.consumer.is_ready):
                readiness = ledger.consumer.is_ready
                await asyncio.sleep(0.01)  # noqa: TID251 - real time is what is bounded
            after = await groups.members(kafka, "ledger")
            await topics.publish(kafka, messages(20))
            await eventually(lambda: _has_rows(ledger, 40))
    assert not readiness
    assert len(after) == 1
    assert after.isdisjoint(before)
    assert max(Counter(await ledger.rows()).values()) == 1
    [line] = [each for each in lines if each["event"] == "group_membership_lost"]
    assert (line["reason"], {line["member_id"]}) == (reason, before)


async def test_member_that_its_coordinator_forgot_hears_of_it_by_its_next_heartbeat(
    short: KafkaSettings, dsn: str
) -> None:
    async with Ledger(short, dsn) as ledger:
        await falls_out_and_rejoins(
            ledger, short, "forgotten", lambda ids: groups.forget(short, "ledger", ids)
        )


async def test_member_whose_heartbeats_prove_nothing_hears_of_it_by_a_commit(
    short: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", _succeeds)
    async with Ledger(short, dsn) as ledger:
        await falls_out_and_rejoins(
            ledger, short, "forgotten", lambda ids: groups.forget(short, "ledger", ids)
        )


async def test_member_that_can_not_find_out_rejoins(
    short: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heartbeats prove nothing, and its commits find no coordinator."""

    async def forget(member_ids: set[str]) -> None:
        monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", _succeeds)
        monkeypatch.setattr(GroupCoordinator, "_do_commit_offsets", _finds_no_coordinator)
        await groups.forget(short, "ledger", member_ids)

    async with Ledger(short, dsn) as ledger:
        await falls_out_and_rejoins(ledger, short, "unlisted", forget)


async def test_member_whose_heartbeats_have_ended_rejoins_before_it_is_forgotten(
    short: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the death of a broker: aiokafka ends them when the coordinator is loading."""

    async def loading(_: object) -> bool:
        monkeypatch.undo()
        raise KafkaError("Unexpected exception in heartbeat task: GroupLoadInProgressError()")

    async def end_heartbeats(_: set[str]) -> None:
        monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", loading)

    async with Ledger(short, dsn) as ledger:
        await falls_out_and_rejoins(ledger, short, "heartbeat_ended", end_heartbeats)


async def test_spare_member_that_can_not_find_out_rejoins(
    short: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no partitions, so nothing to commit; it must be there when an owner dies."""
    async with (
        Ledger(short, dsn) as first,
        Ledger(short, dsn) as second,
        Ledger(short, dsn) as third,
    ):
        ledgers = [first, second, third]
        for each in ledgers:
            await eventually(_is_ready(each))
        spares = await eventually(lambda: groups.spares(short, "ledger"))
        monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", _succeeds)
        async with asyncio.timeout(SESSION.total_seconds()):
            await groups.forget(short, "ledger", spares)
            while not sum(lost(each, "unlisted") for each in ledgers):
                await asyncio.sleep(0.01)  # noqa: TID251 - real time is what is bounded
        monkeypatch.undo()

        async def is_whole() -> bool:
            return len(await groups.members(short, "ledger")) == len(ledgers)

        await eventually(is_whole)


async def test_member_whose_commits_fail_stays_while_it_is_listed(
    short: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the topic of offsets has too few replicas to be written."""
    async with Ledger(short, dsn) as ledger:
        await eventually(_is_ready(ledger))
        before = await groups.members(short, "ledger")
        monkeypatch.setattr(GroupCoordinator, "_do_commit_offsets", _finds_no_coordinator)
        await asyncio.sleep(1.5 * SESSION.total_seconds())  # noqa: TID251 - real time matters here
        assert ledger.consumer.is_ready
        assert await groups.members(short, "ledger") == before


async def test_member_that_is_known_stays_however_idle_it_is(
    short: KafkaSettings, dsn: str
) -> None:
    async with Ledger(short, dsn) as ledger:
        await eventually(_is_ready(ledger))
        before = await groups.members(short, "ledger")
        await asyncio.sleep(1.5 * SESSION.total_seconds())  # noqa: TID251 - real time matters here
        assert ledger.consumer.is_ready
        assert await groups.members(short, "ledger") == before


async def _has_rows(ledger: Ledger, count: int) -> bool:
    return await ledger.count() == count


async def _succeeds(_: object) -> bool:
    return True


async def _finds_no_coordinator(*_: object) -> None:
    raise GroupCoordinatorNotAvailableError


def _is_ready(ledger: Ledger) -> Callable[[], Awaitable[bool]]:
    async def is_ready() -> bool:
        return ledger.consumer.is_ready

    return is_ready
