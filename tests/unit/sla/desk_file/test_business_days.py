"""Promises in business days, as `sla.yaml` says them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from support.guide import Row, example
from support.sla_cases import Story, instant

GUIDE = example("Business days")
FILE = """\
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-17:00"]}}
  nights: {timezone: Europe/Berlin, hours: {daily: ["22:00-06:00"]}}
metrics:
  answer:
    starts: opened
    meets: agent_replied
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    calendar: office
    targets: [{by: "12:00 of the next business day"}]
"""
TARGET = '{by: "12:00 of the next business day"}'


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: f"{row.opened} {row.metric}")
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def test_the_guide_has_its_rows() -> None:
    assert {row.metric for row in GUIDE.rows} == {"solution", "answer"}
    assert len(GUIDE.rows) == 10


def policy_of(text: str) -> Policy:
    return read.parse(text, Path("acme") / "sla.yaml")


def story(target: str, opened: str) -> Story:
    assert TARGET in FILE
    return Story(policy_of(FILE.replace(TARGET, target)), "Europe/Berlin").opened(opened)


@pytest.mark.parametrize(
    ("target", "opened", "due"),
    [
        ("{by: 12:00 of the same business day}", "2026-03-03 11:59", "2026-03-03 12:00"),
        ("{by: 12:00 of the same business day}", "2026-03-03 12:00", "2026-03-04 12:00"),
        ("{by: 12:00 of the 2nd business day}", "2026-03-06 18:00", "2026-03-10 12:00"),
        ("{by: 09:00 of next business day}", "2026-03-06 18:00", "2026-03-09 09:00"),
        ("{by: 18:30 of next business day}", "2026-03-06 10:00", "2026-03-09 18:30"),
        (
            "{by: close of same business day, received: next_opening}",
            "2026-03-07 10:00",
            "2026-03-09 17:00",
        ),
        (
            "{by: close of 2nd business day, received: next_opening}",
            "2026-03-09 08:59",
            "2026-03-11 17:00",
        ),
        ("{within: 1bd}", "2026-03-03 17:00", "2026-03-05 09:00"),
        ("{within: 1 business day}", "2026-03-03 16:59", "2026-03-04 16:59"),
        ("{within: 10 business days}", "2026-03-03 09:00", "2026-03-17 09:00"),
        # A window across midnight belongs to the day on which it opens.
        ("{within: 1bd, calendar: nights}", "2026-03-04 02:00", "2026-03-05 02:00"),
        ("{within: 1bd, calendar: nights}", "2026-03-04 07:00", "2026-03-05 22:00"),
        # The clock skips 02:30 on this night; it shows it twice on the other.
        ("{within: 1bd, calendar: nights}", "2026-03-28 02:30", "2026-03-29 03:00"),
        ("{within: 1bd, calendar: nights}", "2026-10-24 02:30", "2026-10-25 02:30"),
    ],
)
def test_a_promise_in_business_days_is_due(target: str, opened: str, due: str) -> None:
    assert story(target, opened).due("answer") == due


def test_of_a_time_that_the_clock_shows_twice_the_first_is_meant() -> None:
    timer = story("{within: 1bd, calendar: nights}", "2026-10-24 02:30").timer("answer")
    assert timer.due_at == instant("2026-10-25 00:30", "UTC")


def test_zone_and_closing_come_from_the_calendar_that_closes_the_day() -> None:
    text = FILE.replace(TARGET, "{within: 1bd, calendar: both, closing: west}")
    text = text.replace(
        "  nights:",
        '  west: {timezone: America/Los_Angeles, hours: {mon-fri: ["08:00-17:00"]}}\n'
        "  both: {any_of: [office, west]}\n  nights:",
    )
    west = Story(policy_of(text), "America/Los_Angeles")
    assert west.opened("2026-03-03 16:10").due("answer") == "2026-03-04 16:10"
    # Berlin is open, the day in the west is not: it counts from that day's opening.
    early = Story(policy_of(text), "America/Los_Angeles").opened("2026-03-03 02:00")
    assert early.due("answer") == "2026-03-04 08:00"


@pytest.mark.parametrize(
    ("waits", "replies", "due"),
    [
        # In closed time nothing is put off, and nothing comes sooner.
        ("2026-03-06 20:00", "2026-03-07 20:00", "2026-03-09 18:30"),
        ("2026-03-06 16:00", "2026-03-07 20:00", "2026-03-10 10:00"),
        ("2026-03-09 18:31", "2026-03-10 12:00", "2026-03-09 18:30"),
    ],
)
def test_a_pause_puts_off_by_the_open_time_that_it_took(waits: str, replies: str, due: str) -> None:
    paused = story("{by: 18:30 of next business day}", "2026-03-06 10:00")
    paused.then("waiting_on_customer", waits)
    if waits < "2026-03-09 18:30":
        assert paused.due("answer") is None
    paused.then("requester_replied", replies)
    assert paused.due("answer") == due


def test_the_explanation_names_the_days_that_were_counted() -> None:
    told = story("{within: 2bd}", "2026-03-06 18:00")
    told.then("waiting_on_customer", "2026-03-10 10:00")
    told.then("requester_replied", "2026-03-10 11:00")
    found = explain(told.assess(), told.policy, instant("2026-03-10 12:00", "UTC"))
    text = found.text()
    assert "Promise: 2 business days of office (rule 1, line 10" in text
    assert "Counted from Mon 2026-03-09 09:00 CET, the next opening." in text
    assert "Business days after Mon 2026-03-09: Tue 2026-03-10, Wed 2026-03-11." in text
    assert "Put off from Wed 2026-03-11 09:00 CET by pauses." in text
    assert found.timers[0].json()["business_days"] == {
        "counted_from": "2026-03-09T08:00:00Z",
        "first": "2026-03-09",
        "after": ["2026-03-10", "2026-03-11"],
        "put_off_from": "2026-03-11T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("{within: 0bd}", "or business days, such as 3bd"),
        ("{within: 367bd}", "or business days, such as 3bd, up to 366"),
        ("{within: 2bd, calendar: always}", "business days need a calendar"),
        ("{by: close of next business day, calendar: always}", "business days need a calendar"),
        ("{by: 25:00 of next business day}", "`25:00` is no time of day"),
        ("{by: 24:00 of next business day}", "`24:00` is no time of day"),
        ("{by: noon of next business day}", "neither a duration nor a closing"),
        ("{within: 4h, received: next_opening}", "`received` is for `by`"),
        ("{within: 3bd, received: next_opening}", "`received` is for `by`"),
        ("{by: close of next business day, received: opening}", "next_opening"),
        ("{by: 18:00 of next business day}", "`office` is closed on mon, tue, wed, thu, fri"),
        ("{by: 02:30 of next business day, calendar: nights}", "on 2026-03-29 the clock skips"),
    ],
)
def test_what_cannot_be_or_may_surprise_is_told(target: str, says: str) -> None:
    problems: list[str] = []
    try:
        _, found = read.read(parse_yaml(FILE.replace(TARGET, target), Path("acme") / "sla.yaml"))
        problems = [str(each) for each in found]
    except DeskFileError as error:
        problems = [str(each) for each in error.problems]
    assert any(says in each for each in problems), problems


def test_right_files_are_not_warned_of() -> None:
    for text in (FILE, FILE.replace(TARGET, "{within: 3bd}")):
        assert read.read(parse_yaml(text, Path("acme") / "sla.yaml"))[1] == []
