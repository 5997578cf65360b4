"""The loop that wakes at due instants, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from pledge.runtime.scheduling.due_loop import DueLoop
from pledge.runtime.testing import VirtualClock
from support.clocks import SteppedClock
from support.waiting import eventually

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def one_lane(_: str) -> Hashable:
    return None


class Table:
    """What the database would hold: keys and when they are due."""

    def __init__(self, clock: VirtualClock | SteppedClock) -> None:
        self.clock = clock
        self.rows: dict[str, datetime] = {}
        self.fired: list[tuple[datetime, str]] = []
        self.loads = 0
        self.lane_of: Callable[[str], Hashable] = one_lane
        self.fault: Exception | None = None

    async def load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, str]]:
        """In turns, one of each desk (the key's first letter)."""
        self.loads += 1
        due = sorted((at, key) for key, at in self.rows.items() if at <= horizon)
        places: Counter[Hashable] = Counter()
        dealt: list[tuple[int, tuple[datetime, str]]] = []
        for each in due:
            places[self.lane_of(each[1])] += 1
            dealt.append((places[self.lane_of(each[1])], each))
        return [each for _, each in sorted(dealt)[: max(limit, len(places))]]

    async def fire(self, batch: Sequence[tuple[datetime, str]]) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        for _, key in batch:
            self.fired.append((self.clock.now(), key))
            self.rows.pop(key, None)


@asynccontextmanager
async def running(table: Table, limit: int = 100) -> AsyncIterator[DueLoop[str]]:
    loop = DueLoop(table.clock, load=table.load, fire=table.fire, window=10 * MINUTE, limit=limit)
    task = asyncio.create_task(loop.run())
    await settle()
    yield loop
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)  # noqa: TID251 - lets the loop's tasks run, no time passes


async def advance(clock: VirtualClock | SteppedClock, until: datetime) -> None:
    while (wake := clock.next_wake()) is not None and wake <= until:
        clock.advance_to(max(wake, clock.now()))
        await settle()
    clock.advance_to(until)
    await settle()


@pytest.fixture
def table() -> Table:
    return Table(VirtualClock(START))


async def test_each_key_fires_at_its_instant_and_once(table: Table) -> None:
    table.rows = {"soon": START + MINUTE, "later": START + 300 * MINUTE}
    async with running(table):
        await advance(table.clock, START + 400 * MINUTE)
    assert table.fired == [(START + MINUTE, "soon"), (START + 300 * MINUTE, "later")]


async def test_what_is_overdue_at_start_fires_at_once_oldest_first(table: Table) -> None:
    table.rows = {"b": START - MINUTE, "a": START - 2 * MINUTE}
    async with running(table):
        assert [key for _, key in table.fired] == ["a", "b"]


async def test_an_earlier_appointment_wakes_the_sleeper(table: Table) -> None:
    async with running(table) as loop:
        loop.schedule(START + 3 * MINUTE, "x")
        loop.schedule(START + MINUTE, "x")
        await settle()
        await advance(table.clock, START + 5 * MINUTE)
    assert table.fired == [(START + MINUTE, "x")]


async def test_a_forgotten_key_does_not_fire(table: Table) -> None:
    async with running(table) as loop:
        loop.schedule(START + MINUTE, "x")
        loop.forget("x")
        await advance(table.clock, START + 5 * MINUTE)
    assert table.fired == []


async def test_more_than_one_load_holds_is_fired_in_order(table: Table) -> None:
    table.rows = {f"{n:03}": START + n * timedelta(seconds=1) for n in range(57)}
    async with running(table, limit=10):
        await advance(table.clock, START + 2 * MINUTE)
    assert [key for _, key in table.fired] == [f"{n:03}" for n in range(57)]
    assert all(at == START + int(key) * timedelta(seconds=1) for at, key in table.fired)


async def test_asked_to_read_again_while_it_reads_it_reads_again(table: Table) -> None:
    table.rows = {"x": START + MINUTE}
    answer, asked = asyncio.Event(), []

    async def slow(horizon: datetime, limit: int) -> Sequence[tuple[datetime, str]]:
        found = await table.load(horizon, limit)
        asked.append(horizon)
        if len(asked) == 1:
            await answer.wait()
        return found

    loop = DueLoop(table.clock, load=slow, fire=table.fire, window=10 * MINUTE)
    task = asyncio.create_task(loop.run())
    await settle()
    table.rows["y"] = START + 2 * MINUTE  # a partition comes while the answer is on its way
    loop.reload()
    answer.set()
    await settle()
    await advance(table.clock, START + 5 * MINUTE)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert table.fired == [(START + MINUTE, "x"), (START + 2 * MINUTE, "y")]


async def test_of_what_is_kept_and_what_is_read_the_earlier_one_holds(table: Table) -> None:
    table.rows = {"x": START + 5 * MINUTE, "y": START + MINUTE}
    async with running(table) as loop:
        # The answer to a commit was lost: memory did not hear that it moved the appointment.
        table.rows["x"] = START + 2 * MINUTE
        loop.schedule(START + 3 * MINUTE, "y")
        loop.reload()
        await settle()
        await advance(table.clock, START + 4 * MINUTE)
    assert table.fired == [(START + MINUTE, "y"), (START + 2 * MINUTE, "x")]


async def test_a_database_that_is_away_is_asked_again(table: Table) -> None:
    table.rows = {"x": START + MINUTE}
    table.fault = ConnectionError("away")
    async with running(table):
        await advance(table.clock, START + 2 * MINUTE)

        async def fired() -> bool:
            return [key for _, key in table.fired] == ["x"]

        await eventually(fired)


async def test_another_fault_ends_the_loop(table: Table) -> None:
    loop = DueLoop(table.clock, load=table.load, fire=table.fire)
    table.rows = {"x": START}
    table.fault = KeyError("a bug")
    with pytest.raises(KeyError):
        await loop.run()


async def test_far_appointments_stay_in_the_database(table: Table) -> None:
    async with running(table) as loop:
        table.rows["far"] = START + 60 * MINUTE
        loop.schedule(START + 60 * MINUTE, "far")
        assert len(loop) == 0
        await advance(table.clock, START + 61 * MINUTE)
    assert table.fired == [(START + 60 * MINUTE, "far")]


# -- a clock that is set ----------------------------------------------------------------------


async def test_what_a_clock_set_ahead_jumps_over_fires_soon_oldest_first() -> None:
    """At the latest after the longest piece of a sleep, half a minute."""
    clock = SteppedClock(START)
    table = Table(clock)
    table.rows = {"b": START + 50 * MINUTE, "a": START + 5 * MINUTE, "later": START + 70 * MINUTE}
    async with running(table):
        clock.step(60 * MINUTE)
        await advance(clock, clock.now() + timedelta(seconds=30))
        assert [key for _, key in table.fired] == ["a", "b"]
        await advance(clock, START + 75 * MINUTE)
    assert table.fired[-1] == (START + 70 * MINUTE, "later")


async def test_a_clock_set_back_fires_nothing_before_its_instant_and_nothing_twice() -> None:
    clock = SteppedClock(START)
    table = Table(clock)
    table.rows = {"done": START + MINUTE, "open": START + 4 * MINUTE}
    async with running(table):
        await advance(clock, START + 2 * MINUTE)
        clock.step(-90 * MINUTE)
        await advance(clock, START)
        assert [key for _, key in table.fired] == ["done"]
        await advance(clock, START + 5 * MINUTE)
    assert [key for _, key in table.fired] == ["done", "open"]
    assert table.fired[-1][0] == START + 4 * MINUTE


# -- lanes --------------------------------------------------------------------------------------


def desk_of(key: str) -> str:
    return key[0]


async def test_lane_that_is_held_up_holds_up_no_other(table: Table) -> None:
    table.rows = {f"a{n}": START + MINUTE for n in range(9)} | {"b": START + MINUTE}
    may_go_on = asyncio.Event()

    async def fire(batch: Sequence[tuple[datetime, str]]) -> None:
        if batch[0][1].startswith("a"):
            await may_go_on.wait()
        await table.fire(batch)

    loop = DueLoop(table.clock, load=table.load, fire=fire, batch_limit=4, lane_of=desk_of)
    task = asyncio.create_task(loop.run())
    await settle()
    await advance(table.clock, START + 2 * MINUTE)
    assert [key for _, key in table.fired] == ["b"]
    may_go_on.set()
    await settle()
    assert [key for _, key in table.fired] == ["b", *(f"a{n}" for n in range(9))]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_batch_is_of_one_lane(table: Table) -> None:
    table.rows = {f"{desk}{n}": START + MINUTE for n in range(5) for desk in "ab"}
    batches: list[list[str]] = []

    async def fire(batch: Sequence[tuple[datetime, str]]) -> None:
        batches.append([key for _, key in batch])
        await table.fire(batch)

    loop = DueLoop(table.clock, load=table.load, fire=fire, batch_limit=3, lane_of=desk_of)
    task = asyncio.create_task(loop.run())
    await settle()
    await advance(table.clock, START + 2 * MINUTE)
    assert all(len({desk_of(key) for key in batch}) == 1 for batch in batches)
    assert sorted(map(len, batches)) == [2, 2, 3, 3]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("other_at", "sizes"),
    [
        (START + MINUTE, [2, 2, 2, 2, 2]),
        (START + MINUTE + timedelta(seconds=1), [2, 2, 2, 2, 2]),
        (START + 2 * MINUTE, [8, 2]),
        (None, [8, 2]),
    ],
)
async def test_batches_are_small_while_another_lane_has_something_due_or_nearly_due(
    table: Table, other_at: datetime | None, sizes: list[int]
) -> None:
    table.rows = {f"a{n}": START + MINUTE for n in range(10)}
    if other_at is not None:
        table.rows["b"] = other_at
    found: list[int] = []
    shared: list[int] = []
    may_go_on = asyncio.Event()

    async def fire(batch: Sequence[tuple[datetime, str]]) -> None:
        if batch[0][1] == "b":
            await may_go_on.wait()  # the other lane is under way all the time
        else:
            found.append(len(batch))
        await table.fire(batch)

    loop = DueLoop(
        table.clock, load=table.load, fire=fire, batch_limit=8, shared_limit=2, lane_of=desk_of,
        on_shared=lambda: shared.append(len(found)),
    )  # fmt: skip
    task = asyncio.create_task(loop.run())
    await settle()
    await advance(table.clock, START + MINUTE)
    assert found == sizes
    assert shared == ([0, 1, 2, 3, 4] if sizes[0] == 2 else [])
    may_go_on.set()
    await advance(table.clock, START + 3 * MINUTE)
    others = ["b"] if other_at is not None else []
    assert sorted(key for _, key in table.fired) == [*(f"a{n}" for n in range(10)), *others]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("limit", [8, 40])
async def test_lanes_behind_more_than_memory_holds_of_another_are_on_time(
    table: Table, limit: int
) -> None:
    """Also what comes while the flood is held up, and when there are more lanes than room."""
    table.lane_of = desk_of
    table.rows = {f"a{n:03}": START + (n - 100) * timedelta(seconds=1) for n in range(100)}
    table.rows |= {f"b{n}": START + n * MINUTE for n in range(1, 6)}
    may_go_on = asyncio.Event()

    async def fire(batch: Sequence[tuple[datetime, str]]) -> None:
        if desk_of(batch[0][1]) == "a":
            await may_go_on.wait()
        await table.fire(batch)

    loop = DueLoop(
        table.clock, load=table.load, fire=fire, limit=limit, batch_limit=4, lane_of=desk_of,
        window=10 * MINUTE,
    )  # fmt: skip
    task = asyncio.create_task(loop.run())
    await settle()
    for lane in "cdefghij":
        table.rows[lane] = START + 5 * MINUTE
        loop.schedule(table.rows[lane], lane)
    await advance(table.clock, START + 6 * MINUTE)
    on_time = [(START + n * MINUTE, f"b{n}") for n in range(1, 6)]
    on_time += [(START + 5 * MINUTE, lane) for lane in "cdefghij"]
    assert sorted(table.fired) == sorted(on_time)
    may_go_on.set()
    for _ in range(20):
        await settle()
    assert [key for _, key in table.fired[len(on_time) :]] == [f"a{n:03}" for n in range(100)]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# -- memory -------------------------------------------------------------------------------------


async def test_memory_holds_no_more_than_its_limit_and_nothing_is_lost(table: Table) -> None:
    """Also what is scheduled, again and again, by new facts."""
    async with running(table, limit=20) as loop:
        for n in range(200):
            key, due = f"{n % 50:03}", START + MINUTE + n * timedelta(seconds=1)
            table.rows[key] = due
            loop.schedule(due, key)
            assert len(loop) <= 20
        await settle()
        await advance(table.clock, START + 9 * MINUTE)
    assert sorted(key for _, key in table.fired) == [f"{n:03}" for n in range(50)]
    assert [at for at, _ in table.fired] == sorted(at for at, _ in table.fired)
    promised = {f"{n:03}": START + MINUTE + (150 + n) * timedelta(seconds=1) for n in range(50)}
    assert {key: at for at, key in table.fired} == promised


# -- reading ahead ------------------------------------------------------------------------------


async def test_what_is_near_is_shown_beforehand_many_at_a_time(table: Table) -> None:
    table.rows = {f"{n:02}": START + MINUTE + n * timedelta(milliseconds=100) for n in range(20)}
    shown: list[tuple[datetime, list[str]]] = []

    async def prepare(keys: Sequence[str]) -> None:
        shown.append((table.clock.now(), list(keys)))

    loop = DueLoop(table.clock, load=table.load, fire=table.fire, prepare=prepare)
    task = asyncio.create_task(loop.run())
    await settle()
    await advance(table.clock, START + 2 * MINUTE)
    assert shown == [(START + MINUTE - timedelta(seconds=2), sorted(table_keys(20)))]
    assert len(table.fired) == 20
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def table_keys(count: int) -> list[str]:
    return [f"{n:02}" for n in range(count)]


async def test_fault_while_reading_ahead_stops_nothing(table: Table) -> None:
    table.rows = {"x": START + MINUTE}

    async def prepare(_: Sequence[str]) -> None:
        raise ConnectionError("away")

    loop = DueLoop(table.clock, load=table.load, fire=table.fire, prepare=prepare)
    task = asyncio.create_task(loop.run())
    await settle()
    await advance(table.clock, START + 2 * MINUTE)
    assert table.fired == [(START + MINUTE, "x")]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
