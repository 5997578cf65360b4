"""Each scenario once, with little load, in one deployment. The oracle verifies 0 lost, 0 applied
twice, 0 false breaches, or the trial fails with the command that repeats it."""

from __future__ import annotations

import pytest

from support.chaos.trial_runner import TrialRunner

# One process holds all of them, so that there is one broker and one deployment.
pytestmark = pytest.mark.chaos


@pytest.fixture(autouse=True)
def _only_the_short_form(request: pytest.FixtureRequest) -> None:
    config = request.config
    if (
        config.getoption("--chaos-timers", 0)
        or config.getoption("--chaos-minutes", 0)
        or config.getoption("--chaos-scenario", "")
    ):
        pytest.skip("the long form runs instead")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    found: int = request.config.getoption("--chaos-seed", 1)
    return found


async def test_killed_services_lose_nothing_and_double_nothing(
    runner: TrialRunner, seed: int
) -> None:
    await runner.run("services are killed", seed)


async def test_killed_broker_costs_no_event_and_no_promise(runner: TrialRunner, seed: int) -> None:
    await runner.run("the broker is killed", seed + 1)


async def test_killed_database_costs_no_event_and_no_promise(
    runner: TrialRunner, seed: int
) -> None:
    await runner.run("the database is killed", seed + 2)


async def test_two_processes_of_one_name_write_once(runner: TrialRunner, seed: int) -> None:
    await runner.run("a zombie returns", seed + 3)


async def test_owner_in_another_group_is_fenced(runner: TrialRunner, seed: int) -> None:
    await runner.run("two groups own the same", seed + 4)


async def test_rebalances_in_a_batch_apply_it_once(runner: TrialRunner, seed: int) -> None:
    await runner.run("replicas come and go", seed + 5)


async def test_poison_is_kept_and_costs_its_neighbours_nothing(
    runner: TrialRunner, seed: int
) -> None:
    await runner.run("poison among good records", seed + 6)


async def test_terminated_services_go_on_where_they_were(runner: TrialRunner, seed: int) -> None:
    await runner.run("services are terminated", seed + 7)


async def test_services_wait_for_a_broker_that_is_away(runner: TrialRunner, seed: int) -> None:
    await runner.run("the broker is away at start", seed + 8)


async def test_breaches_while_notify_is_away_are_paged_once_and_late(
    runner: TrialRunner, seed: int
) -> None:
    trial = await runner.run("notify is away", seed + 9)
    assert trial.verdict.counts["pages marked late"] > 0
