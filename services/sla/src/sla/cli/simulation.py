"""What promises do with facts in a file: no broker, no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sla.domain.calendar.zones import instant_text
from sla.domain.explain import Explanation, explain
from sla.domain.facts import fact_from_event, unwrapped
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import assess
from sla.domain.values import Fact

RANKS = {
    "opened": -2,
    "incident_opened": -2,
    "waiting_on_customer": -1,
    "customer_unavailable": -1,
    "meeting_agreed": -1,
    "resolved": 1,
    "incident_resolved": 1,
    "closed": 2,
    "merged": 2,
    "reopened": 3,
}
"""How facts of one instant follow each other in a ticket's life; all others are in between."""


def simulate(
    events: Iterable[Mapping[str, object]], policy: Policy, until: datetime
) -> list[tuple[dict[str, object], Explanation]]:
    """Each ticket (or incident) of `events` with its explanation at `until`, in order of opening.

    Events are as on `ticket.events.v1`, in any order; what happens after `until` is not known
    yet. Raises NotAFact for what is no event.
    """
    lines: dict[str, list[tuple[Mapping[str, object], object]]] = {}
    for event in events:
        data, sequence = unwrapped(event)
        key = str(data.get("ticket_id") or data.get("incident_id") or _ticket_number(data) or "")
        lines_of_ticket = lines.setdefault(key, [])
        if all(data != other for other, _ in lines_of_ticket):
            lines_of_ticket.append((data, sequence))
    tickets = {
        key: facts
        for key, lines_of_ticket in lines.items()
        if (facts := _facts(lines_of_ticket, until))
    }
    found: list[tuple[dict[str, object], Explanation]] = []
    for key, facts in sorted(tickets.items(), key=_opening):
        about = {"ticket_id": key, "number": _ticket_number(facts[0].data)}
        found.append((about, explain(assess(facts, policy), policy, until)))
    return found


def _facts(
    lines_of_ticket: Sequence[tuple[Mapping[str, object], object]], until: datetime
) -> list[Fact]:
    """One ticket's facts up to `until`, in the order of their sequence.

    Unless each has its own, they are numbered by when they occurred and were recorded, and within
    one instant as a ticket's life goes, so that the order of the lines does not matter.
    """
    facts = [fact_from_event(data, place) for place, (data, _) in enumerate(lines_of_ticket)]
    given = [number for _, sequence in lines_of_ticket if (number := _number(sequence)) is not None]
    if len(set(given)) != len(facts):
        facts.sort(key=_natural_order)
        given = list(range(1, len(facts) + 1))
    return [
        replace(fact, sequence=number)
        for fact, number in zip(facts, given, strict=True)
        if min(fact.occurred_at, fact.recorded_at) <= until
    ]


def _ticket_number(data: Mapping[str, object]) -> object:
    """The number under its name, or under its former one."""
    return data.get("ticket_number", data.get("number"))


def _opening(ticket: tuple[str, list[Fact]]) -> tuple[datetime, str]:
    key, facts = ticket
    return min(fact.occurred_at for fact in facts), key


def _natural_order(fact: Fact) -> tuple[datetime, datetime, int, str, int]:
    return fact.occurred_at, fact.recorded_at, RANKS.get(fact.type, 0), fact.type, fact.sequence


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_json(
    simulated: Iterable[tuple[Mapping[str, object], Explanation]], policy: Policy, until: datetime
) -> dict[str, object]:
    """The simulation for programs: every timer also names its ticket."""
    tickets: list[dict[str, object]] = []
    for about, explanation in simulated:
        ticket = {**about, **explanation.json()}
        ticket["timers"] = [{**about, **timer.json()} for timer in explanation.timers]
        tickets.append(ticket)
    return {
        "desk": policy.desk,
        "policy_version": policy.version,
        "until": instant_text(until),
        "tickets": tickets,
    }


def as_text(simulated: Iterable[tuple[Mapping[str, object], Explanation]]) -> str:
    """The simulation for people."""
    parts: list[str] = []
    for about, explanation in simulated:
        name = str(about.get("number") or about.get("ticket_id"))
        parts.append(f"{name}\n{'=' * len(name)}\n{explanation.text()}")
    return "\n\n".join(parts)
