"""A desk's file in which all that the language can say of promises meets, and what may happen."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hypothesis import strategies as st

from sla.desk_file import read
from sla.domain.facts import milestone_fact
from sla.domain.policy.policy import Policy

TEXT = """
desk: everything
timezone: Europe/Berlin
severity:
  levels: [p1, p2, p3]
  default: p3
  floors: [{when: {trial: true}, at_least: p2}]
matrix:
  gives: severity
  table:
    wide: {high: p1, low: p2}
    narrow: {high: p2, low: p3}
milestones: [on_site, part_ordered, part_arrived, restored]
calendars:
  office:
    timezone: Europe/Berlin
    hours: {mon-thu: ["09:00-12:00", "13:00-17:00"], fri: ["09:00-15:00"]}
    holidays: {dates: [2026-03-10]}
  together: {any_of: [office, customer]}
customers:
  otherwise: office
  calendars:
    Contoso: {timezone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}}
metrics:
  answer:
    starts: opened
    meets: agent_replied
    revisable: true
    reopening: resume
    pauses: [{on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}]
    at_risk: ["50%", "10m left"]
    targets:
      - {when: {severity: p1}, within: 30m}
      - {when: {scope: out_of_scope}, no_promise: true}
      - {when: {plan: patrol}, within: 2bd, calendar: together}
      - {when: {severity: p2}, within: 4h, calendar: customer}
      - {by: close of next business day, calendar: office, received: next_opening}
  next_answer:
    starts: requester_replied
    meets: [agent_replied, resolved]
    after: answer
    repeats: on_start
    revisable: true
    targets:
      - {when: {plan: [patrol, command]}, within: 1h}
      - {when: {severity: [p1, p2]}, within: 3h, calendar: office}
  update:
    starts: callback_requested
    meets: agent_replied
    cancels: resolved
    repeats: on_meet
    stops_after: 3
    reopening: resume
    after: answer
    pauses: [{on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}]
    targets:
      - {when: {severity: p1}, within: 2h}
      - {when: {plan: patrol}, within: 5h, calendar: customer}
  first_line:
    team: l1
    meets: agent_replied
    reopening: restart
    targets: [{within: 2h, calendar: office}]
  second_line:
    team: l2
    repeats: on_meet
    stops_after: 2
    meets: agent_replied
    targets: [{when: {severity: [p1, p2]}, within: 8h}]
  on_site:
    starts: {fact: on_site, when: {severity: [p1, p2]}}
    meets: restored
    pauses: [{on: part_ordered, until: part_arrived}]
    outlives_closing: true
    targets: [{within: 6h, calendar: office}]
  solution:
    starts: opened
    meets: resolved
    revisable: true
    reopening: resume
    pauses: [{on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}]
    targets:
      fast: [{when: {severity: p1}, within: 1bd, calendar: office}, {within: 3bd, calendar: office}]
      slow: [{when: {plan: patrol}, within: 10h, calendar: together}]
"""
KINDS = (
    "requester_replied",
    "agent_replied",
    "agent_reply_failed",
    "triaged",
    "plan_changed",
    "scope_decided",
    "waiting_on_customer",
    "waiting_on_provider",
    "callback_requested",
    "resolved",
    "reopened",
    "closed",
    "merged",
    "noted",
    "due_revised",
    "assigned",
    *[milestone_fact(name) for name in ("on_site", "part_ordered", "part_arrived", "restored")],
)
"""What may happen to one of its tickets."""


@lru_cache
def policy(counts: str = "") -> Policy:
    """The policy, with what its file says of changes."""
    text = f"{TEXT}counts: {{{counts}}}\n" if counts else TEXT
    return read.parse(text, Path("everything/sla.yaml"))


@st.composite
def details(draw: st.DrawFn) -> dict[str, object]:
    """What an event carries of that by which the promises differ; of most fields nothing."""
    teams = st.sampled_from(["l1", "l2", None])
    due = [
        f"2026-03-{day:02}T{hour:02}:00:00Z" for day in (5, 6, 9, 10, 12) for hour in (8, 14, 22)
    ]
    values: dict[str, st.SearchStrategy[object]] = {
        "severity": st.sampled_from(["p1", "p2", "p3", None]),
        "is_by_matrix": st.booleans(),
        "impact": st.sampled_from(["wide", "narrow", None]),
        "urgency": st.sampled_from(["high", "low", None]),
        "plan": st.sampled_from(["patrol", "basic", None]),
        "is_trial": st.booleans(),
        "scope": st.sampled_from(["covered", "out_of_scope", None]),
        "customer": st.sampled_from(["Contoso", "Fabrikam", None]),
        "takes_back": st.integers(1, 12),
        "metric": st.sampled_from(["answer", "next_answer", "solution"]),
        "due_at": st.sampled_from([*due, None]),
        "why": st.just("spare part"),
        "team": teams,
        "previous_team": teams,
        "is_team_changed": st.booleans(),
        "by": st.just({"name": "Ana"}),
    }
    return {name: draw(of) for name, of in values.items() if draw(st.integers(0, 2))}
