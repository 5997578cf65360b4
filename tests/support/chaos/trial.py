"""One trial: load comes in, a scenario runs, everything comes to rest, the oracle judges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pledge.runtime.clock import SystemClock
from support.chaos.dice import Dice
from support.chaos.judge import judge
from support.chaos.load import Ledger, Load, Size
from support.chaos.scenarios import SCENARIOS, Stage
from support.chaos.verdict import Verdict
from support.chaos.world import World

# The load and what is done to it are left to different dice, so that they don't disturb each other.
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


async def hold_trial(world: World, scenario: str, seed: int, size: Size, ledger: Ledger) -> Trial:
    """Run `scenario` in a world that runs, after which everything runs again.

    `ledger` holds what earlier trials in the same world sent: the oracle judges all of it again.
    """
    clock = SystemClock()
    began, kills = clock.monotonic(), world.kills + world.ground.kills
    load = Load(world, Dice(seed), size, ledger)
    try:
        load.begin()
        stage = Stage(world, load, Dice(seed + _FAULTS), size.lasts)
        await SCENARIOS[scenario](stage)
        await world.run_all()
        await load.done()
    finally:
        await load.close()
    await world.stop_others()
    await world.settle()
    verdict = await judge(world, ledger)
    return Trial(
        scenario,
        seed,
        verdict,
        timedelta(seconds=clock.monotonic() - began),
        world.kills + world.ground.kills - kills,
    )
