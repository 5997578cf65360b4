"""Laws of a page, whatever comes in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from notify.domain.page import (
    Acknowledged,
    CauseGone,
    Decision,
    EscalationPolicy,
    Page,
    PageEvent,
    PageState,
    SendStep,
    Step,
    StepRanOut,
    decide,
    raise_page,
    steps_to_send,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

waits = st.integers(1, 600).map(lambda seconds: timedelta(seconds=seconds))
steps = st.builds(Step, st.just(("person:anna",)), waits)
policies = st.builds(
    EscalationPolicy,
    st.just("any"),
    st.lists(steps, min_size=1, max_size=4).map(tuple),
    st.integers(0, 3),
)
events: st.SearchStrategy[PageEvent] = st.one_of(
    st.builds(StepRanOut),
    st.builds(Acknowledged, st.sampled_from(["anna", "ben"])),
    st.builds(CauseGone, st.just("retracted")),
)
stories = st.lists(st.tuples(waits, events), max_size=30)


def play(policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]) -> list[Decision]:
    decisions = [raise_page("page", policy, NOW)]
    now = NOW
    for wait, event in story:
        now += wait
        decisions.append(decide(decisions[-1].page, event, now))
    return decisions


@given(policies, stories)
def test_an_acknowledged_page_never_escalates(
    policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]
) -> None:
    is_taken = False
    for decision in play(policy, story):
        if is_taken:
            assert not steps_to_send(decision.effects)
        is_taken = is_taken or decision.page.acknowledged_at is not None


@given(policies, stories)
def test_each_step_of_each_round_is_addressed_at_most_once_and_in_order(
    policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]
) -> None:
    sent = [each for decision in play(policy, story) for each in steps_to_send(decision.effects)]
    places = [(step.round, step.step) for step in sent]
    assert places == sorted(set(places))


@given(policies, stories)
def test_a_resolved_page_stays_resolved(
    policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]
) -> None:
    pages: list[Page] = [decision.page for decision in play(policy, story)]
    for before, after in pairwise(pages):
        if before.state is PageState.RESOLVED:
            assert after == before


@given(policies, stories)
def test_exactly_a_triggered_page_waits_for_a_step(
    policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]
) -> None:
    for decision in play(policy, story):
        is_waiting = decision.page.next_step_at is not None
        assert is_waiting == (decision.page.state is PageState.TRIGGERED)


@given(policies, stories)
def test_deciding_the_same_event_twice_is_deciding_it_once(
    policy: EscalationPolicy, story: list[tuple[timedelta, PageEvent]]
) -> None:
    page = raise_page("page", policy, NOW).page
    now = NOW
    for wait, event in story:
        now += wait
        once = decide(page, event, now)
        again = decide(once.page, event, now)
        assert again.effects == ()
        page = once.page


@given(policies)
def test_left_alone_a_page_tells_everybody_and_ends(policy: EscalationPolicy) -> None:
    decision = raise_page("page", policy, NOW)
    sent = list(steps_to_send(decision.effects))
    while decision.page.next_step_at is not None:
        decision = decide(decision.page, StepRanOut(), decision.page.next_step_at)
        sent += steps_to_send(decision.effects)
    rounds = range(1, policy.repeats + 2)
    assert sent == [SendStep(step, each) for each in rounds for step in range(len(policy.steps))]
    assert decision.page.state is PageState.EXHAUSTED
