"""Commands on incidents, maintenances and components, each in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.http.idempotency import KeyInUse, check_same_request
from pledge.runtime.ids import Ids
from pledge.runtime.observability import logs, tracing
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from status.application import publishing
from status.domain.components import Component, ComponentStatus
from status.domain.decisions import Decision, Open, PostUpdate, Reason, set_component
from status.domain.desk import Policy
from status.domain.desk_state import DeskState, carry_out
from status.domain.incidents import Incident
from status.domain.schedule import BY, on_schedule
from status.metrics import StatusMetrics
from status.storage import store

log = logs.get("status.commands")


class Refused(Exception):
    """The command was refused; `reason` names why. Nothing was changed."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class Once:
    """The idempotency key of a request: the same key of the same subject is answered once.

    `fingerprint` detects another request under the same key.
    """

    subject: str
    key: str
    fingerprint: bytes


class IncidentCommands:
    """Carries out the commands of people and publishes what they change."""

    def __init__(
        self,
        outbox: Outbox,
        policies: Mapping[str, Policy],
        *,
        clock: Clock,
        ids: Ids,
        metrics: StatusMetrics,
    ) -> None:
        self._outbox = outbox
        self._policies = policies
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def open(self, command: Open, once: Once | None, body: "RenderBody") -> store.Answer:
        """Open an incident or announce a maintenance. Raises Refused, KeyReused, KeyInUse."""

        async def act(transaction: OutboxTransaction, now: datetime) -> store.Answer:
            desk = await self._desk(transaction.connection, command.desk)
            desk, decision = carry_out(desk, command.uid, command, now)
            incident, numbers = await self._keep(transaction, desk, decision, command.desk, now)
            return _answer(once, 201, body(incident, numbers))

        return await self._once(command.desk, once, act)

    async def post(
        self, incident: Incident, command: PostUpdate, once: Once | None, body: "RenderBody"
    ) -> store.Answer:
        """Post an update on `incident`. Raises Refused, KeyReused, KeyInUse."""

        async def act(transaction: OutboxTransaction, now: datetime) -> store.Answer:
            desk = await self._desk(transaction.connection, incident.desk, incident)
            desk, decision = carry_out(desk, incident.uid, command, now)
            changed, numbers = await self._keep(transaction, desk, decision, incident.desk, now)
            return _answer(once, 201, body(changed, numbers))

        return await self._once(incident.desk, once, act)

    async def apply_window(self, uid: UUID) -> None:
        """Start or end a maintenance by its window; nothing if a person did so."""
        async with self._outbox.transaction() as transaction:
            connection, now = transaction.connection, self._clock.now()
            name = await store.desk_of(connection, uid)
            policy = self._policies.get(name) if name else None
            if name is None or policy is None:
                return
            await store.lock(connection, [name])
            desk = await self._desk(connection, name)
            incident = desk.incident(uid)
            command = incident and on_schedule(
                incident, policy.start_message, policy.end_message, now
            )
            if command:
                desk, decision = carry_out(desk, uid, command, now)
                await self._keep(transaction, desk, decision, name, now)

    async def set_component(
        self, component: Component, status: ComponentStatus, by: str
    ) -> DeskState:
        """Set a component's status outside any incident; the desk after it. Raises Refused."""
        async with self._outbox.transaction() as transaction:
            connection, now = transaction.connection, self._clock.now()
            await store.lock(connection, [component.desk])
            desk = await self._desk(connection, component.desk)
            current = next((one for one in desk.components if one.id == component.id), None)
            if current is None:
                raise Refused(Reason.NO_SUCH_COMPONENT)
            decision = set_component(current, status, by, now)
            await self._keep_components(transaction, desk, decision, component.desk, now)
            return await self._desk(connection, component.desk)

    async def _once(
        self,
        desk: str,
        once: Once | None,
        act: Callable[[OutboxTransaction, datetime], Awaitable[store.Answer]],
    ) -> store.Answer:
        async with self._outbox.transaction() as transaction:
            connection, now = transaction.connection, self._clock.now()
            await store.lock(connection, [desk])
            if once is None:
                return await act(transaction, now)
            given = await store.answer_of(connection, once.subject, once.key)
            if given is not None:
                check_same_request(given.fingerprint, once.fingerprint)
                return given
            answer = await act(transaction, now)
            try:
                await store.keep_answer(connection, once.subject, once.key, answer, now)
            except asyncpg.UniqueViolationError as error:
                raise KeyInUse from error
            return answer

    async def _desk(
        self, connection: asyncpg.Connection, name: str, about: Incident | None = None
    ) -> DeskState:
        components = await store.components_of(connection, [name])
        also = [about.uid] if about else []
        incidents = await store.open_incidents(connection, [name], also=also)
        return DeskState(self._policies[name].rules, components[name], tuple(incidents))

    async def _keep(
        self,
        transaction: OutboxTransaction,
        desk: DeskState,
        decision: Decision,
        name: str,
        now: datetime,
    ) -> tuple[Incident, list[str]]:
        """Write the incident of a decision and publish it; also the numbers of its tickets.

        Raises Refused.
        """
        incident = decision.incident
        if decision.reason.is_refusal or incident is None:
            self._metrics.decisions.labels(name, "person", decision.reason).inc()
            raise Refused(decision.reason)
        connection = transaction.connection
        await store.save_incidents(connection, [incident])
        found = await store.tickets_of(connection, [incident.uid], limit=publishing.MOST_TICKETS)
        tickets = found[incident.uid]
        known = [ticket for ticket, _ in tickets]
        await self._keep_components(transaction, desk, decision, name, now, known)
        return incident, [number for _, number in tickets]

    async def _keep_components(
        self,
        transaction: OutboxTransaction,
        desk: DeskState,
        decision: Decision,
        name: str,
        now: datetime,
        tickets: Sequence[UUID] = (),
    ) -> None:
        decided_by = _decided_by(decision)
        self._metrics.decisions.labels(name, decided_by, decision.reason).inc()
        if decision.reason.is_refusal:
            raise Refused(decision.reason)
        await store.save_components(transaction.connection, name, decision.components)
        if decision.reason is not Reason.UNCHANGED:
            await store.touch(transaction.connection, [name], now)
        self._publish(transaction, desk, decision, name, now, tickets)
        incident = decision.incident
        log.info(
            "command_decided",
            by=decided_by,
            desk=name,
            reason=decision.reason.value,
            incident=incident.id if incident else None,
        )

    def _publish(
        self,
        transaction: OutboxTransaction,
        desk: DeskState,
        decision: Decision,
        name: str,
        now: datetime,
        tickets: Sequence[UUID],
    ) -> None:
        within = self._policies[name].update_within
        trace = tracing.current()
        for effect in decision.effects:
            event, sequence = publishing.event_of(effect, desk.components, tickets, within, now)
            traceparent = trace.traceparent() if trace else None
            transaction.publish(
                publishing.requested_message(event, sequence, self._ids, traceparent)
            )


RenderBody = Callable[[Incident, Sequence[str]], object]
"""The body of an answer about an incident with the numbers of its tickets; it is kept for a repeat
of the request."""


def _decided_by(decision: Decision) -> str:
    """The label of who gave the command: a person, or the schedule of a maintenance."""
    incident = decision.incident
    if incident is None or decision.reason.is_refusal or incident.updates[0].by != BY:
        return "person"
    return "schedule"


def _answer(once: Once | None, status: int, body: object) -> store.Answer:
    return store.Answer(once.fingerprint if once else b"", status, body)
