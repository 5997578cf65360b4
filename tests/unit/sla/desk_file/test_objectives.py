"""Objectives in a desk's `sla.yaml`: what is wrong is told where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import parse
from sla.desk_file import read
from sla.domain.objectives import CreditStep, PeriodKind, TimeKept

FILE = """\
severity: {levels: [p1, p2], default: p2}
metrics:
  answer:
    starts: opened
    meets: agent_replied
    targets: [{within: 4h}]
  wish:
    starts: opened
    meets: resolved
    targets: [{expect: 8h}]
objectives:
  p2_answers:
    title: P2 answered
    metric: answer
    when: {severity: p2}
    share: 99.95%
    period: month
    credits:
      - {below: 95%, owes: 5%}
      - {below: 90%, owes: 10%}
  wishes: {metric: wish, time: expected, share: 80%, period: quarter}
"""


def test_objectives_are_read() -> None:
    answers, wishes = read.parse(FILE, Path("acme") / "sla.yaml").objectives
    assert (answers.name, answers.metric, answers.share, answers.title) == (
        "p2_answers", "answer", 999_500, "P2 answered",
    )  # fmt: skip
    assert answers.credits == (CreditStep(950_000, 50_000), CreditStep(900_000, 100_000))
    assert answers.period is PeriodKind.MONTH
    assert [str(one) for one in answers.when] == ["severity is p2"]
    assert (wishes.time, wishes.period) == (TimeKept.EXPECTED, PeriodKind.QUARTER)


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("metric: answer", "metric: anwser", "14:13", "did you mean `answer`"),
        ("severity: p2}\n    share", "severity: p3}\n    share", "15:22", "not among the"),
        ("share: 99.95%", "share: 120%", "16:12", "should be a percentage"),
        ("share: 99.95%", "share: 0.95", "16:12", "should be a percentage"),
        ("period: month", "period: year", "17:13", "month"),
        ("below: 95%", "below: 99.99%", "19:17", "above the objective's share"),
        ("time: expected, ", "", "21:20", "no target of `wish` can be missed"),
        ("period: month", "time: expected\n    period: month", "14:13", "has an expected time"),
    ],
)
def test_mistake_is_told_where_it_is(old: str, new: str, where: str, says: str) -> None:
    assert old in FILE
    try:
        _, found = read.read(parse(FILE.replace(old, new, 1), Path("acme") / "sla.yaml"))
    except DeskFileError as error:
        found = list(error.problems)
    problems = [str(each).removeprefix("acme/sla.yaml:") for each in found]
    assert any(one.startswith(f"{where}:") and says in one for one in problems), problems
