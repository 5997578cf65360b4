"""Detects a consumer that reads nothing although records wait.

Whatever the cause (a task of the client that died, a response that never comes, a lock that is
never released), the way out is the same: close the client and rejoin the group. The log says what
every task was waiting for, so that the cause can be found afterwards.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NoReturn

import structlog

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.kafka.subscription import Subscription

LOOK_INTERVAL = timedelta(seconds=2)
# A line of the log holds no more: a service has some dozens of tasks.
MOST_TASKS_LOGGED = 100

log = structlog.get_logger()


class ConsumptionStalled(Exception):
    """There is something to do, and for too long nothing was done."""


async def watch_for_stall(
    assignment: Assignment, subscription: Subscription, kafka: KafkaSettings
) -> NoReturn:
    """Look at the consumer until cancelled.

    Raises ConsumptionStalled after too long without progress, and Fenced when the group leaves us a
    partition that another process has claimed.
    """
    clock = SystemClock()
    since, before = clock.monotonic(), assignment.progress_mark()
    while True:
        await clock.sleep(LOOK_INTERVAL)
        assignment.raise_if_fenced_for_long()
        # Asked first: the answer may take as long as a request to the broker.
        has_work, mark = await assignment.has_work(), assignment.progress_mark()
        stalled_for = clock.monotonic() - since
        if mark != before or not has_work:
            since, before = clock.monotonic(), mark
        elif stalled_for > _limit(assignment, subscription, kafka).total_seconds():
            log.error(
                "consumption_stalled",
                seconds=round(stalled_for),
                tasks=tasks_and_what_they_await(),
            )
            raise ConsumptionStalled(f"nothing was done for {stalled_for:.0f} s")


def _limit(assignment: Assignment, subscription: Subscription, kafka: KafkaSettings) -> timedelta:
    """How long there may be no progress."""
    if subscription.has_ended:
        return timedelta(0)  # waiting is of no use
    if assignment.is_joined:
        return kafka.standstill_limit
    # The longest that the group itself may take to assign partitions.
    return max(kafka.standstill_limit, kafka.rebalance_timeout + kafka.session_timeout)


def tasks_and_what_they_await() -> list[str]:
    """For each task of the running loop, where it is: the innermost line last."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    lines = (f"{each.get_name()}: {' > '.join(_lines(each.get_coro()))}" for each in others)
    return sorted(lines)[:MOST_TASKS_LOGGED]


def _lines(awaited: object) -> list[str]:
    """The lines at which a chain of awaits stands; what is no coroutine ends it by its name."""
    lines: list[str] = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is None:
            return [*lines, type(awaited).__name__]
        code = frame.f_code
        lines.append(f"{code.co_qualname} ({code.co_filename.rpartition('/')[2]}:{frame.f_lineno})")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return lines
