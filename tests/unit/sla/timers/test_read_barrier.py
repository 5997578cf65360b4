"""Many timers that ask where their partition ends become few questions to the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest
from aiokafka.errors import KafkaConnectionError

from pledge.runtime.outbox.writer import OutboxTransaction
from pledge.runtime.records import Partition
from pledge.runtime.testing import VirtualClock
from sla.timers.read_barrier import AT_ONCE, ReadBarrier

NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
PARTITIONS = [Partition("ticket.events.v1", number) for number in range(12)]


class Owner:
    """Answers on command; records what it was asked."""

    def __init__(self) -> None:
        self.asked: list[frozenset[Partition]] = []
        self.may_answer = asyncio.Event()
        self.ours = frozenset(PARTITIONS)
        self.fault: Exception | None = None

    def owned_transaction(
        self, partition: Partition
    ) -> AbstractAsyncContextManager[OutboxTransaction]:
        raise NotImplementedError("nothing here writes")

    def position(self, partition: Partition) -> int:
        raise NotImplementedError("nothing here is read")

    def owned(self) -> frozenset[Partition]:
        raise NotImplementedError("nothing here is released")

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        raise NotImplementedError("nothing here is re-assessed")

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        wanted = frozenset(partitions)
        self.asked.append(wanted)
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return {each: each.number for each in self.ours & wanted}


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)  # noqa: TID251 - lets the tasks run, no time passes


async def test_what_is_asked_meanwhile_is_asked_together() -> None:
    owner = Owner()
    read_barrier = ReadBarrier(owner, VirtualClock(NOW))
    asking = [asyncio.create_task(read_barrier.ask(each)) for each in PARTITIONS]
    await settle()
    assert len(owner.asked) == AT_ONCE
    owner.may_answer.set()
    answers = await asyncio.gather(*asking)
    assert [answer.end for answer in answers] == [each.number for each in PARTITIONS]
    assert len(owner.asked) == AT_ONCE + 1
    assert frozenset().union(*owner.asked) == frozenset(PARTITIONS)


async def test_answer_is_of_no_earlier_instant_than_its_question() -> None:
    """What fires by it may be due up to that instant, and no later."""
    owner, clock = Owner(), VirtualClock(NOW)
    read_barrier = ReadBarrier(owner, clock)
    first = [asyncio.create_task(read_barrier.ask(each)) for each in PARTITIONS[:AT_ONCE]]
    await settle()
    later = NOW.replace(minute=1)
    clock.advance_to(later)
    second = asyncio.create_task(read_barrier.ask(PARTITIONS[0]))
    await settle()
    owner.may_answer.set()
    assert {answer.asked_at for answer in await asyncio.gather(*first)} == {NOW}
    assert (await second).asked_at == later


async def test_each_partition_gets_its_own_answer() -> None:
    owner = Owner()
    owner.ours = frozenset(PARTITIONS[:5])
    owner.may_answer.set()
    read_barrier = ReadBarrier(owner, VirtualClock(NOW))
    answers = await asyncio.gather(*(read_barrier.ask(each) for each in PARTITIONS))
    assert [answer.end for answer in answers] == [0, 1, 2, 3, 4, *[None] * 7]


async def test_broker_that_is_away_has_not_answered() -> None:
    owner = Owner()
    owner.fault = KafkaConnectionError()
    owner.may_answer.set()
    answers = await asyncio.gather(
        *(ReadBarrier(owner, VirtualClock(NOW)).ask(each) for each in PARTITIONS)
    )
    assert [answer.end for answer in answers] == [None] * 12


async def test_another_fault_reaches_whoever_asked() -> None:
    owner = Owner()
    owner.fault = KeyError("a bug")
    owner.may_answer.set()
    with pytest.raises(KeyError):
        await ReadBarrier(owner, VirtualClock(NOW)).ask(PARTITIONS[0])
