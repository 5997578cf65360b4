"""A batch that fails is applied item by item; passing faults are no item's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pledge.runtime.kafka.batch_fallback import apply_or_reject
from pledge.runtime.kafka.ownership import Fenced


class Sink:
    """Takes numbers; fails with `faults[number]` where a batch holds it."""

    def __init__(self, faults: dict[int, Exception]) -> None:
        self.faults = faults
        self.applied: list[int] = []
        self.rejected: list[tuple[int, str]] = []

    async def apply(self, batch: Sequence[int]) -> None:
        for number in batch:
            if fault := self.faults.get(number):
                raise fault
        self.applied += batch

    async def reject(self, number: int, error: Exception) -> None:
        self.rejected.append((number, str(error)))


async def run(sink: Sink, batch: Sequence[int]) -> None:
    await apply_or_reject(batch, apply=sink.apply, reject=sink.reject)


async def test_a_bad_item_is_rejected_alone_and_in_its_turn() -> None:
    sink = Sink({2: ValueError("bad")})
    await run(sink, [1, 2, 3])
    assert (sink.applied, sink.rejected) == ([1, 3], [(2, "bad")])


async def test_a_batch_of_one_is_tried_again_before_it_is_rejected() -> None:
    sink = Sink({1: ValueError("stale")})

    async def once(batch: Sequence[int]) -> None:
        try:
            await sink.apply(batch)
        finally:
            sink.faults.clear()

    await apply_or_reject([1], apply=once, reject=sink.reject)
    assert (sink.applied, sink.rejected) == ([1], [])


@pytest.mark.parametrize("fault", [Fenced("lost"), ConnectionResetError("away")])
async def test_a_fault_of_no_item_is_raised_and_rejects_nothing(fault: Exception) -> None:
    sink = Sink({1: ValueError("bad"), 3: fault})
    with pytest.raises(type(fault)):
        await run(sink, [3, 4])
    with pytest.raises(type(fault)):
        await run(sink, [1, 2, 3, 4])
    assert (sink.applied, sink.rejected) == ([2], [(1, "bad")])
