"""What follows on what was applied, and what must be asked for again."""

from __future__ import annotations

from datetime import UTC, datetime

from pledge.runtime.kafka.ownership import PartitionState, unapplied
from pledge.runtime.records import Partition, Record

AT = datetime(2026, 1, 5, tzinfo=UTC)


def records(first: int, last: int) -> list[Record]:
    return [Record("t", 0, at, b"k", b"v", (), AT) for at in range(first, last + 1)]


def test_records_that_were_applied_are_left_out() -> None:
    state = PartitionState(Partition("t", 0), 1, next_offset=5, poison_run=0)
    assert unapplied(state, records(3, 4)) == []
    assert unapplied(state, records(3, 6)) == records(5, 6)


def test_batches_on_their_way_when_we_sought_back_are_no_proof_of_a_gap() -> None:
    state = PartitionState(Partition("t", 0), 1, next_offset=5, poison_run=0)
    assert unapplied(state, records(10, 14)) is None
    assert unapplied(state, records(15, 19)) is None
    assert unapplied(state, records(5, 9)) == records(5, 9)


def test_a_gap_that_comes_twice_is_gone_for_good() -> None:
    state = PartitionState(Partition("t", 0), 1, next_offset=5, poison_run=0)
    assert unapplied(state, records(10, 14)) is None
    assert unapplied(state, records(15, 19)) is None
    assert unapplied(state, records(10, 14)) == records(10, 14)
