"""Each line of docs/guarantees.md once, on the real broker and database."""

from __future__ import annotations

import pytest

from support.chaos.ground import Ground
from support.chaos.load import SHORT, Ledger
from support.chaos.trial import hold_trial
from support.chaos.world import open_world

pytestmark = pytest.mark.chaos


async def test_smoke(ground: Ground, request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--chaos-seed", 1)
    name = request.config.getoption("--chaos-scenario", "")
    async with open_world(ground, "smoke") as world:
        trial = await hold_trial(world, name, seed, SHORT, Ledger())
    print(trial.took, trial.kills, trial.verdict.counts)
    assert trial.verdict.is_clean, str(trial)
