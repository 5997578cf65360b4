"""Asks the broker whether partitions were read to their ends, few questions for many timers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import Clock
from pledge.runtime.outbox import OutboxTransaction
from pledge.runtime.records import Partition

# Questions under way at a time. What comes meanwhile is asked together, once one is answered.
AT_ONCE = 2
# A question about several partitions may go to several brokers. When one of these is away, the
# partitions that the others lead are asked about by themselves after so many seconds.
TOGETHER_FOR = 1.0

log = structlog.get_logger()


class Owner(Protocol):
    """What a timer worker asks of the partition's consumer."""

    def owned_transaction(
        self, partition: Partition
    ) -> AbstractAsyncContextManager[OutboxTransaction]:
        """A transaction in the name of the owner, never beside one of its batches."""
        ...

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Those of `partitions` whose every record published until now is in the database."""
        ...


class Answer(NamedTuple):
    """How a partition stood when the question was put."""

    asked_at: datetime
    has_answered: bool
    """Whether the broker said anything."""
    is_read: bool
    """Whether everything published until `asked_at` is in the database."""


_Waiting = list[tuple[Partition, "asyncio.Future[Answer]"]]


class ReadUp:
    """Puts the questions of all partitions of a process."""

    def __init__(self, owner: Owner, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock
        self._waiting: _Waiting = []
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, partition: Partition) -> Answer:
        """Whether everything published on `partition` until now is in the database."""
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
                log.warning("a broker does not say how far its partitions go")
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
            read = await self._owner.caught_up(partitions)
        except KafkaError as error:
            log.warning("can't ask how far partitions go", error=repr(error))
            unknown = Answer(asked_at, has_answered=False, is_read=False)
            _tell(waiting, dict.fromkeys(partitions, unknown))
        except Exception as error:
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
        else:
            found = {
                each: Answer(asked_at, has_answered=True, is_read=each in read)
                for each in partitions
            }
            _tell(waiting, found)


def _tell(waiting: _Waiting, answers: dict[Partition, Answer]) -> None:
    for partition, answer in waiting:
        if not answer.done():
            answer.set_result(answers[partition])
