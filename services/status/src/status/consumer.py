"""Consumes events of tickets and promises; opens incidents by the desks' rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.kafka.partition_worker import StatelessHandler
from pledge.runtime.observability import logs
from pledge.runtime.records import Message, Outcome, Partition, Poison, Record
from status.application import publishing
from status.application.event_reader import SourcedFact, read
from status.domain import desk_state
from status.domain.components import Component
from status.domain.decisions import Effect
from status.domain.desk import Policy
from status.domain.desk_state import AppliedFact, DeskState, FactOutcome
from status.domain.incidents import Incident
from status.domain.reports import Linked, Report, Retracted, concerns
from status.metrics import StatusMetrics
from status.storage import store

log = logs.get("status.consumer")


class StatusHandler(StatelessHandler):
    """Applies a partition's records to reports, incidents and components, in one transaction.

    Nothing is cached between batches, so partitions may come and go freely.
    """

    def __init__(
        self, policies: Mapping[str, Policy], *, clock: Clock, metrics: StatusMetrics
    ) -> None:
        self._policies = policies
        self._clock = clock
        self._metrics = metrics

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Open or join incidents by the facts in `records`, and publish what changed."""
        outcome = Outcome()
        facts: list[SourcedFact] = []
        for record in records:
            found = read(record)
            if isinstance(found, Poison):
                outcome.poison.append(found)
            elif found is not None and self._concerns(found):
                facts.append(found)
        if facts:
            now = self._clock.now()
            batch = await _load(connection, self._policies, facts)
            for sourced in facts:
                self._count(sourced, batch.apply_fact(sourced, now))
            await batch.save(connection, now)
            outcome.messages += await batch.messages(connection, self._policies, now)
        return outcome

    def _concerns(self, sourced: SourcedFact) -> bool:
        policy = self._policies.get(sourced.fact.desk)
        return policy is not None and concerns(policy.rules, sourced.fact.detail)

    def _count(self, sourced: SourcedFact, applied: AppliedFact) -> None:
        fact = sourced.fact
        if applied.outcome is FactOutcome.REPEATED:
            self._metrics.repeated.labels(fact.topic).inc()
            return
        if applied.outcome is FactOutcome.JOINED:
            self._metrics.joined.labels(fact.desk).inc()
        if applied.decision is not None:
            reason = applied.decision.reason
            self._metrics.decisions.labels(fact.desk, "rule", reason).inc()
            incident = applied.decision.incident
            write = log.warning if reason.is_refusal else log.info
            write(
                "command_decided",
                by="rule",
                reason=reason.value,
                desk=fact.desk,
                ticket=str(fact.ticket_id),
                incident=incident.id if incident else None,
            )


class _Batch:
    """What one batch reads, changes and writes."""

    def __init__(
        self,
        states: dict[str, DeskState],
        reports: dict[UUID, Report],
        members: Mapping[UUID, Sequence[UUID]],
    ) -> None:
        self._desks = states
        self._reports = reports
        self._members = members  # some tickets of incidents that a retraction may disprove
        self._disproved: dict[UUID, Incident] = {}
        self._changed_reports: set[UUID] = set()
        self._opened: list[tuple[SourcedFact, Incident, tuple[Effect, ...]]] = []
        self._components: dict[str, dict[str, Component]] = {}

    def apply_fact(self, sourced: SourcedFact, now: datetime) -> AppliedFact:
        fact = sourced.fact
        desk = self._desks[fact.desk]
        report = self._reports.get(fact.ticket_id)
        is_shared = report is not None and self._is_shared(report)
        applied = desk_state.apply_fact(desk, report, fact, now, is_shared=is_shared)
        self._desks[fact.desk] = applied.desk
        self._reports[fact.ticket_id] = applied.report
        if applied.outcome is not FactOutcome.REPEATED:
            self._changed_reports.add(fact.ticket_id)
        if applied.disproved is not None:
            self._disproved[applied.disproved.uid] = applied.disproved
        decision = applied.decision
        if decision is not None and decision.incident is not None:
            self._opened.append((sourced, decision.incident, decision.effects))
            components = self._components.setdefault(fact.desk, {})
            components.update({one.id: one for one in decision.components})
        return applied

    def _is_shared(self, report: Report) -> bool:
        """Whether other tickets belong to its incident: known before, or since this batch."""
        uid = report.incident
        known = [] if uid is None else self._members.get(uid, ())
        return any(ticket != report.ticket_id for ticket in known) or any(
            one.incident == uid and one.ticket_id != report.ticket_id
            for one in self._reports.values()
            if uid is not None
        )

    async def save(self, connection: asyncpg.Connection, now: datetime) -> None:
        await store.save_reports(
            connection, [self._reports[uid] for uid in sorted(self._changed_reports)]
        )
        for incidents in self._in_rounds():
            await store.save_incidents(connection, incidents)
        await store.save_disproved(connection, self._disproved.values())
        for desk, components in self._components.items():
            await store.save_components(connection, desk, components.values())
        if self._opened:
            touched = sorted({incident.desk for _, incident, _ in self._opened})
            await store.touch(connection, touched, now)

    def _in_rounds(self) -> list[list[Incident]]:
        """The incidents as they changed; one that changed twice is in two rounds."""
        rounds: list[dict[UUID, Incident]] = []
        for _, incident, _ in self._opened:
            free = next((one for one in rounds if incident.uid not in one), None)
            if free is None:
                rounds.append(free := {})
            free[incident.uid] = incident
        return [[*one.values()] for one in rounds]

    async def messages(
        self, connection: asyncpg.Connection, policies: Mapping[str, Policy], now: datetime
    ) -> list[Message]:
        if not self._opened:
            return []
        tickets = await store.tickets_of(
            connection,
            [incident.uid for _, incident, _ in self._opened],
            limit=publishing.MOST_TICKETS,
        )
        messages: list[Message] = []
        for sourced, incident, effects in self._opened:
            known = [ticket for ticket, _ in tickets[incident.uid]]
            components = self._desks[incident.desk].components
            within = policies[incident.desk].update_within
            for position, effect in enumerate(effects):
                event, sequence = publishing.event_of(effect, components, known, within, now)
                messages.append(publishing.caused_message(event, sequence, sourced.cause, position))
        return messages


async def _load(
    connection: asyncpg.Connection, policies: Mapping[str, Policy], facts: Sequence[SourcedFact]
) -> _Batch:
    """Lock the desks' pages, then read all that the batch can change."""
    names = sorted({sourced.fact.desk for sourced in facts})
    # Batches of other partitions decide on the same desks: one after the other, or two tickets
    # confirmed at the same moment would open two incidents.
    await store.lock(connection, names)
    reports = await store.reports_of(connection, {sourced.fact.ticket_id for sourced in facts})
    components = await store.components_of(connection, names)
    incidents = await store.open_incidents(connection, names, also=_named(facts, reports))
    states = {
        name: DeskState(
            policies[name].rules,
            components[name],
            tuple(one for one in incidents if one.desk == name),
        )
        for name in names
    }
    members = await store.tickets_of(connection, _doubted(facts, reports), limit=2)
    tickets = {uid: [ticket for ticket, _ in found] for uid, found in members.items()}
    return _Batch(states, reports, tickets)


def _doubted(facts: Sequence[SourcedFact], reports: Mapping[UUID, Report]) -> set[UUID]:
    """The incidents that a retraction may disprove."""
    found = [
        reports.get(sourced.fact.ticket_id)
        for sourced in facts
        if isinstance(sourced.fact.detail, Retracted)
    ]
    return {one.incident for one in found if one is not None and one.incident is not None}


def _named(facts: Sequence[SourcedFact], reports: Mapping[UUID, Report]) -> set[UUID]:
    """Incidents that tickets are linked to, which may be closed by now."""
    named = {
        sourced.fact.detail.incident for sourced in facts if isinstance(sourced.fact.detail, Linked)
    }
    return named | {one.known_incident for one in reports.values() if one.known_incident}
