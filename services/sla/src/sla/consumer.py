"""Consumes events of tickets and incidents: decodes, assesses, stores; one transaction a batch.

A promise is made on a ticket, or (`public_update`) on an incident of the status page; to the rest
of this service an incident is a ticket with a title for a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pgproto.pgproto import UUID as FastUUID
from pydantic_core import from_json, to_json

from pledge.events import Decoded, Envelope, Event, Malformed, decode
from pledge.events.status import IncidentEvent, StatusEvent
from pledge.events.ticket import TicketEvent
from pledge.runtime.records import Outcome, Partition, Poison, Record
from sla.assessment.context import AssessmentContext, chunks
from sla.assessment.ledger import Ledger
from sla.domain.facts import OPENINGS, fact_kind
from sla.domain.values import Fact
from sla.storage import store
from sla.storage.ticket_cache import Cause, Ticket

# Texts stay in intake; promises need none of them.
_TEXTS = frozenset(
    ("text", "resolution", "outcome", "participants", "description", "variables", "body")
)


log = structlog.get_logger()


class Incoming(NamedTuple):
    """One decoded record: its fact and where it came from."""

    record: Record
    ticket_id: UUID
    number: str
    envelope: Envelope
    sequence: int
    fact: Fact
    data: str


class FactHandler:
    """Handles `ticket.events.v1` and `status.events.v1`, one partition's batch at a time."""

    def __init__(
        self,
        context: AssessmentContext,
        *,
        on_assigned: Callable[[frozenset[Partition]], None],
        on_revoked: Callable[[frozenset[Partition]], None],
        on_applied: Callable[[Partition, Sequence[Ticket]], None],
    ) -> None:
        self._context = context
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._on_applied = on_applied

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Start the timers of `partitions`."""
        self._context.cache.drop(partitions)
        self._on_assigned(partitions)

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Stop the timers of `partitions` and drop their cached tickets."""
        self._on_revoked(partitions)
        self._context.cache.drop(partitions)

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Append the facts, assess their tickets again and publish what changed."""
        outcome = Outcome()
        incoming: list[Incoming] = []
        for some in chunks(records):
            incoming += _read(some, outcome)
            await self._context.yield_to_loop()
        ledger = await self._context.open(
            connection, partition, dict.fromkeys(each.ticket_id for each in incoming)
        )
        counts: Counter[str] = Counter()
        for chunk in chunks(incoming):
            for each in chunk:
                counts[self._apply(ledger, partition, each, outcome)] += 1
            await self._context.yield_to_loop()
        await store.save(connection, ledger.rows())
        outcome.messages.extend(ledger.messages)
        outcome.after_commit.append(lambda: self._committed(partition, ledger, counts))
        return outcome

    def _apply(
        self, ledger: Ledger, partition: Partition, incoming: Incoming, outcome: Outcome
    ) -> str:
        """Add one fact to the ledger; returns its outcome, a metric label."""
        ticket = ledger.ticket(incoming.ticket_id)
        if ticket is None:
            if incoming.fact.type not in OPENINGS:
                detail = f"no event opened {incoming.number} ({incoming.ticket_id})"
                outcome.poison.append(Poison(incoming.record, "unknown_ticket", detail))
                return "unknown_ticket"
            ticket = self._opened(partition, incoming)
        elif ticket.has(incoming.sequence):
            return "duplicate"
        seen = ticket.sequence
        ledger.add_fact(ticket, incoming.fact, incoming.data, incoming.envelope)
        if incoming.sequence < seen:
            return "replayed"
        is_gap = incoming.sequence > seen + 1
        if is_gap:
            log.warning(
                "ticket_events_missing",
                ticket=incoming.number,
                seen=seen,
                next=incoming.sequence,
            )
        return "gap" if is_gap else "applied"

    def _opened(self, partition: Partition, incoming: Incoming) -> Ticket:
        envelope = incoming.envelope
        policy = self._context.policies.for_opening(envelope.desk, incoming.fact.occurred_at)
        return Ticket(
            ticket_id=incoming.ticket_id,
            home=partition,
            desk=envelope.desk,
            number=incoming.number,
            policy_version=policy.version if policy is not None else None,
            sequence=0,
            cause=Cause(envelope.id, envelope.correlation_id, envelope.traceparent),
        )

    def _committed(self, partition: Partition, ledger: Ledger, counts: Counter[str]) -> None:
        self._context.close(partition, ledger)
        for outcome, count in counts.items():
            self._context.metrics.facts.labels(outcome).inc(count)
        self._on_applied(partition, ledger.tickets())


def _read(records: Sequence[Record], outcome: Outcome) -> list[Incoming]:
    """The facts among `records`; what is no fact becomes poison, unknown types are skipped."""
    incoming = []
    for record in records:
        try:
            decoded = decode(record.headers, record.value)
        except Malformed as error:
            outcome.poison.append(Poison(record, error.reason.value, error.detail))
            continue
        if not isinstance(decoded, Decoded):
            continue
        envelope, event = decoded.envelope, decoded.event
        if isinstance(event, TicketEvent):
            name = event.ticket_number
        elif isinstance(event, IncidentEvent):
            name = event.title
        elif isinstance(event, StatusEvent):
            continue  # of components and maintenances, which promise nothing
        else:
            detail = f"{envelope.type} is no event of a ticket or an incident"
            outcome.poison.append(Poison(record, "not_a_fact", detail))
            continue
        if envelope.sequence is None:
            detail = "the header ce_sequence is missing"
            outcome.poison.append(Poison(record, "missing_sequence", detail))
        else:
            incoming.append(_incoming(record, envelope, event, name, envelope.sequence))
    return incoming


def _incoming(
    record: Record, envelope: Envelope, event: Event, name: str, sequence: int
) -> Incoming:
    plain: dict[str, Any] = from_json(record.value or b"")
    data = {name: value for name, value in plain.items() if name not in _TEXTS}
    fact = Fact(fact_kind(event.type, data), event.occurred_at, event.recorded_at, sequence, data)
    # The subject's id once more, as asyncpg has it: it hashes and prints in a tenth of the time,
    # and does so a dozen times.
    ticket_id = FastUUID(envelope.subject)
    return Incoming(record, ticket_id, name, envelope, sequence, fact, to_json(data).decode())
