"""Turns are few, and shared out fairly."""

from __future__ import annotations

import asyncio

import pytest

from pledge.runtime.scheduling.fair_semaphore import FairSemaphore


class Work:
    """Notes who has a turn; each ends when told."""

    def __init__(self, turns: FairSemaphore) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.done: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, size: float) -> None:
        """Ask in the name of the party that is the first letter of `name`."""
        self.done[name] = asyncio.Event()

        async def take() -> None:
            async with self.turns.slot(name[0], size):
                self.began.append(name)
                await self.done[name].wait()

        self.tasks[name] = asyncio.create_task(take())
        await settle()

    async def finish(self, name: str) -> None:
        self.done[name].set()
        await self.tasks[name]
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - lets the tasks run, no time passes


async def test_no_more_than_so_many_have_a_turn() -> None:
    work = Work(FairSemaphore(2))
    for name in ("a1", "a2", "a3"):
        await work.ask(name, 1)
    assert work.began == ["a1", "a2"]
    await work.finish("a1")
    assert work.began == ["a1", "a2", "a3"]
    await work.finish("a2")
    await work.finish("a3")


async def test_quiet_party_overtakes_one_that_asks_for_much() -> None:
    work = Work(FairSemaphore(1))
    for n in range(4):
        await work.ask(f"a{n}", 250)
    await work.ask("b0", 1)
    await work.finish("a0")
    await work.finish("b0")
    assert work.began == ["a0", "b0", "a1"]


async def test_party_that_asks_for_much_is_not_starved_by_many_small_ones() -> None:
    """Each small turn counts, too: after as much as the large one, the large one's time is come."""
    work = Work(FairSemaphore(1))
    await work.ask("x0", 1)
    await work.ask("a0", 10)
    for n in range(30):
        await work.ask(f"b{n}", 1)
    order = []
    while len(work.began) < 32:
        current = work.began[-1]
        order.append(current)
        await work.finish(current)
    assert 9 <= order.index("a0") <= 12


async def test_turn_is_kept_for_what_is_small() -> None:
    work = Work(FairSemaphore(2, kept_for_small=1, small=5))
    await work.ask("a0", 100)
    await work.ask("a1", 100)
    assert work.began == ["a0"]
    await work.ask("b0", 5)
    assert work.began == ["a0", "b0"]
    await work.finish("a0")
    assert work.began == ["a0", "b0", "a1"]


async def test_turn_of_whoever_gives_up_goes_to_the_next() -> None:
    work = Work(FairSemaphore(1))
    for name in ("a0", "b0", "c0"):
        await work.ask(name, 1)
    work.tasks["b0"].cancel()
    await settle()
    work.tasks["a0"].cancel()
    await settle()
    assert work.began == ["a0", "c0"]
    await work.finish("c0")


async def test_failure_gives_the_turn_back() -> None:
    turns = FairSemaphore(1)
    with pytest.raises(KeyError):
        async with turns.slot("a", 1):
            raise KeyError
    async with turns.slot("a", 1):
        pass


def test_some_turns_must_be_left_for_large_work() -> None:
    with pytest.raises(ValueError, match="leave none"):
        FairSemaphore(2, kept_for_small=2)
