"""Promises that count on the customer's own hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read
from sla.domain.calendar.customers import MOST_COMPILED
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from support.guide import Row, example
from support.sla_cases import Story, instant, problems_of

GUIDE = example("The customer's own hours")
FILE = """\
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: ["08:00-18:00"]}}
  tokyo: {timezone: Asia/Tokyo, hours: {mon-fri: ["09:00-18:00"]}}
  together: {all_of: [office, customer]}
customers:
  otherwise: office
  calendars:
    Contoso: {timezone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}}
    Fabrikam: tokyo
metrics:
  answer:
    starts: opened
    meets: agent_replied
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    targets: [{within: 4h, calendar: customer}]
"""
TARGETS = "[{within: 4h, calendar: customer}]"


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: f"{row.data} {row.metric} {row.then}")
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def test_the_guide_has_its_rows() -> None:
    assert len(GUIDE.rows) == 7


def policy_of(text: str = FILE) -> Policy:
    return read.parse(text, Path("acme") / "sla.yaml")


def opened(customer: str | None, at: str = "2026-03-02 09:00", targets: str = TARGETS) -> Story:
    policy = policy_of(FILE.replace(TARGETS, targets))
    return Story(policy, "Europe/Berlin").opened(at, customer=customer)


def test_the_calendar_may_be_one_of_the_desk_by_its_name() -> None:
    assert opened("Fabrikam").due("answer") == "2026-03-03 04:00"


def test_a_rule_may_ask_whether_the_customer_is_open() -> None:
    targets = "[{during: customer, within: 1h}, {outside: customer, within: 2h}]"
    assert opened("Contoso", targets=targets).due("answer") == "2026-03-02 11:00"
    assert opened("Contoso", "2026-03-02 15:30", targets).due("answer") == "2026-03-02 16:30"
    assert opened("Nobody", targets=targets).due("answer") == "2026-03-02 10:00"


def test_business_days_may_be_the_customer_s() -> None:
    targets = "[{within: 1bd, calendar: customer}]"
    story = opened("Contoso", "2026-03-06 23:30", targets)
    assert story.due("answer") == "2026-03-10 14:00"  # New York has summer time already
    found = explain(story.assess(), story.policy, instant("2026-03-07 09:00", "UTC")).text()
    assert "Business day after Mon 2026-03-09: Tue 2026-03-10." in found


def test_a_customer_that_changes_from_then_on_has_the_hours_of_both() -> None:
    text = f"counts: {{customer: from_change}}\n{FILE}"
    story = Story(policy_of(text), "Europe/Berlin").opened("2026-03-02 16:00", customer="Contoso")
    assert story.due("answer") == "2026-03-02 20:00"
    story.then("plan_changed", "2026-03-02 17:00", customer="Nobody")
    # An hour of New York's day and one of the office's; the rest on the next morning.
    assert story.due("answer") == "2026-03-03 10:00"
    story.then("plan_changed", "2026-03-02 17:30", customer="Contoso")
    assert story.due("answer") == "2026-03-02 20:00"


def test_the_explanation_says_whose_hours_were_counted() -> None:
    now = instant("2026-03-02 16:00", "UTC")
    own = opened("Contoso", targets="[{within: 4h, calendar: together}]")
    found = explain(own.assess(), own.policy, now)
    assert "  Calendar: together, with Contoso's own hours." in found.text()
    assert found.timers[0].json()["calendar_of"] == "together, with Contoso's own hours"
    other = opened("Nobody")
    text = explain(other.assess(), other.policy, now).text()
    assert "  Calendar: customer, with office in place of the customer's own hours." in text


def test_many_customers_are_reckoned_with_and_few_kept_compiled() -> None:
    count = MOST_COMPILED + 20
    hours = '{timezone: Europe/Berlin, hours: {mon-fri: ["10:00-18:00"]}}'
    lines = "".join(f"    c{number}: {hours}\n" for number in range(count))
    policy = policy_of(FILE.replace("    Fabrikam: tokyo\n", lines))
    assert policy.customers is not None
    for number in [*range(count), 0]:
        story = Story(policy, "Europe/Berlin").opened("2026-03-02 09:00", customer=f"c{number}")
        assert story.due("answer") == "2026-03-02 14:00"
    calendars = [
        policy.customers.bound(policy.calendars["customer"], f"c{number}")
        for number in range(count)
    ]
    assert sum(each.is_compiled for each in calendars) == MOST_COMPILED
    assert calendars[0].is_compiled


def test_own_hours_are_among_the_calendars_of_the_policy() -> None:
    assert {"customer", "customer: Contoso", "customer: Fabrikam"} <= policy_of().calendars.keys()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("otherwise: office", "otherwise: ofice", "there is no calendar `ofice`"),
        ("otherwise: office", "otherwise: together", "`customer` is made of itself"),
        ("Fabrikam: tokyo", "Fabrikam: together", "depends on the customer itself"),
        ("Fabrikam: tokyo", "Fabrikam: kyoto", "there is no calendar `kyoto`"),
        ("Fabrikam: tokyo", "contoso: tokyo", "`contoso` is there twice, as `Contoso`"),
        ("Fabrikam: tokyo", "Fabrikam: {hours: 24x7}", "needs a `timezone`"),
        ("  tokyo:", "  customer: office\n  tokyo:", "is the calendar of the ticket's customer"),
        ("Fabrikam: tokyo", "Fabrikam: {timezone: UTC, hours: {}}", "`Fabrikam` has no open hours"),
        (
            "Fabrikam: tokyo",
            'Fabrikam: {timezone: UTC, hours: {sun: ["09:00-10:00"]}}',
            "the calendar `together` is never open for `Fabrikam`",
        ),
        (
            "metrics:",
            "silences: {auto: {heard: requester_replied, quiet: 5h, calendar: customer}}\nmetrics:",
            "a silence can't count on the customer's hours",
        ),
    ],
)
def test_mistake_is_told(old: str, new: str, says: str) -> None:
    assert old in FILE
    problems = problems_of(FILE.replace(old, new, 1))
    assert any(says in each for each in problems), problems


def test_without_the_section_there_is_no_such_calendar() -> None:
    without = FILE[: FILE.index("customers:")] + FILE[FILE.index("metrics:") :]
    with pytest.raises(DeskFileError, match="there is no calendar `customer`"):
        policy_of(without)


def test_rules_that_ask_for_the_customer_s_hours_are_not_taken_for_impossible() -> None:
    targets = "[{during: customer, outside: office, within: 1h}, {within: 2h}]"
    text = FILE.replace(TARGETS, targets)
    assert read.read(parse_yaml(text, Path("acme") / "sla.yaml"))[1] == []
