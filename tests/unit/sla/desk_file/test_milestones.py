"""Milestones of a desk's own: facts of `sla.yaml` under their own names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla.desk_file import read
from sla.domain.changes import diff
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from sla.domain.values import ChangeKind, PublishedState
from support.guide import Row, example
from support.sla_cases import Story, instant, problems_of

GUIDE = example("Milestones of your own")
FILE = """\
milestones: [service_restored, part_ordered, part_arrived]
metrics:
  repair:
    starts: opened
    meets: service_restored
    pauses: [{on: part_ordered, until: part_arrived}]
    targets: [{within: 4h}]
"""


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: f"{row.opened} {row.metric}")
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def test_the_guide_has_its_rows() -> None:
    assert {row.metric for row in GUIDE.rows} == {"on_site", "repair", "report"}
    assert len(GUIDE.rows) == 4


def policy_of(text: str) -> Policy:
    return read.parse(text, Path("acme") / "sla.yaml")


def story() -> Story:
    return Story(policy_of(FILE)).opened("2026-03-02 09:00")


def test_a_milestone_meets_a_promise_and_is_named_as_the_reason() -> None:
    met = story().then("milestone_reached", "2026-03-02 10:00", milestone="service_restored")
    timer = met.timer("repair")
    assert met.local(timer.met_at) == "2026-03-02 10:00"
    assert timer.reason == "milestone:service_restored"
    text = explain(met.assess(), met.policy, instant("2026-03-02 11:00", "UTC")).text()
    assert "repair: met at Mon 2026-03-02 10:00 UTC (service restored)" in text


def test_another_milestone_moves_nothing() -> None:
    other = story().then("milestone_reached", "2026-03-02 10:00", milestone="estimate_given")
    assert other.timer("repair").met_at is None


def test_the_milestone_that_ends_a_pause_is_why_it_goes_on() -> None:
    paused = story().then("milestone_reached", "2026-03-02 10:00", milestone="part_ordered")
    at = instant("2026-03-02 10:30", "UTC")
    before = diff(PublishedState(), paused.assess(), at).published
    paused.then("milestone_reached", "2026-03-02 12:00", milestone="part_arrived")
    (change,) = diff(before, paused.assess(), instant("2026-03-02 12:00", "UTC")).changes
    assert (change.kind, change.reason) == (ChangeKind.RESUMED, "milestone:part_arrived")
    assert paused.due("repair") == "2026-03-02 15:00"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("meets: service_restored", "meets: service_restord", "did you mean `service_restored`"),
        ("meets: service_restored", "meets: milestone_reached", "name of the milestone itself"),
        (
            "[service_restored,",
            "[service_restored, resolved,",
            "there is a fact `resolved` already",
        ),
        ("[service_restored,", "[Service,", "should be small letters"),
        (
            "meets: service_restored",
            "meets: {fact: service_restored, where: {colour: red}}",
            "has no `colour`",
        ),
    ],
)
def test_mistake_is_told(old: str, new: str, says: str) -> None:
    assert old in FILE
    problems = problems_of(FILE.replace(old, new, 1))
    assert any(says in each for each in problems), problems
