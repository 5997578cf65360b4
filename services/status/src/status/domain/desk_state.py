"""A desk's components and open incidents, and how facts and commands change them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from status.domain.components import Component
from status.domain.decisions import (
    Command,
    Decision,
    DecisionContext,
    Open,
    claims_of_others,
    decide,
)
from status.domain.incidents import Incident
from status.domain.reports import Fact, Join, Report, Rule, place, update_report

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No incident began before this."""


@dataclass(frozen=True, slots=True)
class DeskState:
    """The desk's components and its open incidents, newest first."""

    rules: tuple[Rule, ...]
    components: tuple[Component, ...]
    incidents: tuple[Incident, ...]

    def incident(self, uid: UUID) -> Incident | None:
        """The incident of that id, if the state holds it."""
        return next((one for one in self.incidents if one.uid == uid), None)

    def context_of(self, uid: UUID | None) -> DecisionContext:
        """What a decision on the incident needs to know of the rest of the page."""
        return DecisionContext(self.components, claims_of_others(self.incidents, uid))


class FactOutcome(StrEnum):
    """What a fact led to."""

    REPEATED = "repeated"
    NOTED = "noted"
    JOINED = "joined"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class AppliedFact:
    """The desk and the ticket's report after a fact, and the decision it led to, if any."""

    desk: DeskState
    report: Report
    outcome: FactOutcome
    decision: Decision | None = None


def carry_out(
    desk: DeskState, uid: UUID, command: Command, now: datetime
) -> tuple[DeskState, Decision]:
    """Decide on a command for the incident `uid`; the desk after it."""
    decision = decide(desk.incident(uid), command, desk.context_of(uid), now)
    return _after(desk, decision), decision


def apply_fact(desk: DeskState, report: Report | None, fact: Fact, now: datetime) -> AppliedFact:
    """Apply one fact about a ticket: at most, it opens an incident or joins one.

    A repeated fact changes nothing.
    """
    updated = update_report(report, fact)
    if report is not None and updated == report:
        return AppliedFact(desk, updated, FactOutcome.REPEATED)
    # A sender's clock may be anywhere: a page shows no year 1 and no future start.
    began_at = min(max(fact.occurred_at, EARLIEST), now)
    placement = place(updated, desk.rules, desk.incidents, began_at)
    if isinstance(placement, Join):
        return AppliedFact(desk, replace(updated, incident=placement.incident), FactOutcome.JOINED)
    if placement is None:
        return AppliedFact(desk, updated, FactOutcome.NOTED)
    return _open(desk, updated, placement, now)


def _open(desk: DeskState, report: Report, command: Open, now: datetime) -> AppliedFact:
    desk, decision = carry_out(desk, command.uid, command, now)
    if decision.incident is None:
        # The rule names a component that the page no longer has: there is no status to show.
        return AppliedFact(desk, report, FactOutcome.NOTED, decision)
    report = replace(report, incident=decision.incident.uid)
    return AppliedFact(desk, report, FactOutcome.OPENED, decision)


def _after(desk: DeskState, decision: Decision) -> DeskState:
    changed = {one.id: one for one in decision.components}
    components = tuple(changed.get(one.id, one) for one in desk.components)
    incidents: Sequence[Incident] = desk.incidents
    if decision.incident is not None:
        incidents = [decision.incident, *_without(desk.incidents, decision.incident.uid)]
    return replace(desk, components=components, incidents=tuple(incidents))


def _without(incidents: Iterable[Incident], uid: UUID) -> list[Incident]:
    return [one for one in incidents if one.uid != uid]
