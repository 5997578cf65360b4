"""Work that many ask for at once is done once, and never older than the question."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pledge.runtime.clock import SystemClock
from sla.pages.single_flight import SingleFlight


class Work:
    """Counts its rounds; a round ends on command."""

    def __init__(self) -> None:
        self.rounds = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.rounds += 1
        number = self.rounds
        await self.gate.wait()
        return number


async def begun(work: Work) -> None:
    """Let what was asked for begin."""
    while not work.rounds:
        await SystemClock().sleep(timedelta(0))


async def test_who_asks_during_a_round_gets_the_next_one_with_all_others() -> None:
    flight, work = SingleFlight[int](), Work()
    first = [asyncio.create_task(flight.get("a", work)) for _ in range(3)]
    await begun(work)
    later = [asyncio.create_task(flight.get("a", work)) for _ in range(3)]
    await SystemClock().sleep(timedelta(0))
    assert work.rounds == 1
    work.gate.set()
    assert await asyncio.gather(*first) == [1, 1, 1]
    assert await asyncio.gather(*later) == [2, 2, 2]
    assert await flight.get("a", work) == 3


async def test_other_keys_do_not_wait() -> None:
    flight, slow, fast = SingleFlight[int](), Work(), Work()
    fast.gate.set()
    waiting = asyncio.create_task(flight.get("a", slow))
    assert await flight.get("b", fast) == 1
    slow.gate.set()
    assert await waiting == 1


async def test_one_who_leaves_takes_it_from_nobody_and_a_failure_is_everybodys() -> None:
    flight, work = SingleFlight[int](), Work()
    leaves, stays = (asyncio.create_task(flight.get("a", work)) for _ in range(2))
    await begun(work)
    leaves.cancel()
    work.gate.set()
    assert await stays == 1

    async def fails() -> int:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await flight.get("a", fails)
