"""What the live board shows: promises by urgency, how many there are, and each of them in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg

from pledge.runtime.http.web.format import local_time
from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.domain.policy.policy import Policy
from sla.storage import queries
from sla.storage.queries import TimerFilter, list_timers

# Rows of a page: what a person looks through, and a browser redraws without a stutter.
ROWS = 100
# How long a breach stays on the board.
BREACHES_SHOWN_FOR = timedelta(days=1)
# Counting stops here, per desk and state, so that a page costs the same however many there are.
COUNTED_UP_TO = 25_000
# A subject is the customer's: the board needs no more of it to distinguish tickets.
LONGEST_SUBJECT = 160

ALL = "open_and_breached"
# What is shown: the states asked of the table, and whether only what is at risk.
SHOWN: Mapping[str, tuple[tuple[str, ...], bool | None]] = {
    ALL: (("running", "paused", "breached"), None),
    "breached": (("breached",), None),
    "at_risk": (("running", "paused"), True),
    "running": (("running",), None),
    "paused": (("paused",), None),
}
TONES = {"met": "good", "breached": "bad", "paused": "off", "cancelled": "off", "running": "calm"}
MARKS = {"running": "▶", "paused": "‖", "breached": "✕", "met": "✓", "cancelled": "–"}
AT_RISK_TONE, AT_RISK_MARK = "warn", "!"

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


@dataclass(frozen=True, slots=True)
class BoardFilters:
    """The filters of the board. They stand in the page's address, so that a link shares them."""

    desk: str = ""
    severity: str = ""
    state: str = ALL
    cursor: str | None = None
    first: int = 1
    """The place of the first row in the whole list, counted from 1, as the link here said."""

    def address(self, **changes: Any) -> str:
        """The board with these filters and `changes`, which start at the first page again."""
        chosen = replace(self, **({"cursor": None, "first": 1} | changes))
        asked = {
            "desk": chosen.desk,
            "severity": chosen.severity,
            "state": "" if chosen.state == ALL else chosen.state,
            "cursor": chosen.cursor or "",
            "first": "" if chosen.first == 1 else str(chosen.first),
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/board?{query}" if query else "/board"


@dataclass(frozen=True, slots=True)
class Count:
    """How many promises there are; `has_more` when counting stopped there."""

    number: int = 0
    has_more: bool = False

    def __add__(self, other: Count) -> Count:
        return Count(self.number + other.number, self.has_more or other.has_more)

    def __str__(self) -> str:
        if not self.has_more:
            return f"{self.number:,}"
        return f"{self.number - self.number % 1000:,}+"


async def count_shown(
    connection: asyncpg.Connection, desks: Collection[str], severity: str, now: datetime
) -> dict[str, Count]:
    """How many promises each of `SHOWN` has on these desks."""
    rows = await queries.count_by_state(
        connection, desks, severity or None, now - BREACHES_SHOWN_FOR, COUNTED_UP_TO
    )
    by_state = {row["state"]: row for row in rows}
    counts = {
        state: Count(row["timers"], row["has_more"] or False) for state, row in by_state.items()
    }
    at_risk = [
        Count(by_state[state]["at_risk"], by_state[state]["has_more"] or False)
        for state in ("running", "paused")
        if state in by_state
    ]
    return {
        ALL: sum(counts.values(), start=Count()),
        "at_risk": sum(at_risk, start=Count()),
        **{state: counts.get(state, Count()) for state in ("breached", "running", "paused")},
    }


async def list_shown(
    connection: asyncpg.Connection,
    policies: Policies,
    desks: Collection[str],
    chosen: BoardFilters,
    now: datetime,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the board, and the address of the next. Raises BadCursor."""
    states, is_at_risk = SHOWN[chosen.state]
    wanted = TimerFilter(
        desks,
        states,
        is_at_risk=is_at_risk,
        severities=[chosen.severity] if chosen.severity else None,
        due_from=now - BREACHES_SHOWN_FOR,
    )
    found, cursor = await list_timers(connection, wanted, chosen.cursor, ROWS)
    in_force = {desk: policies.for_opening(desk, now) for desk in {row["desk"] for row in found}}
    rows = [_row(row, in_force[row["desk"]], now) for row in found]
    if cursor is None:
        return rows, None
    return rows, chosen.address(cursor=cursor, first=chosen.first + len(rows))


def levels(policies: Policies, desks: Collection[str], now: datetime) -> list[str]:
    """The severities that the policies of `desks` name, each once."""
    in_force = (policies.for_opening(desk, now) for desk in sorted(desks))
    return list(dict.fromkeys(level for each in in_force if each for level in each.levels))


def _row(row: asyncpg.Record, policy: Policy | None, now: datetime) -> dict[str, Any]:
    """One line of the board. Its state is said in a word and by a mark, not by colour alone."""
    state, due_at = row["state"], row["due_at"]
    is_at_risk = state == "running" and row["at_risk_sent"] > 0
    is_over = row["met_at"] is not None or row["is_closed"]
    counts = {"running": "down", "breached": "" if is_over else "up"}.get(state, "")
    return {
        **{
            name: row[name]
            for name in ("ticket_id", "number", "desk", "severity", "metric", "cycle", "target")
        },
        "id": f"t-{row['ticket_id']}-{row['metric']}-{row['cycle']}",
        "subject": _subject(row["subject_line"]),
        "title": _title(policy, row["metric"], row["cycle"]),
        "state": state,
        "word": "at risk" if is_at_risk else state,
        "mark": AT_RISK_MARK if is_at_risk else MARKS[state],
        "tone": AT_RISK_TONE if is_at_risk else TONES[state],
        "due": local_time(due_at, policy.zone, today=now) if due_at and policy else due_at,
        "due_at": utc_text(due_at),
        "counts": counts if due_at is not None else "",
        "left": _left(row, now),
    }


def _left(row: asyncpg.Record, now: datetime) -> str:
    """The time that is left, or by how much the promise was missed, in words."""
    state, due_at, met_at = row["state"], row["due_at"], row["met_at"]
    if state == "paused":
        left = row["left_for"]
        return f"{left_words(left)} left" if left is not None else "no promise"
    if due_at is None:
        return "no promise"
    if state == "running":
        return left_words(due_at - now)
    if met_at is not None:
        return f"met {left_words(met_at - due_at)} late"
    return "never met" if row["is_closed"] else f"over by {left_words(now - due_at)}"


def left_words(left: timedelta) -> str:
    """A duration in its two largest units, of constant width: `3 d 04 h`, `12 min 05 s`, `9 s`.

    Below nothing it is `0 s`. The page's script writes the same words.
    """
    seconds = max(0, int(left.total_seconds()))
    for size, unit, smaller, name in _UNITS:
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest:02d} {name}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{seconds}\N{NO-BREAK SPACE}s"


def _title(policy: Policy | None, metric: str, cycle: int) -> str:
    number = policy.numbers.get(metric) if policy else None
    title = policy.metrics[number].title if policy and number is not None else ""
    return (title or metric.replace("_", " ")) + (f" ({cycle})" if cycle > 1 else "")


def _subject(text: str | None) -> str:
    if not text:
        return ""
    return f"{text[:LONGEST_SUBJECT]}…" if len(text) > LONGEST_SUBJECT else text
