"""Tickets and broken promises come in; incidents open by the desks' rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.records import Message, Outcome, Partition, Poison, Record
from status import publishing
from status.desk_file.load import Policy
from status.domain import desks
from status.domain.components import Component
from status.domain.decisions import Effect
from status.domain.desks import Absorbed, Desk
from status.domain.incidents import Incident
from status.domain.reports import Linked, Report, concerns
from status.event_reader import Heard, read
from status.metrics import StatusMetrics
from status.storage import store

log = logs.get("status.consumer")


class StatusHandler:
    """Applies a partition's records to reports, incidents and components, in one transaction.

    Nothing is cached between batches, so partitions may come and go freely.
    """

    def __init__(
        self, policies: Mapping[str, Policy], *, clock: Clock, metrics: StatusMetrics
    ) -> None:
        self._policies = policies
        self._clock = clock
        self._metrics = metrics

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Nothing to prepare."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Nothing to drop."""

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Open or join incidents by the facts in `records`, and give the events that tell of it."""
        outcome = Outcome()
        heard: list[Heard] = []
        for record in records:
            found = read(record)
            if isinstance(found, Poison):
                outcome.poison.append(found)
            elif found is not None and self._concerns(found):
                heard.append(found)
        if heard:
            now = self._clock.now()
            batch = await _load(connection, self._policies, heard)
            for one in heard:
                self._count(one, batch.absorb(one, now))
            await batch.save(connection, now)
            outcome.messages += await batch.messages(connection, self._policies, now)
        return outcome

    def _concerns(self, heard: Heard) -> bool:
        policy = self._policies.get(heard.fact.desk)
        return policy is not None and concerns(policy.rules, heard.fact.news)

    def _count(self, heard: Heard, absorbed: Absorbed) -> None:
        fact = heard.fact
        if absorbed.what is desks.Heard.REPEATED:
            self._metrics.repeated.labels(fact.topic).inc()
            return
        if absorbed.what is desks.Heard.JOINED:
            self._metrics.joined.labels(fact.desk).inc()
        if absorbed.decision is not None:
            reason = absorbed.decision.reason
            self._metrics.decisions.labels(fact.desk, "rule", reason).inc()
            incident = absorbed.decision.incident
            say = log.warning if reason.is_refusal else log.info
            say(
                "rule_decided",
                reason=reason.value,
                desk=fact.desk,
                ticket=str(fact.ticket_id),
                incident=incident.id if incident else None,
            )


class _Batch:
    """What one batch reads, changes and writes."""

    def __init__(self, at_work: dict[str, Desk], reports: dict[UUID, Report]) -> None:
        self._desks = at_work
        self._reports = reports
        self._heard: set[UUID] = set()
        self._opened: list[tuple[Heard, Incident, tuple[Effect, ...]]] = []
        self._moved: dict[str, dict[str, Component]] = {}

    def absorb(self, heard: Heard, now: datetime) -> Absorbed:
        fact = heard.fact
        desk = self._desks[fact.desk]
        absorbed = desks.absorb(desk, self._reports.get(fact.ticket_id), fact, now)
        self._desks[fact.desk] = absorbed.desk
        self._reports[fact.ticket_id] = absorbed.report
        if absorbed.what is not desks.Heard.REPEATED:
            self._heard.add(fact.ticket_id)
        decision = absorbed.decision
        if decision is not None and decision.incident is not None:
            self._opened.append((heard, decision.incident, decision.effects))
            moved = self._moved.setdefault(fact.desk, {})
            moved.update({one.id: one for one in decision.components})
        return absorbed

    async def save(self, connection: asyncpg.Connection, now: datetime) -> None:
        await store.save_reports(connection, [self._reports[uid] for uid in sorted(self._heard)])
        await store.save_incidents(connection, [incident for _, incident, _ in self._opened])
        for desk, moved in self._moved.items():
            await store.save_components(connection, desk, moved.values())
        if self._opened:
            touched = sorted({incident.desk for _, incident, _ in self._opened})
            await store.touch(connection, touched, now)

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
        told: list[Message] = []
        for heard, incident, effects in self._opened:
            known = [ticket for ticket, _ in tickets[incident.uid]]
            components = self._desks[incident.desk].components
            within = policies[incident.desk].update_within
            for position, effect in enumerate(effects):
                event, sequence = publishing.event_of(effect, components, known, within, now)
                told.append(publishing.told_after(event, sequence, heard.cause, position))
        return told


async def _load(
    connection: asyncpg.Connection, policies: Mapping[str, Policy], heard: Sequence[Heard]
) -> _Batch:
    """Hold the desks' pages, then read all that the batch can touch."""
    names = sorted({one.fact.desk for one in heard})
    # Batches of other partitions decide on the same desks: one after the other, or two tickets
    # confirmed at the same moment would open two incidents.
    await store.lock(connection, names)
    reports = await store.reports_of(connection, {one.fact.ticket_id for one in heard})
    components = await store.components_of(connection, names)
    incidents = await store.open_incidents(connection, names, also=_named(heard, reports))
    at_work = {
        name: Desk(
            policies[name].rules,
            components[name],
            tuple(one for one in incidents if one.desk == name),
        )
        for name in names
    }
    return _Batch(at_work, reports)


def _named(heard: Sequence[Heard], reports: Mapping[UUID, Report]) -> set[UUID]:
    """Incidents that tickets are linked to, which may be closed by now."""
    named = {one.fact.news.incident for one in heard if isinstance(one.fact.news, Linked)}
    return named | {one.known_incident for one in reports.values() if one.known_incident}
