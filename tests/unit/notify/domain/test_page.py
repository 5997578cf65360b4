"""A page walks through its escalation policy until somebody takes it or its cause is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notify.domain.page import (
    Acknowledged,
    CancelUnsent,
    CauseGone,
    Change,
    EscalationPolicy,
    Page,
    PageState,
    PublishChange,
    Reason,
    SendStep,
    Step,
    StepRanOut,
    decide,
    is_late,
    raise_page,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WAIT = timedelta(minutes=5)
POLICY = EscalationPolicy(
    "on-call", (Step(("person:anna",), WAIT), Step(("person:ben",), 2 * WAIT)), repeats=1
)


def a_page() -> Page:
    return raise_page("page-1", POLICY, NOW).page


def run_out(page: Page) -> Page:
    assert page.next_step_at is not None
    return decide(page, StepRanOut(), page.next_step_at).page


def test_a_new_page_addresses_its_first_step_at_once() -> None:
    decision = raise_page("page-1", POLICY, NOW)

    assert decision.effects == (SendStep(step=0, round=1),)
    assert decision.page.next_step_at == NOW + WAIT


def test_a_step_that_ran_out_addresses_the_next() -> None:
    decision = decide(a_page(), StepRanOut(), NOW + WAIT)

    assert decision.effects == (SendStep(step=1, round=1), PublishChange(Change.ESCALATED))
    assert decision.reason is Reason.STEP_RAN_OUT
    assert decision.page.next_step_at == NOW + 3 * WAIT


def test_a_step_does_not_run_out_early() -> None:
    decision = decide(a_page(), StepRanOut(), NOW + WAIT - timedelta(microseconds=1))

    assert decision.effects == ()
    assert decision.reason is Reason.NOT_DUE


def test_after_the_last_step_the_policy_is_repeated() -> None:
    second = run_out(a_page())

    assert second.next_step_at is not None
    decision = decide(second, StepRanOut(), second.next_step_at)

    assert decision.reason is Reason.STARTED_OVER
    assert (decision.page.step, decision.page.round) == (0, 2)


def test_a_page_nobody_takes_is_exhausted_and_says_so() -> None:
    page = a_page()
    for _ in range(3):
        page = run_out(page)
    assert page.next_step_at is not None

    decision = decide(page, StepRanOut(), page.next_step_at)

    assert decision.page.state is PageState.EXHAUSTED
    assert decision.effects == (PublishChange(Change.EXHAUSTED),)
    assert decision.page.next_step_at is None


def test_a_long_stop_of_ours_skips_nobody() -> None:
    decision = decide(a_page(), StepRanOut(), NOW + timedelta(days=1))

    assert decision.page.step == 1
    assert decision.page.next_step_at == NOW + timedelta(days=1) + 2 * WAIT


def test_acknowledging_ends_the_escalation_and_what_is_not_sent() -> None:
    decision = decide(a_page(), Acknowledged("anna"), NOW)

    assert decision.page.state is PageState.ACKNOWLEDGED
    assert decision.effects == (CancelUnsent(), PublishChange(Change.ACKNOWLEDGED))
    assert decide(decision.page, StepRanOut(), NOW + 10 * WAIT).effects == ()


def test_the_second_to_acknowledge_changes_nothing() -> None:
    page = decide(a_page(), Acknowledged("anna"), NOW).page

    decision = decide(page, Acknowledged("ben"), NOW + WAIT)

    assert decision.page == page
    assert decision.reason is Reason.ALREADY_ACKNOWLEDGED


def test_an_exhausted_page_can_still_be_acknowledged() -> None:
    page = a_page()
    for _ in range(4):
        page = run_out(page)

    assert decide(page, Acknowledged("anna"), NOW).page.state is PageState.ACKNOWLEDGED


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_a_page_whose_cause_is_gone_is_resolved(is_acknowledged: bool) -> None:
    page = decide(a_page(), Acknowledged("anna"), NOW).page if is_acknowledged else a_page()

    decision = decide(page, CauseGone("retracted"), NOW)

    assert decision.page.state is PageState.RESOLVED
    assert decision.page.resolution == "retracted"
    assert decide(decision.page, Acknowledged("ben"), NOW).reason is Reason.ALREADY_RESOLVED


def test_late_is_more_than_the_tolerance() -> None:
    assert not is_late(NOW, NOW + WAIT, WAIT)
    assert is_late(NOW, NOW + WAIT + timedelta(microseconds=1), WAIT)
