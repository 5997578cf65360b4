"""What customers read of the promises on their tickets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from intake.domain.command_registry import State
from intake.domain.promises_shown import PromiseRules, ShownPromise, Standing, told, variables_of
from unit.intake.builders import at

RULES = PromiseRules(
    (ShownPromise("first_response", "First answer"), ShownPromise("resolution", "Solution"))
)


@dataclass(frozen=True)
class Promise:
    metric: str = "first_response"
    cycle: int = 1
    state: str = "running"
    due_at: datetime | None = None
    expect_at: datetime | None = None
    met_at: datetime | None = None


@pytest.mark.parametrize(
    ("promise", "standing", "shown_at"),
    [
        (Promise(due_at=at(60)), Standing.DUE, at(60)),
        (Promise(due_at=at(60), expect_at=at(30)), Standing.DUE, at(60)),
        (Promise(expect_at=at(30)), Standing.EXPECTED, at(30)),
        (Promise(state="paused"), Standing.STANDS_STILL, None),
        (Promise(state="waiting"), Standing.WAITS_FOR_YOU, None),
        (Promise(state="met", due_at=at(60), met_at=at(20)), Standing.KEPT, at(20)),
        (Promise(state="breached", due_at=at(60)), Standing.MISSED, at(60)),
        (Promise(state="breached", due_at=at(60), met_at=at(90)), Standing.KEPT_LATE, at(90)),
    ],
)
def test_each_promise_says_by_when_what_it_waits_for_or_whether_it_was_kept(
    promise: Promise, standing: Standing, shown_at: datetime | None
) -> None:
    [shown] = told(RULES, [promise], State.OPEN, ())
    assert (shown.title, shown.standing, shown.at) == ("First answer", standing, shown_at)


@pytest.mark.parametrize("promise", [Promise(), Promise(state="cancelled", due_at=at(60))])
def test_what_is_not_promised_is_not_shown(promise: Promise) -> None:
    assert told(RULES, [promise], State.OPEN, ()) == ()
    other = Promise(metric="callback", due_at=at(60))
    assert told(RULES, [other], State.OPEN, ()) == (), "the desk does not show it"


def test_a_promise_that_has_not_begun_says_which_information_it_waits_for() -> None:
    running = Promise(metric="resolution", due_at=at(60))
    first, second = told(RULES, [running], State.OPEN, ("product_version",))
    assert (first.standing, first.missing) == (
        Standing.WAITS_FOR_INFORMATION, ("product_version",),
    )  # fmt: skip
    assert second.standing is Standing.DUE
    assert told(RULES, [], State.CLOSED, ("product_version",)) == ()


def test_of_a_promise_that_began_again_the_newest_counts() -> None:
    again = [Promise(cycle=2, due_at=at(90)), Promise(state="met", met_at=at(5))]
    assert [each.at for each in told(RULES, again, State.OPEN, ())] == [at(90)]


def test_the_confirmation_is_told_what_is_due_and_what_is_expected() -> None:
    known = [
        Promise(state="met", met_at=at(1)),
        Promise(metric="resolution", expect_at=at(60)),
    ]
    assert variables_of(RULES, known) == {
        "promise_1_title": "Solution", "promise_1_expect_at": at(60).isoformat(),
    }  # fmt: skip
