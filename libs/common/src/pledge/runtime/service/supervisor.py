"""Runs the workers of a process: when one ends, all are stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from pledge.runtime.clock import SystemClock

LEAST_GRACE = timedelta(milliseconds=200)

log = structlog.get_logger()


class WorkerEnded(Exception):
    """A worker returned although no stop was asked for."""


async def supervise(
    workers: Mapping[str, Callable[[], Awaitable[None]]],
    *,
    stop: asyncio.Event,
    grace: timedelta,
) -> None:
    """Run all workers until `stop` is set, then stop them in their order, all within `grace`.

    A worker that fails or ends takes the others down, and its error is raised: a service without
    one of its workers is worse than one that is restarted.
    """
    tasks = {
        name: asyncio.ensure_future(work(), loop=asyncio.get_running_loop())
        for name, work in workers.items()
    }
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await _stop_in_order(tasks, grace)
    if not stop.is_set():
        _raise_first(tasks)


async def _stop_in_order(tasks: Mapping[str, asyncio.Future[None]], grace: timedelta) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + grace.total_seconds()
    for name, task in tasks.items():
        task.cancel()
        # A worker after a slow one still gets a moment to release what it holds.
        left = max(deadline - clock.monotonic(), LEAST_GRACE.total_seconds())
        await asyncio.wait({task}, timeout=left)
        if not task.done():
            log.error("worker_did_not_stop_in_time", worker=name, grace=grace.total_seconds())
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker_failed", worker=name, exc_info=error)


def _raise_first(tasks: Mapping[str, asyncio.Future[None]]) -> None:
    for name, task in tasks.items():
        if task.done() and not task.cancelled():
            error = task.exception()
            raise error if error is not None else WorkerEnded(f"the worker {name} ended")


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on the first SIGTERM or SIGINT; the second one kills as usual."""
    loop = asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):
                loop.remove_signal_handler(each)

    for each in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(each, first, each)
