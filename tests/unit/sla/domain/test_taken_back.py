"""Facts that turn out not to have happened: an agent's reply that could not be sent."""

from __future__ import annotations

from sla.domain.changes import diff
from sla.domain.explain import explain
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import ChangeKind, Fact, PublishedState, State
from support.sla_cases import Story, desk, instant

EASTERN = "America/New_York"


def an_answered_case() -> Story:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p2")
    return story.then("agent_replied", "2026-03-02 09:20")


def told(story: Story, at: str, before: PublishedState) -> tuple[list[tuple[str, str]], str]:
    """What is published of the first response, and its state afterwards."""
    difference = diff(before, story.assess(), instant(at, EASTERN))
    own = [each for each in difference.changes if each.metric == "first_response"]
    state = next(each.state for each in difference.published.timers if each.metric == own[0].metric)
    return [(each.kind.value, each.reason) for each in own], state


def published(story: Story, at: str) -> PublishedState:
    return diff(PublishedState(), story.assess(), instant(at, EASTERN)).published


def test_reply_that_could_not_be_sent_meets_nothing_and_its_promise_runs_again() -> None:
    story = an_answered_case()
    assert story.state("first_response", "2026-03-02 09:25") is State.MET
    before = published(story, "2026-03-02 09:25")
    story.then("agent_reply_failed", "2026-03-02 09:30", takes_back=2)
    assert told(story, "2026-03-02 09:30", before) == (
        [(ChangeKind.RESCHEDULED, "reply_failed")],
        State.RUNNING,
    )
    assert story.due("first_response") == "2026-03-02 10:00"
    words = explain(story.assess(), story.policy, instant("2026-03-02 09:30", EASTERN)).text()
    assert "Note: agent replied (2) taken back: it could not be sent" in words


def test_reply_that_failed_after_the_due_instant_is_a_breach() -> None:
    story = an_answered_case()
    before = published(story, "2026-03-02 09:25")
    story.then("agent_reply_failed", "2026-03-02 13:00", takes_back=2)
    assert told(story, "2026-03-02 13:00", before) == (
        [(ChangeKind.BREACHED, "not_met_by_due")],
        State.BREACHED,
    )


def test_attempt_to_reach_the_customer_stays_one_and_so_does_another_reply() -> None:
    story = an_answered_case().then("contact_attempted", "2026-03-02 09:40", reached=False)
    story.then("agent_reply_failed", "2026-03-02 09:50", takes_back=2)
    assert story.local(story.timer("first_response").met_at) == "2026-03-02 09:40"
    story = an_answered_case().then("agent_replied", "2026-03-02 09:45")
    story.then("agent_reply_failed", "2026-03-02 09:50", takes_back=2)
    assert story.local(story.timer("first_response").met_at) == "2026-03-02 09:45"


def test_only_replies_are_taken_back() -> None:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p2")
    story.then("contact_attempted", "2026-03-02 09:20", reached=True)
    for nonsense in (2, True, "2", [2], None):
        story.then("agent_reply_failed", "2026-03-02 09:30", takes_back=nonsense)
    assert story.state("first_response", "2026-03-02 12:00") is State.MET


def test_assessor_takes_a_reply_back_that_comes_after_its_failure() -> None:
    story = an_answered_case().then("agent_reply_failed", "2026-03-02 09:30", takes_back=4)
    story.then("agent_replied", "2026-03-02 09:40")
    assessor, known = Assessor(), tuple[Fact, ...]()
    for fact in story.facts:
        known = (*known, fact)
        assert assessor.assess(known, story.policy) == assess(known, story.policy)
    assert [note.sequence for note in story.assess().notes] == [4]
