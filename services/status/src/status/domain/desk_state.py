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
from status.domain.retractions import Verdict, verdict, withdrawal, withdrawn

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
    WITHDRAWN = "withdrawn"
    DISPROVED = "disproved"


@dataclass(frozen=True, slots=True)
class AppliedFact:
    """The desk and the ticket's report after a fact, and the decision it led to, if any.

    `disproved` is the incident that people have to decide about.
    """

    desk: DeskState
    report: Report
    outcome: FactOutcome
    decision: Decision | None = None
    disproved: Incident | None = None


def carry_out(
    desk: DeskState, uid: UUID, command: Command, now: datetime
) -> tuple[DeskState, Decision]:
    """Decide on a command for the incident `uid`; the desk after it."""
    decision = decide(desk.incident(uid), command, desk.context_of(uid), now)
    return _after(desk, decision), decision


def apply_fact(
    desk: DeskState, report: Report | None, fact: Fact, now: datetime, *, is_shared: bool = False
) -> AppliedFact:
    """Apply one fact about a ticket: at most, it opens an incident, joins one or disproves its own.

    A repeated fact changes nothing. `is_shared`: other tickets belong to the ticket's incident.
    """
    updated = update_report(report, fact)
    if report is not None and updated == report:
        return AppliedFact(desk, updated, FactOutcome.REPEATED)
    # A sender's clock may be anywhere: a page shows no year 1 and no future start.
    began_at = min(max(fact.occurred_at, EARLIEST), now)
    placement = place(updated, desk.rules, desk.incidents, began_at)
    if isinstance(placement, Join):
        return AppliedFact(desk, replace(updated, incident=placement.incident), FactOutcome.JOINED)
    if placement is not None:
        return _open(desk, updated, placement, now)
    if report is None or updated.incident is None:
        return AppliedFact(desk, updated, FactOutcome.NOTED)
    return _retract(desk, report, updated, fact, now, is_shared=is_shared)


def _retract(
    desk: DeskState, before: Report, after: Report, fact: Fact, now: datetime, *, is_shared: bool
) -> AppliedFact:
    """The ticket's incident ends where the fact disproves it, or waits for people to end it."""
    incident = None if after.incident is None else desk.incident(after.incident)
    found = verdict(before, after, fact, desk.rules, incident, is_shared=is_shared)
    if incident is None or found is None:
        return AppliedFact(desk, after, FactOutcome.NOTED)
    if found is Verdict.DISPROVED:
        disproved = replace(incident, disproved_at=now)
        incidents = tuple(disproved if one.uid == disproved.uid else one for one in desk.incidents)
        desk = replace(desk, incidents=incidents)
        return AppliedFact(desk, after, FactOutcome.DISPROVED, disproved=disproved)
    desk, decision = carry_out(desk, incident.uid, withdrawal(incident, desk.rules), now)
    return AppliedFact(desk, withdrawn(after), FactOutcome.WITHDRAWN, decision)


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
