"""A desk's file: what it means, and the problems of a wrong one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from status.desk_file.load import check_desk_file, load_policies
from status.desk_file.template import DESK_TEMPLATE
from status.domain.components import ComponentStatus
from status.domain.reports import Trigger

DESKS = Path(__file__).parents[4] / "deploy" / "desks"

GOOD = """\
page:
  name: Acme
components:
  - key: web
    name: Web
    components:
      - {key: portal, name: Portal}
  - {key: mail, name: Mail, id: abcdefghij12}
open_incident_when:
  - key: outage
    any_of: [ticket_confirmed]
    severities: [p1]
    incident: {name: Down, message: We know., components: {portal: major_outage}}
update_every: 30m
"""


def write(folder: Path, text: str, desk: str = "acme") -> Path:
    path = folder / desk / "status.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("desk", ["demo", "vircom"])
def test_the_desks_that_ship_are_right(desk: str) -> None:
    assert check_desk_file(DESKS / desk / "status.yaml").problems == []


def test_the_template_is_right_as_it_stands(tmp_path: Path) -> None:
    assert check_desk_file(write(tmp_path, DESK_TEMPLATE.replace("{desk}", "acme"))).problems == []


def test_a_file_in_the_words_of_the_domain(tmp_path: Path) -> None:
    write(tmp_path, GOOD)

    policy = load_policies(tmp_path, "https://status.example.com")["acme"]

    assert policy.page.url == "https://status.example.com/acme"
    assert policy.page.zone.key == "Etc/UTC"
    assert policy.update_within == timedelta(minutes=30)
    web, portal, mail = policy.components
    assert (web.is_group, web.position, mail.position) == (True, 1, 2)
    assert (portal.group_id, portal.position) == (web.id, 1)
    assert mail.id == "abcdefghij12"
    (rule,) = policy.rules
    assert rule.triggers == {Trigger.CONFIRMED}
    assert rule.statuses == {portal.id: ComponentStatus.MAJOR_OUTAGE}


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("  name: Acme", "  name: Acme\n  zone: Mars/Base", 3, "no time zone"),
        ("  name: Acme", "  name: Acme\n  colour: red", 3, "colour"),
        ("key: mail", "key: portal", 8, "`portal` is used twice"),
        ("{portal: major_outage}", "{nowhere: major_outage}", 13, "no component `nowhere`"),
        ("{portal: major_outage}", "{web: major_outage}", 13, "`web` is a group"),
        ("{portal: major_outage}", "{portal: broken}", 13, "major_outage"),
        ("[ticket_confirmed]", "[ticket_confirmed]\n    metrics: [x]", 11, "broken promises"),
        ("[ticket_confirmed]", "[]", 11, ""),
        ("id: abcdefghij12", "id: short", 8, ""),
        ("update_every: 30m", "update_every: soon", 14, "should be a duration"),
        ("page:", "desk: other\npage:", 1, "folder"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, before: str, after: str, line: int, words: str
) -> None:
    assert before in GOOD
    problems = check_desk_file(write(tmp_path, GOOD.replace(before, after))).problems

    assert [problem.line for problem in problems] == [line]
    assert words in str(problems[0])


def test_a_desk_may_not_take_a_path_of_the_service(tmp_path: Path) -> None:
    problems = check_desk_file(write(tmp_path, GOOD, desk="incidents")).problems

    assert "/incidents/" in str(problems[0])


def test_two_desks_cannot_share_a_host_or_an_id(tmp_path: Path) -> None:
    with_host = GOOD.replace("name: Acme", "name: Acme\n  host: status.example.com")
    write(tmp_path, with_host, desk="acme")
    write(tmp_path, with_host, desk="bolt")

    with pytest.raises(DeskFileError) as error:
        load_policies(tmp_path, "https://x.example")

    assert "host status.example.com" in str(error.value)
    assert "id abcdefghij12" in str(error.value)


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "page: {}", desk="acme")
    write(tmp_path, "nonsense: [", desk="bolt")

    with pytest.raises(DeskFileError) as error:
        load_policies(tmp_path, "https://x.example")

    assert {problem.file.parent.name for problem in error.value.problems} == {"acme", "bolt"}
