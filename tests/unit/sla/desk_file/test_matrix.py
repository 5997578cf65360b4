"""A matrix of impact and urgency gives severity or priority."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file import read
from sla.domain.explain import explain
from support.guide import Row, example
from support.sla_cases import Story, instant, problems_of

GUIDE = example("Impact and urgency")
FILE = """\
severity:
  levels: [p1, p2, p3]
  default: p3
  floors: [{when: {trial: true}, at_least: p2}]
matrix:
  table:
    everybody: {now: p1, later: p3}
    one: {now: p3, later: p3}
metrics:
  answer:
    starts: opened
    meets: agent_replied
    targets:
      - {when: {severity: p1}, within: 1h}
      - {when: {severity: p2}, within: 2h}
      - {within: 3h}
"""
BY_PRIORITY = FILE.replace("matrix:\n", "matrix:\n  gives: priority\n").replace(
    "when: {severity: p1}", "when: {priority: p1}"
)


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: f"{row.data} {row.then}")
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def test_the_guide_has_its_rows() -> None:
    assert len(GUIDE.rows) == 7


def opened(text: str = FILE, **data: object) -> Story:
    policy = read.parse(text, Path("acme") / "sla.yaml")
    return Story(policy).opened("2026-03-02 09:00", **data)


def explained(story: Story) -> str:
    return explain(story.assess(), story.policy, instant("2026-03-02 09:10", "UTC")).text()


def test_case_of_the_values_does_not_matter() -> None:
    assert opened(impact="Everybody", urgency="NOW").due("answer") == "2026-03-02 10:00"


def test_floors_hold_over_the_matrix() -> None:
    story = opened(impact="everybody", urgency="later", is_trial=True)
    assert story.due("answer") == "2026-03-02 11:00"
    assert story.assess().attributes["severity"] == "p2"
    assert (
        "Impact everybody and urgency later give severity p3 (matrix on line 6); in force is p2."
        in explained(story)
    )


def test_what_somebody_chose_comes_first_until_it_is_given_back() -> None:
    story = opened(impact="everybody", urgency="now", severity="p3")
    assert story.due("answer") == "2026-03-02 12:00"
    text = "Severity p3 was chosen, which comes first; impact everybody and urgency now give"
    assert f"{text} severity p1 (matrix on line 6)." in explained(story)
    story.then("triaged", "2026-03-02 09:05", severity="p3", is_by_matrix=True)
    assert story.due("answer") == "2026-03-02 10:00"
    story.then("triaged", "2026-03-02 09:06", severity="p2", is_by_matrix=False)
    assert story.due("answer") == "2026-03-02 11:00"


def test_a_value_that_is_cleared_gives_nothing() -> None:
    story = opened(impact="everybody", urgency="now")
    story.then("triaged", "2026-03-02 09:05", severity=None, impact=None, urgency="now")
    assert story.due("answer") == "2026-03-02 12:00"


def test_a_matrix_may_give_priority() -> None:
    story = opened(BY_PRIORITY, impact="everybody", urgency="now")
    assert story.due("answer") == "2026-03-02 10:00"
    assert story.assess().attributes["priority"] == "p1"
    assert story.assess().attributes["severity"] == "p3"
    chosen = opened(BY_PRIORITY, impact="everybody", urgency="now", priority="low")
    assert chosen.due("answer") == "2026-03-02 12:00"


def test_without_a_matrix_the_sender_s_value_holds() -> None:
    text = FILE.replace(FILE[FILE.index("matrix:") : FILE.index("metrics:")], "")
    story = opened(text, impact="everybody", urgency="now", severity="p2", is_by_matrix=True)
    assert story.due("answer") == "2026-03-02 11:00"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("one: {now: p3, later: p3}", "one: {now: p3}", "`one` has no `later`"),
        ("one: {now: p3,", "one: {now: p3, soon: p3,", "no other impact has `soon`"),
        ("one: {now: p3,", "one: {now: p4,", "`p4` is not among the severities"),
        ("  table:", "  gives: plan\n  table:", "severity"),
    ],
)
def test_mistake_is_told(old: str, new: str, says: str) -> None:
    assert old in FILE
    problems = problems_of(FILE.replace(old, new, 1))
    assert any(says in each for each in problems), problems


def test_impact_may_be_asked_for_where_there_is_a_matrix() -> None:
    asked = FILE.replace("when: {severity: p2}", "when: {impact: one, urgency: now}")
    without = asked.replace(FILE[FILE.index("matrix:") : FILE.index("metrics:")], "")
    with pytest.raises(DeskFileError, match="no ticket has `impact`"):
        read.parse(without, Path("acme") / "sla.yaml")
    assert opened(asked, impact="one", urgency="now").due("answer") == "2026-03-02 11:00"
