"""All scenarios, again and again, with new seeds and more load: `make chaos MINUTES=10`."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from pledge.runtime.clock import SystemClock
from support.chaos.arena import Arena, Broken
from support.chaos.crowd_report import REPORT, section
from support.chaos.dice import Dice
from support.chaos.ground import Ground
from support.chaos.load import LONG
from support.chaos.report import Run, render
from support.chaos.scenarios import SCENARIOS
from support.chaos.trial import Trial

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

# The oracle judges all that a world has seen, again after each trial: give it up in time.
TRIALS_IN_A_WORLD = 4


async def test_chosen_scenario(request: pytest.FixtureRequest) -> None:
    scenario = request.config.getoption("--chaos-scenario", "")
    if not scenario:
        pytest.skip("name one with --chaos-scenario")
    arena = Arena(_ground(request), LONG)
    try:
        _say(await arena.hold(scenario, request.config.getoption("--chaos-seed", 1)))
    finally:
        await arena.leave()


async def test_everything_for_minutes(request: pytest.FixtureRequest) -> None:
    minutes = request.config.getoption("--chaos-minutes", 0.0)
    if not minutes:
        pytest.skip("ask for it with --chaos-minutes")
    seed = request.config.getoption("--chaos-seed", 1)
    command = f"make chaos MINUTES={minutes:g}" + (f" SEED={seed}" if seed != 1 else "")
    run = Run(command)
    try:
        await _go_on(Arena(_ground(request), LONG), run, seed, timedelta(minutes=minutes))
    finally:
        kept = section(REPORT.read_text(encoding="utf-8"))
        REPORT.write_text("\n".join(filter(None, (render(run), kept))), encoding="utf-8")
    assert not run.failures, "\n\n".join(run.failures)


def _ground(request: pytest.FixtureRequest) -> Ground:
    """The servers, asked for only when they are needed."""
    found: Ground = request.getfixturevalue("ground")
    return found


async def _go_on(arena: Arena, run: Run, seed: int, lasts: timedelta) -> None:
    """Hold trials until the time is over; the one under way then is finished."""
    clock = SystemClock()
    began = clock.monotonic()
    last: Trial | None = None
    number = 0
    try:
        while run.lasted < lasts:
            if number % TRIALS_IN_A_WORLD == 0:
                run.close_world(last)
                last = None
                await arena.leave()
            try:
                last = await arena.hold(_scenario(seed, number), seed + number)
            except Broken as error:
                run.failures.append(str(error))
                print(error, file=sys.stderr, flush=True)
                run.close_world(error.trial or last)
                last = None
                if error.trial is None:
                    run.broken_off += 1
                else:
                    run.trials.append(error.trial)
            else:
                run.trials.append(last)
                _say(last)
            number += 1
            run.lasted = timedelta(seconds=clock.monotonic() - began)
    finally:
        run.close_world(last)
        await arena.leave()


def _scenario(seed: int, number: int) -> str:
    """Each round goes through all scenarios in an order of its own."""
    turn, place = divmod(number, len(SCENARIOS))
    order = list(SCENARIOS)
    Dice(seed + turn).shuffle(order)
    return order[place]


def _say(trial: Trial) -> None:
    counts = trial.verdict.counts
    print(
        f"{trial.scenario:32} seed {trial.seed:<6} {trial.took.total_seconds():5.1f} s"
        f"  {trial.kills} killed  {counts['events in']:,} in  {counts['breaches']:,} breaches"
        f"  {counts['pages']:,} pages  {trial.verdict}",
        flush=True,
    )
