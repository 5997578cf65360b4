"""A run of poison is counted across batches, ends at a good record, and has a limit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pledge.runtime.kafka.poison import RESUMED_RUN, PoisonRun, poison_run
from pledge.runtime.records import Poison, Record

AT = datetime(2026, 1, 5, tzinfo=UTC)


def run_of(bad: str, before: int = 0) -> int:
    """The run after a batch in which `x` stands for poison."""
    records = [Record("t", 0, at, b"k", b"v", (), AT) for at in range(len(bad))]
    poison = [
        Poison(record, "not_json", "")
        for record, each in zip(records, bad, strict=True)
        if each == "x"
    ]
    return poison_run(before, records, poison, limit=3, service="sla")


def test_a_run_goes_on_in_the_next_batch_and_ends_at_a_good_record() -> None:
    assert run_of("xx") == 2
    assert run_of("x", before=2) == 3
    assert run_of("x.x", before=2) == 1
    assert run_of("xx.", before=1) == 0


def test_a_longer_run_than_the_limit_stops_the_service() -> None:
    with pytest.raises(PoisonRun, match=r"4 records in a row of t\[0\] .*resume sla"):
        run_of("xx", before=2)


def test_a_resumed_run_may_be_longer() -> None:
    assert run_of("x" * 10, before=-RESUMED_RUN) == 10 - RESUMED_RUN
