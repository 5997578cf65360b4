"""All scenarios, again and again, with new seeds and more load: `make chaos MINUTES=10`."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from pledge.runtime.clock import SystemClock
from support.chaos.load import LONG
from support.chaos.many_timers_report import REPORT, section
from support.chaos.random_source import RandomSource
from support.chaos.report import Run, render
from support.chaos.scenarios import SCENARIOS
from support.chaos.servers import Servers
from support.chaos.trial import Trial
from support.chaos.trial_runner import TrialFailed, TrialRunner

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

# The oracle verifies all input of a deployment after each trial: replace it after some trials.
TRIALS_PER_DEPLOYMENT = 4


async def test_chosen_scenario(request: pytest.FixtureRequest) -> None:
    scenario = request.config.getoption("--chaos-scenario", "")
    if not scenario:
        pytest.skip("name one with --chaos-scenario")
    runner = TrialRunner(_servers(request), LONG)
    try:
        _say(await runner.run(scenario, request.config.getoption("--chaos-seed", 1)))
    finally:
        await runner.close_deployment()


async def test_everything_for_minutes(request: pytest.FixtureRequest) -> None:
    minutes = request.config.getoption("--chaos-minutes", 0.0)
    if not minutes:
        pytest.skip("enable with --chaos-minutes")
    seed = request.config.getoption("--chaos-seed", 1)
    command = f"make chaos MINUTES={minutes:g}" + (f" SEED={seed}" if seed != 1 else "")
    run = Run(command)
    try:
        await _go_on(TrialRunner(_servers(request), LONG), run, seed, timedelta(minutes=minutes))
    finally:
        kept = section(REPORT.read_text(encoding="utf-8"))
        REPORT.write_text("\n".join(filter(None, (render(run), kept))), encoding="utf-8")
    assert not run.failures, "\n\n".join(run.failures)


def _servers(request: pytest.FixtureRequest) -> Servers:
    """The servers, started only when they are needed."""
    found: Servers = request.getfixturevalue("servers")
    return found


async def _go_on(runner: TrialRunner, run: Run, seed: int, lasts: timedelta) -> None:
    """Hold trials until the time is over; the one under way then is finished."""
    clock = SystemClock()
    began = clock.monotonic()
    last: Trial | None = None
    number = 0
    try:
        while run.lasted < lasts:
            if number % TRIALS_PER_DEPLOYMENT == 0:
                run.count_deployment(last)
                last = None
                await runner.close_deployment()
            try:
                last = await runner.run(_scenario(seed, number), seed + number)
            except TrialFailed as error:
                run.failures.append(str(error))
                print(error, file=sys.stderr, flush=True)
                run.count_deployment(error.trial or last)
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
        run.count_deployment(last)
        await runner.close_deployment()


def _scenario(seed: int, number: int) -> str:
    """Each round goes through all scenarios in an order of its own."""
    turn, place = divmod(number, len(SCENARIOS))
    order = list(SCENARIOS)
    RandomSource(seed + turn).shuffle(order)
    return order[place]


def _say(trial: Trial) -> None:
    counts = trial.verdict.counts
    print(
        f"{trial.scenario:32} seed {trial.seed:<6} {trial.took.total_seconds():5.1f} s"
        f"  {trial.kills} killed  {counts['events in']:,} in  {counts['breaches']:,} breaches"
        f"  {counts['pages']:,} pages  {trial.verdict}",
        flush=True,
    )
