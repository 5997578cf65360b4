"""Very many timers due while things break: `make chaos MINUTES=0 TIMERS=100000`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.chaos.many_timers import Plan, run
from support.chaos.many_timers_report import write
from support.chaos.servers import Servers

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
        pytest.skip("enable with --chaos-timers")
    servers: Servers = request.getfixturevalue("servers")
    seed = request.config.getoption("--chaos-seed", 1)
    observed = await run(servers, Plan(timers, LASTS), seed)
    for what, count in observed.counts.items():
        print(f"{what}: {count:,}")
    print(f"noticed after: {[round(observed.later_than(at), 3) for at in (0.5, 0.99, 1)]} s")
    if timers >= REPORTED:
        write(observed, seed)
    assert observed.verdict.is_clean, str(observed.verdict)
