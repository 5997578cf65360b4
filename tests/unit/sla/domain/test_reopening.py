"""Tickets that are reopened, by an agent or by a message, and what begins or goes on then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sla.desk_file import read as policy_file
from sla.domain.policy.policy import Policy
from sla.domain.values import State
from support.sla_cases import Story

NEVER = "2027-01-01 00:00"
MESSAGE = "reopened", "requester_replied"


def a_policy(metrics: str) -> Policy:
    """Of a desk with office hours from 9 to 17 in Berlin."""
    calendars = 'calendars: {office: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-17:00"]}}}'
    return policy_file.parse(f"desk: acme\n{calendars}\n{metrics}", Path("acme/sla.yaml"))


ANSWERS = a_policy("""
metrics:
  first_response: {starts: opened, meets: agent_replied, targets: [{within: 4h}]}
  next_response:
    starts: requester_replied
    meets: [agent_replied, resolved]
    after: first_response
    repeats: on_start
    targets: [{within: 2h}]
  callback:
    starts: {fact: requester_replied, where: {urgent: true}}
    meets: {fact: contact_attempted, where: {channel: phone}}
    repeats: on_start
    targets: [{within: 30m}]
""")


@pytest.mark.parametrize("end", ["resolved", "closed"])
@pytest.mark.parametrize("order", [MESSAGE, MESSAGE[::-1]])
def test_message_that_reopens_a_ticket_starts_what_it_starts(
    end: str, order: tuple[str, str]
) -> None:
    story = Story(ANSWERS).opened("2026-03-02 09:00").then("agent_replied", "2026-03-02 09:30")
    story.then("resolved", "2026-03-02 10:00")
    if end == "closed":
        story.then("closed", "2026-03-03 10:00")
    for fact in order:
        story.then(fact, "2026-03-04 12:00", is_urgent=True)
    assert story.due("next_response") == "2026-03-04 14:00"
    assert story.due("callback") == "2026-03-04 12:30"
    assert story.state("callback", NEVER) is State.BREACHED


def test_message_on_a_closed_ticket_that_nothing_reopens_starts_nothing() -> None:
    story = Story(ANSWERS).opened("2026-03-02 09:00").then("agent_replied", "2026-03-02 09:30")
    story.then("closed", "2026-03-03 10:00").then("requester_replied", "2026-03-04 12:00")
    assert not story.has("next_response")


@pytest.mark.parametrize("order", [(*MESSAGE, "closed"), ("closed", *MESSAGE)])
def test_reopening_stays_behind_the_end_that_it_undoes(order: tuple[str, ...]) -> None:
    story = Story(ANSWERS).opened("2026-03-02 09:00").then("agent_replied", "2026-03-02 09:30")
    story.then("resolved", "2026-03-02 10:00")
    for fact in order:
        story.then(fact, "2026-03-02 12:00")
    is_open = order[0] == "closed"
    assert story.assess().is_closed is not is_open
    wanted = State.BREACHED if is_open else State.CANCELLED
    assert story.state("next_response", NEVER) is wanted


PLANS = a_policy("""
defaults: {plan: basic}
severity: {levels: [p1, p2], default: p2}
metrics:
  resolution:
    starts: opened
    meets: resolved
    targets:
      - {when: {plan: gold}, within: 1h}
      - {when: {customer: contoso}, within: 2h}
      - {when: {priority: high}, within: 3h}
      - {when: {scope: billable}, within: 4h}
      - {when: {entitled: false}, within: 5h}
      - {when: {severity: p1}, within: 6h}
      - {when: {plan: basic}, within: 9h}
""")


@pytest.mark.parametrize(
    ("fact", "field", "value"),
    [
        ("plan_changed", "plan", "gold"),
        ("plan_changed", "customer", "contoso"),
        ("triaged", "priority", "high"),
        ("triaged", "severity", "p1"),
        ("scope_decided", "scope", "billable"),
        ("entitlement_decided", "entitled", False),
    ],
)
def test_value_that_is_cleared_is_gone_and_one_that_is_not_given_stays(
    fact: str, field: str, value: Any
) -> None:
    story = Story(PLANS).opened("2026-03-02 09:00")
    assert story.timer("resolution").target == "9 hours round the clock"
    story.then(fact, "2026-03-02 09:10", **{field: value})
    stricter = story.timer("resolution").target
    assert stricter != "9 hours round the clock"
    story.then(fact, "2026-03-02 09:20")
    assert story.timer("resolution").target == stricter
    cleared: dict[str, Any] = {field: None}
    story.then(fact, "2026-03-02 09:30", **cleared)
    assert story.timer("resolution").target == "9 hours round the clock"


BY = a_policy("""
metrics:
  resolution:
    starts: opened
    meets: resolved
    reopening: resume
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    calendar: office
    targets: [{by: close of next business day}]
""")


def a_resolved_case(resolved: str) -> Story:
    story = Story(BY, "Europe/Berlin").opened("2026-11-30 10:00")
    return story.then("resolved", resolved)


def test_promise_by_a_business_day_goes_on_with_the_time_that_was_left() -> None:
    story = a_resolved_case("2026-12-01 16:00").then("reopened", "2026-12-03 09:00")
    assert story.due("resolution", 2) == "2026-12-03 10:00"
    story.then("waiting_on_customer", "2026-12-03 09:30")
    assert story.timer("resolution", 2).due_at is None
    story.then("requester_replied", "2026-12-03 16:45")
    assert story.due("resolution", 2) == "2026-12-04 09:15"
    story.then("resolved", "2026-12-04 09:05").then("reopened", "2026-12-07 12:00")
    assert story.due("resolution", 3) == "2026-12-07 12:10"


def test_promise_by_a_business_day_that_was_used_up_promises_nothing_again() -> None:
    story = a_resolved_case("2026-12-02 10:00").then("reopened", "2026-12-03 09:00")
    assert len(story.assess().timers) == 1
    assert [note.rule for note in story.assess().notes] == [
        "not resumed: its time was used up before"
    ]


RESTARTED = a_policy("""
metrics:
  next_response:
    starts: requester_replied
    meets: agent_replied
    repeats: on_start
    targets: [{within: 1h}]
""")


def test_message_that_reopens_what_has_no_time_left_has_its_own() -> None:
    story = (
        Story(RESTARTED).opened("2026-03-02 09:00").then("requester_replied", "2026-03-02 10:00")
    )
    story.then("closed", "2026-03-02 12:00")
    story.then("requester_replied", "2026-03-03 12:00").then("reopened", "2026-03-03 12:00")
    assert story.due("next_response", 1) == "2026-03-02 11:00"
    assert story.due("next_response", 3) == "2026-03-03 13:00"
    assert story.state("next_response", NEVER, 1) is State.BREACHED
