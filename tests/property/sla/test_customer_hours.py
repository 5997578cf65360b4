"""Customers' own hours give what a file gives in which they are written in their place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.desk_file import read
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import Assessment, Fact

BEGIN = datetime(2026, 3, 5, 13, 0, tzinfo=UTC)  # a Thursday; clocks change on the Sunday
HOURS = (
    '{timezone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}, holidays: {countries: [US]}}',
    '{timezone: Asia/Dubai, hours: {sun: ["08:00-17:00"], mon-thu: ["08:00-17:00"]}}',
    '{timezone: Europe/Berlin, hours: {daily: ["16:00-02:00"]}}',
    "always",
)
OFFICE = '{timezone: Europe/Berlin, hours: {mon-fri: ["08:00-12:00", "13:00-18:00"]}}'
KINDS = (
    "triaged",
    "waiting_on_customer",
    "requester_replied",
    "agent_replied",
    "resolved",
    "closed",
    "reopened",
)
METRICS = """\
metrics:
  answer:
    starts: opened
    meets: agent_replied
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    at_risk: ["50%"]
    targets:
      - {when: {severity: p1}, during: OWN, within: 2h, calendar: OWN}
      - {when: {severity: p2}, within: 4h, calendar: joint}
      - {by: close of next business day, calendar: either, closing: office}
  solution:
    starts: opened
    meets: resolved
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    reopening: resume
    targets: [{within: 2bd, calendar: either}]
"""


def calendars(own: str) -> str:
    return (
        f"calendars:\n  office: {OFFICE}\n"
        f"  joint: {{all_of: [office, {own}]}}\n"
        f"  either: {{any_of: [{own}, office], timezone: UTC, holidays: {{dates: [2026-03-10]}}}}\n"
    )


def parsed(text: str) -> Policy:
    return read.parse(text, Path("acme") / "sla.yaml")


@lru_cache
def by_customer() -> Policy:
    own = "".join(f"    c{number}: {hours}\n" for number, hours in enumerate(HOURS))
    section = f"customers:\n  otherwise: office\n  calendars:\n{own}"
    return parsed(calendars("customer") + section + METRICS.replace("OWN", "customer"))


@lru_cache
def written_out(number: int) -> Policy:
    hours = HOURS[number] if number < len(HOURS) else OFFICE
    text = calendars("own").replace("calendars:\n", f"calendars:\n  own: {hours}\n")
    if hours == "always":
        text = calendars("always")
        return parsed(text + METRICS.replace("OWN", "always"))
    return parsed(text + METRICS.replace("OWN", "own"))


@st.composite
def lives(draw: st.DrawFn, customer: str) -> list[Fact]:
    facts: list[Fact] = []
    for sequence in range(1, draw(st.integers(1, 8)) + 1):
        at = BEGIN + timedelta(minutes=0 if sequence == 1 else draw(st.integers(0, 9 * 24 * 60)))
        kind = "opened" if sequence == 1 else draw(st.sampled_from(KINDS))
        data: dict[str, object] = {"severity": draw(st.sampled_from(["p1", "p2", "p3"]))}
        if sequence == 1:
            data["customer"] = customer
        facts.append(Fact(kind, at, at, sequence, data))
    return facts


def instants(assessment: Assessment) -> list[tuple[object, ...]]:
    return [
        (
            each.metric,
            each.cycle,
            each.due_at,
            each.met_at,
            each.cancelled_at,
            each.paused_since,
            each.at_risk_at,
            each.carried,
            [(start, end, by) for start, end, _, by, _ in each.spans],
        )
        for each in assessment.timers
    ]


@given(st.integers(0, len(HOURS)), st.data())
@settings(max_examples=150, deadline=None)
def test_own_hours_count_as_if_they_were_written_into_the_calendars(
    number: int, more: st.DataObject
) -> None:
    facts = more.draw(lives(f"C{number}"))
    found = assess(facts, by_customer())
    assert instants(found) == instants(assess(facts, written_out(number)))
    assessor, known = Assessor(), tuple[Fact, ...]()
    for fact in sorted(facts, key=lambda one: (one.occurred_at, one.sequence)):
        known = (*known, fact)
        assert assessor.assess(known, by_customer()) == assess(known, by_customer())
