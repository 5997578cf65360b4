"""Due times that an agent agreed with the customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.desk_file import read
from sla.domain.changes import diff
from sla.domain.explain import explain
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import ChangeKind, Fact, PublishedState, State
from support.guide import Row, example
from support.sla_cases import Story, instant

GUIDE = example("Due times agreed with the customer")
NOON = "2026-03-05T12:00:00+01:00"
ZONE = "Europe/Berlin"


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: row.then[-60:])
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def opened() -> Story:
    return Story(GUIDE.policy, ZONE).opened("2026-03-02 10:00")


def revise(story: Story, at: str, due: str | None, why: str = "spare part") -> Story:
    return story.then("due_revised", at, metric="resolution", due_at=due, why=why)


def test_the_agreement_is_visible_with_who_and_why() -> None:
    story = revise(opened(), "2026-03-02 15:00", NOON)
    timer = story.timer("resolution")
    assert timer.target == "as agreed by Ana: spare part (instead of 8 hours of office time)"
    assert timer.agreed is not None
    assert story.local(timer.agreed.reckoned_due_at) == "2026-03-03 10:00"
    text = explain(story.assess(), story.policy, instant("2026-03-03 12:00", ZONE)).text()
    assert "running, due Thu 2026-03-05 12:00 CET" in text
    assert (
        "Promise: as agreed by Ana: spare part (instead of 8 hours of office time), which was due"
        " Tue 2026-03-03 10:00 CET (rule 1, line 9, policy"
    ) in text


def test_it_is_published_with_its_reason_and_breached_when_missed() -> None:
    story = opened()
    before = diff(PublishedState(), story.assess(), instant("2026-03-02 14:00", ZONE)).published
    revise(story, "2026-03-02 15:00", NOON)
    found = diff(before, story.assess(), instant("2026-03-02 15:00", ZONE))
    (change,) = found.changes
    assert (change.kind, change.reason) == (ChangeKind.RESCHEDULED, "due_revised")
    assert found.wake_at is not None
    # 21 office hours lie between the agreement and its time; three quarters are 15 h 45 min.
    warned = diff(found.published, story.assess(), found.wake_at)
    assert found.wake_at == instant("2026-03-04 14:45", ZONE)
    assert [(each.kind, each.percent) for each in warned.changes] == [(ChangeKind.AT_RISK, 75)]
    late = diff(warned.published, story.assess(), instant("2026-03-05 12:00", ZONE))
    assert [each.kind for each in late.changes] == [ChangeKind.BREACHED]
    assert late.changes[0].occurred_at == instant("2026-03-05 12:00", ZONE)


def test_what_waits_is_breached_at_the_agreed_time_unless_it_is_met() -> None:
    story = opened().then("waiting_on_customer", "2026-03-02 11:00")
    before = diff(PublishedState(), story.assess(), instant("2026-03-02 12:00", ZONE))
    assert before.wake_at is None
    revise(story, "2026-03-02 15:00", NOON)
    found = diff(before.published, story.assess(), instant("2026-03-02 15:00", ZONE))
    (change,) = found.changes
    assert (change.kind, change.reason) == (ChangeKind.PAUSED, "due_revised")
    assert found.wake_at == instant("2026-03-05 12:00", ZONE)
    assert story.state("resolution", "2026-03-05 11:59") is State.PAUSED
    assert story.state("resolution", "2026-03-05 12:00") is State.BREACHED


@pytest.mark.parametrize(
    ("at", "due", "note"),
    [
        ("2026-03-03 11:00", NOON, "the promise was broken by then"),
        ("2026-03-02 15:00", "2026-03-02T14:00:00+01:00", "does not lie ahead"),
    ],
)
def test_what_is_not_taken_is_noted(at: str, due: str, note: str) -> None:
    story = revise(opened(), at, due)
    assert story.due("resolution") == "2026-03-03 10:00"
    assert any(note in each.rule for each in story.assess().notes)


def test_nothing_is_agreed_about_what_is_over_or_not_revisable() -> None:
    story = revise(opened().then("resolved", "2026-03-02 11:00"), "2026-03-02 15:00", NOON)
    assert any("nothing that it could agree about" in one.rule for one in story.assess().notes)
    plain = read.parse(
        "metrics: {resolution: {starts: opened, meets: resolved, targets: [{within: 8h}]}}",
        Path("acme") / "sla.yaml",
    )
    other = revise(Story(plain, ZONE).opened("2026-03-02 10:00"), "2026-03-02 11:00", NOON)
    assert other.due("resolution") == "2026-03-02 18:00"


def test_an_agreement_is_per_promise() -> None:
    other = opened().then("due_revised", "2026-03-02 15:00", metric="first", due_at=NOON)
    assert other.due("resolution") == "2026-03-03 10:00"


BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTES = st.integers(0, 2_000)


@given(st.lists(st.tuples(MINUTES, st.one_of(st.none(), MINUTES)), max_size=6))
def test_the_last_agreement_in_time_holds(agreements: list[tuple[int, int | None]]) -> None:
    facts = [Fact("opened", BEGIN, BEGIN, 1, {})]
    for number, (at, due) in enumerate(agreements):
        when = BEGIN + timedelta(minutes=at)
        due_at = None if due is None else (BEGIN + timedelta(minutes=due)).isoformat()
        data = {"metric": "resolution", "due_at": due_at, "why": "x"}
        facts.append(Fact("due_revised", when, when, number + 2, data))
    reckoned = assess(facts[:1], GUIDE.policy).timers[0].due_at
    holds: datetime | None = None
    for fact in sorted(facts[1:], key=lambda each: (each.occurred_at, each.sequence)):
        due_at = fact.text("due_at")
        wanted = None if due_at is None else datetime.fromisoformat(due_at)
        in_force = holds or reckoned
        if in_force is None or in_force <= fact.occurred_at:
            continue
        if wanted is None or wanted > fact.occurred_at:
            holds = wanted
    (timer,) = assess(facts, GUIDE.policy).timers
    assert timer.due_at == (holds or reckoned)
    assessor = Assessor()
    for count in range(1, len(facts) + 1):
        found = assessor.assess(tuple(facts[:count]), GUIDE.policy)
    assert found.timers == (timer,)
