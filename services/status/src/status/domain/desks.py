"""A desk at work: its components and open incidents while facts come in one after another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from status.domain.components import Component
from status.domain.decisions import Board, Command, Decision, Open, claims_of_others, decide
from status.domain.incidents import Incident
from status.domain.reports import Fact, Join, Report, Rule, hear, place

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No incident began before this."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk's components and its open incidents, newest first."""

    rules: tuple[Rule, ...]
    components: tuple[Component, ...]
    incidents: tuple[Incident, ...]

    def incident(self, uid: UUID) -> Incident | None:
        """The incident of that id, if the desk at work knows it."""
        return next((one for one in self.incidents if one.uid == uid), None)

    def board(self, but: UUID | None) -> Board:
        """What a decision on the incident `but` needs to know around it."""
        return Board(self.components, claims_of_others(self.incidents, but))


class Heard(StrEnum):
    """What a fact came to."""

    REPEATED = "repeated"
    NOTED = "noted"
    JOINED = "joined"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The desk and the ticket's report after a fact, and the decision it led to, if any."""

    desk: Desk
    report: Report
    what: Heard
    decision: Decision | None = None


def carry_out(desk: Desk, uid: UUID, command: Command, now: datetime) -> tuple[Desk, Decision]:
    """Decide on a command for the incident `uid` and show it on the desk."""
    decision = decide(desk.incident(uid), command, desk.board(uid), now)
    return _after(desk, decision), decision


def absorb(desk: Desk, report: Report | None, fact: Fact, now: datetime) -> Absorbed:
    """Take in one fact about a ticket: at most, it opens an incident or joins one.

    Repeating a fact that was taken in before changes nothing.
    """
    heard = hear(report, fact)
    if report is not None and heard == report:
        return Absorbed(desk, heard, Heard.REPEATED)
    # A sender's clock may be anywhere: a page shows no year 1, and nothing that is yet to begin.
    began_at = min(max(fact.occurred_at, EARLIEST), now)
    placement = place(heard, desk.rules, desk.incidents, began_at)
    if isinstance(placement, Join):
        return Absorbed(desk, replace(heard, incident=placement.incident), Heard.JOINED)
    if placement is None:
        return Absorbed(desk, heard, Heard.NOTED)
    return _open(desk, heard, placement, now)


def _open(desk: Desk, report: Report, command: Open, now: datetime) -> Absorbed:
    desk, decision = carry_out(desk, command.uid, command, now)
    if decision.incident is None:
        # The rule names a component that the page no longer has: nothing can be said about it.
        return Absorbed(desk, report, Heard.NOTED, decision)
    report = replace(report, incident=decision.incident.uid)
    return Absorbed(desk, report, Heard.OPENED, decision)


def _after(desk: Desk, decision: Decision) -> Desk:
    changed = {one.id: one for one in decision.components}
    components = tuple(changed.get(one.id, one) for one in desk.components)
    incidents: Sequence[Incident] = desk.incidents
    if decision.incident is not None:
        incidents = [decision.incident, *_without(desk.incidents, decision.incident.uid)]
    return replace(desk, components=components, incidents=tuple(incidents))


def _without(incidents: Iterable[Incident], uid: UUID) -> list[Incident]:
    return [one for one in incidents if one.uid != uid]
