"""Why a ticket's promises are as they are, made ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from markupsafe import Markup

from pledge.runtime.auth.access import Principal
from pledge.runtime.http.web.format import local_time
from sla.assessment.policy_registry import Policies
from sla.assessment.version_calendars import unrecorded_words
from sla.domain.calendar.durations import seconds_words
from sla.domain.calendar.zones import MICROSECOND
from sla.domain.explain import TimerExplanation, explain, why_words
from sla.domain.policy_versions import assess_versions
from sla.domain.values import Scalar, Segment, State
from sla.pages.board import MARKS, TONES
from sla.pages.timeline_svg import stretches, timeline_svg
from sla.storage import policy_versions, queries, store
from sla.storage.ticket_cache import Ticket

# A subject, and a line of a policy, are shown up to here.
LONGEST_TEXT = 300
# Stretches shown on the page; the rest stands in the JSON.
MOST_STRETCHES = 400
_PART_WORDS = {"counted": "counted", "over": "counted past the due time"}


@dataclass(frozen=True, slots=True)
class TicketExplanation:
    """One ticket's promises, explained at one instant."""

    ticket_id: str
    number: str
    desk: str
    subject: str
    version: str
    attributes: dict[str, Scalar]
    timers: list[dict[str, Any]]
    notes: list[str]
    silences: list[str]
    is_incident: bool
    is_known: bool = True  # whether anybody can tell what is promised
    matrix: str = ""


async def find_ticket(
    connection: asyncpg.Connection, policies: Policies, principal: Principal, name: str
) -> Ticket | None:
    """The ticket with this number or id, if it exists and `principal` may see it."""
    named = await queries.find_tickets(connection, name)
    visible = [ticket_id for ticket_id, desk in named if principal.may(desk)]
    tickets = await store.load_tickets(connection, visible[:1])
    await policies.fetch(connection, tickets.values())
    return next(iter(tickets.values()), None)


async def explain_ticket(
    connection: asyncpg.Connection, policies: Policies, ticket: Ticket, now: datetime
) -> TicketExplanation:
    """Every timer of `ticket` with its rule, its stretches and what meets it."""
    subject = ticket.opened.text("subject_line") or ""
    if len(subject) > LONGEST_TEXT:
        subject = f"{subject[:LONGEST_TEXT]}…"
    head: dict[str, Any] = {
        "ticket_id": str(ticket.ticket_id),
        "number": ticket.number,
        "desk": ticket.desk,
        "subject": subject,
        "version": ticket.policy_version or "none",
        "is_incident": ticket.is_incident,
    }
    why = policies.why_waiting(ticket)
    if why is not None:
        notes = [f"What is promised can't be told at present. {why}"]
        return TicketExplanation(
            **head, attributes={}, timers=[], notes=notes, silences=[], is_known=False
        )
    policy = policies.of(ticket)
    if policy is None:
        return TicketExplanation(**head, attributes={}, timers=[], notes=[], silences=[])
    versioned = assess_versions(ticket.facts, policy, policies.past(ticket))
    explanation = explain(versioned.assessment, policy, now, versioned.owners)
    versions = {each.policy_version for each in explanation.timers}
    contents = await policy_versions.contents(connection, [(ticket.desk, v) for v in versions])
    texts = {
        version: contents[ticket.desk, version].content.splitlines()
        if (ticket.desk, version) in contents
        else []
        for version in versions
    }
    shown = explanation.assessment.attributes.items()
    return TicketExplanation(
        **head,
        attributes={name: value for name, value in shown if value not in (None, False, "")},
        timers=[
            _timer(each, number, texts[each.policy_version], now)
            for number, each in enumerate(explanation.timers, 1)
        ],
        notes=[*explanation.notes_text(), *unrecorded_words(policies.unrecorded(ticket))],
        silences=explanation.silences_text(),
        matrix=explanation.matrix,
    )


def _timer(
    explained: TimerExplanation, number: int, lines: Sequence[str], now: datetime
) -> dict[str, Any]:
    timer, zone, state = explained.timer, explained.zone, explained.state
    rule = timer.rule
    cut = stretches(explained)
    shown = cut[-MOST_STRETCHES:]
    return {
        "title": timer.title or timer.metric.replace("_", " "),
        "cycle": timer.cycle,
        "state": state.value,
        "tone": TONES[state.value],
        "mark": MARKS[state.value],
        "headline": explained.headline(),
        "target": timer.target,
        "expectation": timer.expect,
        "rule": rule,
        "rule_text": _line(lines, rule.line if rule else None),
        "started_at": local_time(timer.started_at, zone),
        "started_by": timer.started_by,
        "further": explained.further_text(),
        "hours": explained.hours,
        "expect_at": timer.expect_at and local_time(timer.expect_at, zone),
        "due_at": timer.due_at and local_time(timer.due_at, zone),
        "met_at": timer.met_at and local_time(timer.met_at, zone),
        "used": _words(explained.used),
        "left": _words(explained.left) if explained.left is not None and timer.budget else "",
        "budget": _words(timer.budget) if timer.budget else "",
        "is_open": state in (State.RUNNING, State.PAUSED),
        "is_breached": state is State.BREACHED,
        "would_meet": explained.what_meets(),
        "parts": _parts(cut),
        "version": explained.policy_version,
        "stretches": [
            {
                "from": local_time(one.from_at, zone),
                "to": local_time(one.to_at, zone),
                "length": _words(one.to_at - one.from_at),
                "is_counted": one.is_counted,
                "why": why_words(one.why),
                "kind": kind,
            }
            for one, kind in shown
        ],
        "left_out": len(cut) - len(shown),
        # Made of our own marks and escaped words.
        "picture": Markup(timeline_svg(explained, now, element_id=f"picture-{number}")),  # noqa: S704
    }


def _parts(cut: Sequence[tuple[Segment, str]]) -> list[dict[str, str]]:
    """How much of the time was of which kind, in the order in which the kinds first occur."""
    totals: dict[tuple[str, str], timedelta] = {}
    for one, kind in cut:
        key = kind, _PART_WORDS.get(kind) or f"not counted, {why_words(one.why)}"
        totals[key] = totals.get(key, timedelta()) + (one.to_at - one.from_at)
    return [
        {"kind": kind, "text": f"{_words(total)} {words}"}
        for (kind, words), total in totals.items()
    ]


def _line(lines: Sequence[str], number: int | None) -> str:
    """The rule as it stands in the desk's file."""
    if number is None or not 0 < number <= len(lines):
        return ""
    return lines[number - 1].strip()[:LONGEST_TEXT]


def _words(length: timedelta | None) -> str:
    """A duration as people say it, to the second."""
    return "" if length is None else seconds_words(length // MICROSECOND)
