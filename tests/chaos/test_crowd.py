"""Very many timers due while things break: `make chaos MINUTES=0 TIMERS=100000`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.chaos.crowd import Plan, hold
from support.chaos.crowd_report import write
from support.chaos.ground import Ground

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

LASTS = timedelta(seconds=60)
# Fewer than this many are a try of the scenario, and no report.
REPORTED = 100_000


async def test_each_of_very_many_timers_breaches_once_or_not_at_all(
    request: pytest.FixtureRequest,
) -> None:
    """None lost, none twice, none early, none that a fact on the bus had prevented."""
    timers = request.config.getoption("--chaos-timers", 0)
    if not timers:
        pytest.skip("ask for it with --chaos-timers")
    ground: Ground = request.getfixturevalue("ground")
    seed = request.config.getoption("--chaos-seed", 1)
    seen = await hold(ground, Plan(timers, LASTS), seed)
    for what, count in seen.counts.items():
        print(f"{what}: {count:,}")
    print(f"noticed after: {[round(seen.later_than(at), 3) for at in (0.5, 0.99, 1)]} s")
    if timers >= REPORTED:
        write(seen, seed)
    assert seen.verdict.is_clean, str(seen.verdict)
