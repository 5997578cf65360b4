"""A desk's `sla.yaml`: what is wrong is reported with its line, column and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.yaml_file import load as load_yaml
from sla.desk_file import read
from sla.desk_file.template import DESK_TEMPLATE
from support.sla_cases import DESKS

GOOD = """\
desk: test
severity:
  levels: [high, low]
  default: low
calendars:
  office: {timezone: Europe/Paris, hours: {mon-fri: ["09:00-17:00"]}}
metrics:
  first_response:
    starts: opened
    meets: agent_replied
    targets:
      - {when: {severity: high}, within: 1h}
      - {within: 4h, calendar: office}
"""


def problems_of(path: Path) -> list[Problem]:
    """Those of a file that stands in no desk's folder."""
    try:
        return read.read(load_yaml(path))[1]
    except DeskFileError as error:
        return list(error.problems)


def check(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "sla.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(problem).removeprefix(f"{path}:") for problem in problems_of(path)]


def test_good_file_has_no_problem(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("meets: agent_replied", "meets: agent_repiled", "10:12", "did you mean `agent_replied`"),
        ("within: 1h", "within: soon", "12:42", "should be a duration"),
        ("severity: high}", "severity: hihg}", "12:27", "did you mean `high`"),
        ("when: {severity", "when: {severety", "12:17", "did you mean `severity`"),
        ("calendar: office", "calendar: ofice", "13:32", "did you mean `office`"),
        ("default: low", "default: lwo", "4:12", "did you mean `low`"),
        ("Europe/Paris", "Europe/Pariss", "6:22", "did you mean Europe/Paris"),
        ("mon-fri", "mon-fry", "6:44", "did you mean mon-fri"),
        ("09:00-17:00", "9 to 5", "6:54", "is no window of time"),
        ("starts: opened", "start: opened", "9:5", "did you mean `starts`"),
        ("  first_response", "  First Response", "9:5", "should be small letters"),
        ('["09:00-17:00"]', "[]", "6:11", "never opens"),
        ("{within: 4h, calendar", "{calendar", "13:9", "promises one thing"),
        ("{within: 4h,", "{within: 4h, by: close of next business day,", "13:9", "one thing"),
        ("within: 4h,", "by: close of some day,", "13:14", "neither a duration nor a closing"),
        ("within: 4h, calendar: office", "by: close of next business day", "13:14", "calendar"),
        ("within: 4h,", "within: 4h, expect: 5h,", "13:30", "warning: expects later than promised"),
    ],
)
def test_mistake_is_told_where_it_is(
    tmp_path: Path, old: str, new: str, where: str, says: str
) -> None:
    assert old in GOOD
    problems = check(tmp_path, GOOD.replace(old, new, 1))
    assert any(one.startswith(f"{where}:") and says in one for one in problems), problems


def test_rule_that_an_earlier_one_hides_is_warned_of(tmp_path: Path) -> None:
    text = GOOD + "      - {when: {severity: low}, within: 2h}\n"
    (problem,) = check(tmp_path, text)
    assert problem.startswith("14:9: warning: never reached: the rule on line 13 comes first")


def test_rules_that_compete_for_the_same_ticket_are_warned_of(tmp_path: Path) -> None:
    text = GOOD.replace(
        "      - {within: 4h", "      - {when: {plan: gold}, within: 2h}\n      - {within: 4h"
    )
    (problem,) = check(tmp_path, text)
    assert "13:9: warning: overlaps the rule on line 12, which wins" in problem


def test_calendar_made_of_itself_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("calendars:\n", "calendars:\n  loop: {any_of: [office, loop]}\n")
    assert any("made of itself" in problem for problem in check(tmp_path, text))


@pytest.mark.parametrize("text", ["", "[]", "desk: x", "a: [", "\0", "metrics: {}"])
def test_what_is_no_policy_at_all_is_told_and_raises_nothing(tmp_path: Path, text: str) -> None:
    assert check(tmp_path, text)
    with pytest.raises(DeskFileError):
        read.load(tmp_path / "sla.yaml")


def test_version_is_what_the_file_says_not_how(tmp_path: Path) -> None:
    path = tmp_path / "sla.yaml"
    first = read.parse(GOOD, path)
    assert read.parse("# a comment\n" + GOOD, path).version == first.version
    assert read.parse(GOOD.replace("4h", "5h"), path).version != first.version


def test_desk_is_named_by_its_folder_where_the_file_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "somewhere"
    folder.mkdir()
    text = GOOD.replace("desk: test\n", "")
    assert read.parse(text, folder / "sla.yaml").desk == "somewhere"


def test_file_in_another_desks_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other" / "sla.yaml"
    path.parent.mkdir()
    path.write_text(GOOD, encoding="utf-8")
    [problem] = read.check_desk_file(path).problems
    assert (problem.line, problem.severity) == (GOOD.split("\n").index("desk: test") + 1, "error")
    assert "desk `test` but in the folder `other`" in problem.message
    assert problems_of(path) == []


def test_template_is_valid_as_it_stands(tmp_path: Path) -> None:
    assert check(tmp_path, DESK_TEMPLATE.replace("{desk}", "test")) == []


@pytest.mark.parametrize(
    "path", sorted(DESKS.glob("*/sla.yaml")), ids=lambda path: path.parent.name
)
def test_every_desk_is_free_of_problems_and_fits_the_schema(path: Path) -> None:
    assert read.check_desk_file(path).problems == []
    Draft202012Validator(read.json_schema()).validate(load_yaml(path).data)


@pytest.mark.parametrize("year", ["0001", "1989", "2200", "9999"])
def test_version_from_a_year_that_calendars_do_not_cover_is_refused(year: str) -> None:
    text = f"effective_from: {year}-01-01T00:00:00Z\n{GOOD}"
    with pytest.raises(DeskFileError, match="must lie in the years 1990 to 2200"):
        read.parse(text, Path("acme/sla.yaml"))
