"""A desk's notify file is checked as a whole, each problem with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from notify.desk_file.load import OperatorGrants, check_desk_file, load_desks
from notify.desk_file.template import DESK_TEMPLATE
from notify.domain.page import Step
from pledge.runtime.desk_file.problem import DeskFileError
from support.cluster import ROOT

GRANTS = OperatorGrants({"SINK_URL": "http://sink"}, "a secret", frozenset())
GOOD = """\
title: Demo
zone: Europe/Berlin
sender: support@demo.example
people:
  anna: {name: Anna, email: anna@demo.example}
receivers:
  pager: {url: "${SINK_URL}/webhooks/pager"}
escalations:
  on-call: {steps: [{notify: [receiver:pager, person:anna], wait: 1m30s}]}
routes:
  - {name: page, when: {event: promise.breached}, page: on-call}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "demo" / "notify.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_becomes_a_desk(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)

    assert check_desk_file(path).problems == []
    desk = load_desks(tmp_path, GRANTS)["demo"]
    assert desk.receivers["pager"].url == "http://sink/webhooks/pager"
    assert desk.receivers["pager"].secret.startswith("whsec_")
    (step,) = desk.policies["on-call"].steps
    assert step == Step(("receiver:pager", "person:anna"), step.wait_for)
    assert step.wait_for.total_seconds() == 90


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("receiver:pager,", "receiver:paper,", 9, "no receiver `paper`"),
        ("person:anna]", "person:ana]", 9, "no person `ana`"),
        ("person:anna]", "anna]", 9, "receiver:NAME"),
        ("page: on-call", "page: of-call", 11, "no escalation `of-call`"),
        ("promise.breached", "promise.broken", 11, "no event `promise.broken`"),
        ("Europe/Berlin", "Europe/Bern-ish", 2, "time zone"),
        ("1m30s", "90", 9, "unit"),
        ("1m30s", "0s", 9, "at least 1s"),
        ("${SINK_URL}", "${HOME}", 7, "not available"),
        ("support@demo.example", "support", 3, "mail address"),
        ("title: Demo", "title: Demo\ntitel: Demo", 2, "titel"),
        ("email: anna@demo.example", "methods: [phone]", 5, "no receiver `phone`"),
        (", email: anna@demo.example", "", 5, "no email address"),
        ("email: anna@demo.example", 'phone: "+15550100", methods: [voice]', 5, "no `voice`"),
        ("title: Demo", 'title: Demo\nvoice: {from: "555"}', 2, "`from`"),
    ],
)
def test_each_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    path = write(tmp_path, GOOD.replace(old, new))

    (problem,) = check_desk_file(path).problems

    assert words in str(problem)
    assert problem.line == line


def test_a_variable_without_a_value_is_told_at_the_start(tmp_path: Path) -> None:
    write(tmp_path, GOOD)

    with pytest.raises(DeskFileError, match="SINK_URL"):
        load_desks(tmp_path, OperatorGrants({}, "a secret", frozenset()))


def test_a_desk_grants_itself_no_way_into_our_network(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "reachable_hosts: [Pager.Internal, 169.254.169.254]\n")
    variables = GRANTS.variables

    with pytest.raises(DeskFileError, match=r"169\.254\.169\.254.*REACHABLE_HOSTS") as refusal:
        load_desks(tmp_path, OperatorGrants(variables, "a secret", frozenset({"pager.internal"})))

    assert len(refusal.value.problems) == 1
    both = frozenset({"pager.internal", "169.254.169.254"})
    assert (
        load_desks(tmp_path, OperatorGrants(variables, "s", both))["demo"].reachable_hosts == both
    )


def test_a_desk_calls_with_its_own_account_or_not_at_all(tmp_path: Path) -> None:
    write(tmp_path, GOOD + 'voice: {from: "+15550100"}\n')
    accounts = {"demo": ("AC1", "its token"), "other": ("AC2", "another's")}
    given = GRANTS.variables, "a secret", frozenset[str]()

    voice = load_desks(tmp_path, OperatorGrants(*given, accounts.get))["demo"].voice
    assert voice is not None
    assert (voice.account, voice.token) == ("AC1", "its token")
    assert "its token" not in repr(voice)
    del accounts["demo"]
    with pytest.raises(DeskFileError, match="no account at the phone provider"):
        load_desks(tmp_path, OperatorGrants(*given, accounts.get))


def test_calls_need_to_know_where_the_provider_finds_us_and_the_file_is_right_all_the_same(
    tmp_path: Path,
) -> None:
    write(tmp_path, GOOD + 'voice: {from: "+15550100"}\n')
    hidden = OperatorGrants(
        GRANTS.variables, "a secret", frozenset(), lambda desk: ("AC1", "x"), False
    )
    with pytest.raises(DeskFileError, match="PLEDGE_NOTIFY_PUBLIC_URL") as refusal:
        load_desks(tmp_path, hidden)
    (problem,) = refusal.value.problems
    assert (problem.file, problem.line) == (
        tmp_path / "demo" / "notify.yaml", 1 + GOOD.count("\n")
    )  # fmt: skip
    assert check_desk_file(problem.file).problems == []


def test_two_overrides_at_one_time_are_refused(tmp_path: Path) -> None:
    text = (
        GOOD
        + """\
rotations:
  first:
    people: [anna]
    period: weekly
    first_day: 2026-01-05
    hand_off: 09:00
    overrides:
      - {person: anna, from: 2026-12-24T08:00:00+01:00, until: 2026-12-26T08:00:00+01:00}
      - {person: anna, from: 2026-12-25T08:00:00+01:00, until: 2026-12-27T08:00:00+01:00}
"""
    )
    (problem,) = check_desk_file(write(tmp_path, text)).problems

    assert "only one person" in str(problem)


def test_a_template_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    text = GOOD + "templates:\n  own: {en: {subject: fine, text: '{% if %}'}}\n"

    (problem,) = check_desk_file(write(tmp_path, text)).problems

    assert problem.line == 13


def test_the_template_of_a_new_desk_is_good_as_it_stands(tmp_path: Path) -> None:
    assert check_desk_file(write(tmp_path, DESK_TEMPLATE.replace("{desk}", "acme"))).problems == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/desks/*/notify.yaml")), ids=str)
def test_the_desks_we_ship_are_good(path: Path) -> None:
    assert check_desk_file(path).problems == []
