"""Rules that hide each other or compete are warned of, and right lists are not."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read

HEAD = """\
desk: test
severity: {{levels: [p1, p2, p3], default: p3{more}}}
calendars:
  office: {{timezone: Europe/Berlin, hours: {{mon-fri: ["09:00-17:00"]}}}}
  tokyo: {{timezone: Asia/Tokyo, hours: {{mon-fri: ["09:00-17:00"]}}}}
  both: {{any_of: [office, tokyo]}}
  whole: {{timezone: UTC, hours: 24x7}}
flags:
  phoned: {{on: {{fact: opened, where: {{channel: phone}}}}}}
metrics:
  first:
    starts: opened
    meets: agent_replied
{metric}    targets:
"""


def problems(*rules: str, more: str = "", metric: str = "") -> list[str]:
    """Those of a list whose rules stand on lines 15, 16, …"""
    head = HEAD.format(more=more, metric=metric)
    path = Path("test") / "sla.yaml"
    text = head + "".join(f"      - {{{rule}}}\n" for rule in rules)
    found = read.read(parse_yaml(text, path))[1]
    first = head.count("\n")
    return [f"{one.line - first}: {one.message}" for one in found]


@pytest.mark.parametrize(
    "rules",
    [
        # What two rules share, one before both has.
        (
            "when: {severity: p1, customer: Tokyo Trading}, within: 1h, calendar: tokyo",
            "when: {severity: p1}, within: 1h, calendar: office",
            "when: {customer: Tokyo Trading}, within: 4h, calendar: tokyo",
            "within: 4h, calendar: office",
        ),
        # Together the rules before take all that would overlap.
        (
            "when: {severity: p1, plan: gold}, within: 1h",
            "when: {severity: p1, plan: {not: gold}}, within: 2h",
            "when: {plan: gold, severity: {not: p1}}, within: 3h",
            "within: 9h",
        ),
        # It is no matter which one wins.
        ("when: {severity: p1}, within: 1h", "when: {plan: gold}, within: 1h", "within: 9h"),
        # No ticket that came by phone is not phoned.
        ("when: {channel: phone}, within: 1h", "when: {phoned: false}, within: 2h", "within: 9h"),
        # What is open in Berlin is open in both.
        (
            "during: office, within: 1h, calendar: office",
            "outside: both, within: 2h, calendar: office",
            "within: 12h, calendar: office",
        ),
        # An exception comes before what holds for everybody else.
        (
            "when: {customer: Tokyo Trading}, within: 30m",
            "when: {severity: p1}, within: 1h",
            "when: {severity: p2}, within: 2h",
            "when: {severity: p3}, within: 3h",
        ),
        # Nothing is shared.
        ("when: {zone: 'Europe/*'}, within: 1h", "when: {zone: 'Asia/*'}, within: 2h"),
        ("when: {severity: [p1, p2]}, within: 1h", "when: {severity: p3}, within: 2h"),
        ("when: {scope: billable}, no_promise: true", "when: {severity: p1}, within: 1h"),
    ],
)
def test_a_right_list_is_not_warned_of(rules: tuple[str, ...]) -> None:
    assert problems(*rules) == []


def test_a_floor_leaves_no_such_ticket_to_compete_for() -> None:
    floor = ", floors: [{when: {trial: true}, at_least: p2}]"
    rules = ("when: {severity: p3}, within: 4h", "when: {trial: true}, within: 1h", "within: 2h")
    assert problems(*rules, more=floor) == []
    assert problems(*rules) == ["2: overlaps the rule on line 15, which wins"]


def test_what_a_ceiling_leaves_to_nobody_is_told() -> None:
    ceiling = ", ceilings: [{when: {severity: p1, phoned: false}, at_most: p2}]"
    rules = ("when: {severity: p1, phoned: false}, within: 1h", "within: 2h")
    assert problems(*rules, more=ceiling) == [
        "1: never holds: the severity's bounds and the flags leave no such ticket"
    ]
    assert problems(*rules) == []


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (
            ("within: 1h", "when: {severity: p1}, within: 2h"),
            ["2: never reached: the rule on line 15 comes first"],
        ),
        (
            (
                "when: {severity: p1}, within: 1h",
                "when: {severity: [p2, p3]}, within: 2h",
                "within: 3h",
            ),
            ["3: never reached: the rules on lines 15, 16 take it all"],
        ),
        (
            (
                "when: {trial: true}, within: 1h",
                "when: {severity: p1}, within: 2h",
                "within: 3h",
            ),
            ["2: overlaps the rule on line 15, which wins"],
        ),
        (
            ("when: {zone: 'Europe/*'}, within: 1h", "when: {zone: Europe/Paris}, within: 2h"),
            ["2: never reached: the rule on line 15 comes first"],
        ),
        (
            ("during: whole, within: 1h", "outside: whole, within: 2h"),
            ["2: never holds: its calendars are never so when a timer starts"],
        ),
        (
            ("during: office, outside: both, within: 1h", "within: 2h"),
            ["1: never holds: its calendars are never so when a timer starts"],
        ),
    ],
)
def test_a_wrong_list_is_warned_of(rules: tuple[str, ...], says: list[str]) -> None:
    assert problems(*rules) == says


def test_an_exception_that_promises_less_than_the_rule_after_it_is_told() -> None:
    assert problems(
        "when: {plan: gold}, within: 2h",
        "when: {severity: p1}, within: 1h",
        "when: {severity: [p2, p3]}, within: 4h",
    ) == ["2: overlaps the rule on line 15, which wins"]


def test_a_list_that_is_too_much_to_decide_is_passed_over() -> None:
    many = [
        f"when: {{plan: p{a}, product: q{b}, customer: c{c}, trial: {d}}}, within: {a + b + 1}m"
        for a in range(6)
        for b in range(6)
        for c in range(5)
        for d in ("true", "false")
    ]
    before = perf_counter()
    assert not any("never" in one for one in problems(*many, "when: {severity: p1}, within: 1h"))
    assert perf_counter() - before < 30  # some seconds on a machine of its own


def test_a_calendar_that_opens_only_years_ahead_is_found_open() -> None:
    fair = (
        'calendars:\n  fair: {timezone: UTC, hours: {}, exceptions: {2028-05-05: ["09:00-17:00"]}}'
    )
    text = HEAD.format(more="", metric="").replace("calendars:", fair, 1)
    text += "      - {during: fair, within: 1h}\n      - {within: 2h}\n"
    path = Path("test") / "sla.yaml"
    assert [one.message for one in read.read(parse_yaml(text, path))[1]] == []


CHOICE = "    calendar: [{when: {plan: gold}, use: always}, {use: office}]\n"


def test_a_calendar_chosen_by_condition_goes_with_business_days_of_rules_that_do_not_get_it() -> (
    None
):
    gold_first = ("when: {plan: gold}, within: 1h", "by: close of next business day")
    assert problems(*gold_first, metric=CHOICE) == []
    basic = ("when: {plan: basic}, by: close of next business day", "within: 8h")
    assert problems(*basic, metric=CHOICE) == []


def test_business_days_round_the_clock_are_refused_where_they_can_come() -> None:
    assert problems("by: close of next business day", metric=CHOICE) == [
        "1: business days need a calendar, which is `always` where plan is gold"
    ]
    assert problems("within: 3bd", metric=CHOICE) == [
        "1: business days need a calendar, which is `always` where plan is gold"
    ]
