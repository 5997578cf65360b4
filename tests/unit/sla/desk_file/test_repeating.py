"""Promises that repeat, and those that wait for another, as `sla.yaml` says them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file import read
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from sla.domain.replay.missed_intervals import begun
from sla.domain.values import State
from support.guide import Row, example
from support.sla_cases import Story, instant

GUIDE = example("Promises that repeat or wait")
UPDATES = """
metrics:
  update:
    starts: incident_opened
    meets: incident_updated
    cancels: incident_resolved
    repeats: on_meet
    stops_after: 3
    targets: [{when: {impact: critical}, within: 30m}]
"""


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: f"{row.metric} {row.due}")
def test_due_times_of_the_guide_are_what_comes_out(row: Row) -> None:
    timers = GUIDE.story(row).assess().timers
    due = [f"{each.due_at:%H:%M}" for each in timers if each.metric == row.metric]
    assert (", ".join(due) or "none") == row.due


def test_the_guide_has_its_rows() -> None:
    assert len(GUIDE.rows) == 8


def policy_of(text: str) -> Policy:
    return read.parse(text, Path("acme") / "sla.yaml")


def states(story: Story, at: str) -> list[State]:
    until = instant(at, story.zone)
    return [each.state_at(until) for each in begun(story.assess(), until)]


def test_too_many_missed_in_a_row_end_a_series_until_it_is_met() -> None:
    story = Story(policy_of(UPDATES)).then("incident_opened", "2026-03-02 10:00", impact="critical")
    assert states(story, "2026-03-02 11:20") == [State.BREACHED, State.BREACHED, State.RUNNING]
    assert states(story, "2026-03-03 10:00") == [State.BREACHED] * 3
    until = instant("2026-03-02 11:29", "UTC")
    assert "missed 3 times" not in explain(story.assess(), story.policy, until).text()
    until = instant("2026-03-02 11:30", "UTC")
    explanation = explain(story.assess(), story.policy, until)
    words = "It was missed 3 times in a row: no further one begins until it is met or started again"
    assert explanation.text().count(words) == 1
    assert [each.missed_in_a_row for each in explanation.timers] == [0, 0, 3]
    story.then("incident_updated", "2026-03-02 15:00")
    assert story.due("update", 4) == "2026-03-02 15:30"
    assert states(story, "2026-03-02 15:10") == [*[State.BREACHED] * 3, State.RUNNING]


def test_series_that_is_over_begins_no_more() -> None:
    story = Story(policy_of(UPDATES)).then("incident_opened", "2026-03-02 10:00", impact="critical")
    story.then("incident_resolved", "2026-03-02 10:40")
    story.then("incident_updated", "2026-03-02 12:00")
    assert states(story, "2026-03-03 10:00") == [State.BREACHED, State.CANCELLED]


def test_promise_of_updates_begins_with_the_impact_that_has_one() -> None:
    text = f"counts: {{impact: from_change}}\n{UPDATES}"
    story = Story(policy_of(text)).then("incident_opened", "2026-03-02 10:00", impact="minor")
    story.then("incident_updated", "2026-03-02 10:10", impact="minor")
    assert not story.has("update")
    story.then("incident_updated", "2026-03-02 10:50", impact="critical")
    assert story.due("update") == "2026-03-02 11:20"


def test_stops_after_is_of_what_repeats_when_met() -> None:
    with pytest.raises(DeskFileError) as error:
        policy_of(UPDATES.replace("on_meet", "on_start"))
    assert "should have `stops_after` only with `repeats: on_meet`" in str(error.value)


AFTER = """
metrics:
  triage: {starts: opened, meets: triaged, targets: [{within: 1h}]}
  plan:
    starts: opened
    meets: noted
    after: triage
    targets: [{within: 2h}]
"""


@pytest.mark.parametrize(("triaged", "due"), [("09:00", "11:00"), ("10:15", "12:15")])
def test_promise_after_another_begins_when_that_is_met(triaged: str, due: str) -> None:
    story = Story(policy_of(AFTER)).opened("2026-03-02 09:00")
    assert not story.has("plan")
    story.then("triaged", f"2026-03-02 {triaged}")
    assert story.due("plan") == f"2026-03-02 {due}"
    assert story.timer("plan").started_by == "triaged"


def test_promise_after_another_that_was_met_before_that_is_met_when_it_begins() -> None:
    story = Story(policy_of(AFTER)).opened("2026-03-02 09:00").then("noted", "2026-03-02 09:30")
    story.then("triaged", "2026-03-02 10:15")
    assert story.local(story.timer("plan").met_at) == "2026-03-02 10:15"


def test_message_after_a_missed_one_has_a_promise_of_its_own_and_one_answer_ends_both() -> None:
    story = GUIDE.story(GUIDE.rows[5])
    story.then("agent_replied", "2026-03-02 13:20")
    first, second = (story.timer("next_response", cycle) for cycle in (1, 2))
    assert story.local(first.met_at) == story.local(second.met_at) == "2026-03-02 13:20"
    assert story.state("next_response", "2026-03-03 09:00", 1) is State.BREACHED
    assert story.state("next_response", "2026-03-03 09:00", 2) is State.MET
