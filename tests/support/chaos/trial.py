"""One trial: load and a scenario run; when all work is done, the oracle verifies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pledge.runtime.clock import SystemClock
from support.chaos.deployment import Deployment
from support.chaos.load import Ledger, Load, Size
from support.chaos.oracle import verify
from support.chaos.random_source import RandomSource
from support.chaos.scenarios import SCENARIOS, ScenarioContext
from support.chaos.verdict import Verdict

# The load and the faults use different random sources, so that neither changes the other.
_FAULTS = 1 << 32


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one scenario with one seed."""

    scenario: str
    seed: int
    verdict: Verdict
    took: timedelta
    kills: int

    def __str__(self) -> str:
        return f"{self.scenario} (seed {self.seed}): {self.verdict}"


async def run_trial(
    deployment: Deployment, scenario: str, seed: int, size: Size, ledger: Ledger
) -> Trial:
    """Run `scenario` in a deployment that runs, after which everything runs again.

    `ledger` holds what earlier trials in the same deployment sent: the oracle verifies it again.
    """
    clock = SystemClock()
    began, kills = clock.monotonic(), deployment.kills + deployment.servers.kills
    load = Load(deployment, RandomSource(seed), size, ledger)
    try:
        load.begin()
        context = ScenarioContext(deployment, load, RandomSource(seed + _FAULTS), size.lasts)
        await SCENARIOS[scenario](context)
        await deployment.run_all()
        await load.done()
    finally:
        await load.close()
    await deployment.stop_others()
    await deployment.settle()
    verdict = await verify(deployment, ledger)
    return Trial(
        scenario,
        seed,
        verdict,
        timedelta(seconds=clock.monotonic() - began),
        deployment.kills + deployment.servers.kills - kills,
    )
