"""Agents' commands on tickets: lock, decide, write, publish, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from intake import store
from intake.domain.commands import Command
from intake.domain.decide import decide
from intake.domain.desk import Desk
from intake.domain.ticket import Decision, Hand, Refusal, Ticket
from intake.metrics import IntakeMetrics
from intake.publication import SOURCE, Publication, publication
from pledge.events import Actor, originate
from pledge.runtime import tracing
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox import Outbox


class TicketUnknown(Exception):
    """There is no such ticket, or it belongs to a desk that the asker may not see."""


@dataclass(frozen=True, slots=True)
class Agents:
    """Carries out what agents ask for."""

    outbox: Outbox
    desks: Mapping[str, Desk]
    clock: Clock
    ids: Ids
    metrics: IntakeMetrics

    async def do(
        self, ticket_id: UUID, command: Command, by: Actor, occurred_at: datetime | None
    ) -> Decision | Refusal:
        """Do the command and tell of it. Raises TicketUnknown."""
        async with self.outbox.transaction() as transaction:
            found = await store.lock_tickets(transaction.connection, [ticket_id])
            ticket = found.get(ticket_id)
            if ticket is None or ticket.desk not in self.desks:
                raise TicketUnknown(str(ticket_id))
            now = self.clock.now()
            hand = Hand(self.desks[ticket.desk], by, occurred_at or now, now)
            decision = decide(ticket, command, hand)
            result = decision.reason if isinstance(decision, Refusal) else "done"
            self.metrics.commanded(ticket.desk, command.action, result)
            if isinstance(decision, Decision):
                told = self._publications(ticket, decision)
                await store.update_tickets(transaction.connection, [decision.ticket])
                await store.insert_facts(transaction.connection, [each.fact for each in told])
                transaction.publish(*(each.message for each in told))
        return decision

    def _publications(self, ticket: Ticket, decision: Decision) -> list[Publication]:
        """The facts as one story: the first one's id begins it."""
        trace = tracing.current() or tracing.begin(self.ids)
        story = str(self.ids.new())
        return [
            publication(
                event,
                originate(
                    event,
                    source=SOURCE,
                    id=story if position == 0 else str(self.ids.new()),
                    sequence=ticket.sequence + position + 1,
                    correlation_id=story,
                    traceparent=trace.traceparent(),
                ),
            )
            for position, event in enumerate(decision.events)
        ]
