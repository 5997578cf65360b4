"""A ticket's facts, put in the order in which they count.

Rules for odd facts, so that any set of facts has one meaning:

- Facts count by `occurred_at`, those of one instant by `sequence`.
- A clock in the future: what claims to have occurred after it was recorded counts when recorded.
- From before the ticket: what occurred before the opening counts at the opening.
- Beyond the years 1990 to 2200, which calendars cover, it counts at their first or last instant.
  Only facts that were stored before events had these bounds lie there.
- The same sequence twice is one fact; a second opening is ignored.
- After closing: see `assess`.
- A reply that could not be sent is taken back, as if it had never been.
- A reopening counts before all else of its instant, except for the end that it undoes: a message
  and the reopening that it causes mean the same in either order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from pledge.events.instants import parse_instant
from sla.domain.calendar.calendar import FIRST_US, LAST_US, YEARS
from sla.domain.calendar.zones import to_us
from sla.domain.values import Fact, Note

OPENINGS = ("opened", "incident_opened")
MILESTONE = "milestone_reached"
MILESTONE_PREFIX = "milestone:"
CLOSINGS = ("closed", "merged")
REOPENING = "reopened"
TAKING_BACK = "agent_reply_failed"
TAKEN_BACK = "agent_replied"
_ENDS = ("resolved", *CLOSINGS)
AHEAD = "counts when it was recorded: its clock is ahead"
BEFORE = "counts at the opening: it is from before the ticket"
NEVER_SENT = "taken back: it could not be sent, and meets no promise"
AGAIN = "ignored: the ticket was opened before"

_TYPE = re.compile(r"pledge\.(ticket|incident)\.([a-z_]+)\.v\d+")


class NotAFact(ValueError):
    """The event is no ticket's or incident's, or lacks what every fact has."""


def fact_from_event(data: Mapping[str, object], sequence: int) -> Fact:
    """The fact in an event, from the event's data as plain JSON. Raises NotAFact.

    `pledge.ticket.opened.v1` is `opened`, `pledge.incident.updated.v1` is `incident_updated`; a
    milestone has a type of its own, `milestone:service_restored`.
    Without `recorded_at` the fact was recorded when it occurred.
    """
    data, _ = unwrapped(data)
    verb = fact_kind(str(data.get("type")), data)
    occurred_at = _instant(data, "occurred_at")
    recorded_at = _instant(data, "recorded_at") if data.get("recorded_at") else occurred_at
    return Fact(verb, occurred_at, recorded_at, sequence, data)


def fact_kind(event_type: str, data: Mapping[str, object]) -> str:
    """The type of fact that an event with this data becomes. Raises NotAFact."""
    verb = fact_type(event_type)
    return verb if verb != MILESTONE else milestone_fact(str(data.get("milestone")))


def milestone_fact(name: str) -> str:
    """The type of fact of a milestone of the desk's own."""
    return f"{MILESTONE_PREFIX}{name}"


@lru_cache(maxsize=512)
def fact_type(event_type: str) -> str:
    """The type of fact that an event of this type becomes. Raises NotAFact."""
    match = _TYPE.fullmatch(event_type)
    if match is None:
        raise NotAFact(f"`type` is `{event_type}`, no ticket or incident event")
    noun, verb = match.groups()
    return verb if noun == "ticket" else f"incident_{verb}"


def unwrapped(event: Mapping[str, object]) -> tuple[Mapping[str, object], object]:
    """The data and the sequence, if given, of plain data or of a CloudEvent in JSON."""
    sequence = event.get("sequence", event.get("ce_sequence"))
    data = event.get("data")
    if not isinstance(data, Mapping):
        return event, sequence
    return {**data, "type": data.get("type", event.get("type"))}, sequence


def _instant(data: Mapping[str, object], name: str) -> datetime:
    value = data.get(name)
    try:
        found = value if isinstance(value, datetime) else parse_instant(str(value))
    except ValueError as error:
        raise NotAFact(f"`{name}` is `{value}`, which {error}") from error
    if found.tzinfo is None:
        raise NotAFact(f"`{name}` is `{value}`, an instant without its offset to UTC")
    if not FIRST_US <= to_us(found) < LAST_US:
        raise NotAFact(f"`{name}` is `{value}`, outside the years {YEARS}: it was never set")
    return found.astimezone(UTC)


def arrange(facts: Sequence[Fact]) -> tuple[list[tuple[int, int, Fact]], list[Note]]:
    """(instant in microseconds, sequence, fact) in the order that counts, opening first.

    Nothing at all while the opening is not known.
    """
    opening: Fact | None = None
    unique: dict[int, Fact] = {}
    for fact in facts:
        unique[fact.sequence] = fact
        if fact.type in OPENINGS and (opening is None or fact.sequence < opening.sequence):
            opening = fact
    if len(unique) < len(facts):
        return arrange(_each_once(facts))
    if opening is None:
        return [], []
    notes = [Note(opening.sequence, opening.type, AHEAD)] if opening.is_ahead else []
    opened_us = _opened_us(opening)
    timed = [(opened_us, -1, opening)]
    for fact in facts:
        if fact.type not in OPENINGS:
            at = fact.counts_us
            if fact.is_ahead or not opened_us <= at < LAST_US:
                at = counts_at(fact, opened_us, notes)
            timed.append((at, fact.sequence, fact))
        elif fact is not opening:
            notes.append(Note(fact.sequence, fact.type, AGAIN))
            if fact.is_ahead:
                notes.append(Note(fact.sequence, fact.type, AHEAD))
    timed.sort()
    timed = _as_it_was(timed, notes)
    notes.sort()
    return timed, notes


def _as_it_was(
    timed: list[tuple[int, int, Fact]], notes: list[Note]
) -> list[tuple[int, int, Fact]]:
    """Without what did not happen, and with reopenings in their place."""
    kinds = {fact.type for _, _, fact in timed}
    if TAKING_BACK in kinds:
        timed = _without_taken_back(timed, notes)
    if REOPENING in kinds:
        _put_reopenings_first(timed)
    return timed


def _without_taken_back(
    timed: Sequence[tuple[int, int, Fact]], notes: list[Note]
) -> list[tuple[int, int, Fact]]:
    """The facts that happened; a note for each that did not."""
    named = [fact.data.get("takes_back") for _, _, fact in timed if fact.type == TAKING_BACK]
    failed = {sequence for sequence in named if type(sequence) is int}
    found: list[tuple[int, int, Fact]] = []
    for one in timed:
        if one[1] in failed and one[2].type == TAKEN_BACK:
            notes.append(Note(one[1], TAKEN_BACK, NEVER_SENT))
        else:
            found.append(one)
    return found


def _put_reopenings_first(timed: list[tuple[int, int, Fact]]) -> None:
    """Move each reopening before the facts of its instant, up to the end that it undoes."""
    for place in [place for place, one in enumerate(timed) if one[2].type == REOPENING]:
        at, first = timed[place][0], place
        while first > 1 and timed[first - 1][0] == at and timed[first - 1][2].type not in _ENDS:
            first -= 1
        timed.insert(first, timed.pop(place))


def _each_once(facts: Iterable[Fact]) -> list[Fact]:
    """One fact of each sequence. Any order will do, as long as it is always the same."""
    ordered = sorted(
        facts,
        key=lambda fact: (
            fact.occurred_at,
            fact.recorded_at,
            fact.type,
            repr(sorted(fact.data.items())),
        ),
        reverse=True,
    )
    return [*{fact.sequence: fact for fact in ordered}.values()]


def counts_at(fact: Fact, opened_us: int, notes: list[Note]) -> int:
    """When a fact counts that is not the opening; what is odd about that goes into `notes`."""
    us = fact.counts_us
    if fact.is_ahead:
        notes.append(Note(fact.sequence, fact.type, AHEAD))
    if us < opened_us:
        us = opened_us
        notes.append(Note(fact.sequence, fact.type, BEFORE))
    return us if us < LAST_US else _within(us)


def _opened_us(opening: Fact) -> int:
    """The opening, or when the issue was reported, if that was earlier: timers follow the issue
    into the ticket that it is split off to (SIG-09)."""
    us = opening.counts_us
    reported_us = instant_us(opening.data.get("reported_at"))
    return _within(us if reported_us is None else min(us, reported_us))


def instant_us(value: object) -> int | None:
    """An instant given in a fact's field, in microseconds since 1970, or None.

    One outside the years that calendars cover was never set: None, too.
    """
    if isinstance(value, str):
        try:
            value = parse_instant(value)
        except ValueError:
            return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        us = to_us(value)
        return us if FIRST_US <= us < LAST_US else None
    return None


def _within(us: int) -> int:
    return min(max(us, FIRST_US), LAST_US)
