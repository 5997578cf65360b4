"""Asks the broker where partitions end, few questions for many timers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import Clock
from pledge.runtime.kafka.ownership import PartitionOwner
from pledge.runtime.records import Partition

# Questions under way at a time. What comes meanwhile is asked together, once one is answered.
AT_ONCE = 2
# A question about several partitions may go to several brokers. When one of these is away, the
# partitions that the others lead are asked about by themselves after so many seconds.
TOGETHER_FOR = 1.0

log = structlog.get_logger()


class Answer(NamedTuple):
    """Where a partition ended when the question was put."""

    asked_at: datetime
    end: int | None
    """Behind the last record that was published by then; None when the broker did not say."""


_Waiting = list[tuple[Partition, "asyncio.Future[Answer]"]]


class ReadBarrier:
    """Puts the questions of all partitions of a process."""

    def __init__(self, owner: PartitionOwner, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock
        self._waiting: _Waiting = []
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, partition: Partition) -> Answer:
        """Where `partition` ends now."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((partition, answer))
        if len(self._asking) < AT_ONCE:
            self._go_on()
        return await answer

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.ensure_future(self._answer(waiting))
        self._asking.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        if self._waiting and not task.cancelled():
            self._go_on()

    async def _answer(self, waiting: _Waiting) -> None:
        partitions = frozenset(partition for partition, _ in waiting)
        if len(partitions) > 1:
            try:
                async with asyncio.timeout(TOGETHER_FOR):
                    await self._put(waiting, partitions)
            except TimeoutError:
                log.warning("end_offsets_timed_out")
            else:
                return
        await asyncio.gather(
            *(
                self._put([each for each in waiting if each[0] == partition], {partition})
                for partition in partitions
            )
        )

    async def _put(self, waiting: _Waiting, partitions: Collection[Partition]) -> None:
        asked_at = self._clock.now()
        try:
            ends = await self._owner.ends(partitions)
        except KafkaError as error:
            log.warning("end_offsets_failed", error=repr(error))
            _answer_all(waiting, dict.fromkeys(partitions, Answer(asked_at, None)))
        except Exception as error:
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
        else:
            _answer_all(waiting, {each: Answer(asked_at, ends.get(each)) for each in partitions})


def _answer_all(waiting: _Waiting, answers: dict[Partition, Answer]) -> None:
    for partition, answer in waiting:
        if not answer.done():
            answer.set_result(answers[partition])
