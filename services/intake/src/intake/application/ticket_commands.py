"""Commands on tickets: lock, decide, write, publish, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from intake.application.idempotency import Asked, command_once
from intake.application.publishing import SOURCE, Publication, publication
from intake.domain.command_registry import Command
from intake.domain.commands import decide
from intake.domain.desk import Desk
from intake.domain.file_links import FileLinks
from intake.domain.moved_on import moved_on
from intake.domain.requester_links import RequesterLinks
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket
from intake.metrics import IntakeMetrics
from intake.storage import drafts, store
from intake.storage.conversation import conversation_since
from pledge.events import Actor, originate
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.observability import tracing
from pledge.runtime.outbox.writer import Outbox


class TicketUnknown(Exception):
    """There is no such ticket, or it belongs to a desk that the asker may not see."""


@dataclass(frozen=True, slots=True)
class TicketCommands:
    """Carries out commands that concern one ticket."""

    outbox: Outbox
    desks: Mapping[str, Desk]
    clock: Clock
    ids: Ids
    metrics: IntakeMetrics
    links: RequesterLinks | None = None
    file_links: FileLinks | None = None

    async def do(
        self,
        ticket_id: UUID,
        command: Command,
        by: Actor,
        occurred_at: datetime | None,
        asked: Asked | None = None,
        seen: int | None = None,
        *,
        ends_draft: bool = False,
    ) -> Decision | Refusal:
        """Do the command and publish its facts; under an idempotency key once, however often it is
        sent. With `seen`, only if nobody else wrote since the ticket had that sequence; with
        `ends_draft` the draft that `by` kept of it is gone then.
        Raises TicketUnknown, and HttpProblem for a key that another request had."""
        async with self.outbox.transaction() as transaction:
            found = await store.lock_tickets(transaction.connection, [ticket_id])
            ticket = found.get(ticket_id)
            if ticket is None or ticket.desk not in self.desks:
                raise TicketUnknown(str(ticket_id))
            now = self.clock.now()
            once = command_once(ticket.desk, by, f"{command.action} {ticket_id}", asked)
            if once and not await once.is_first(transaction.connection, now):
                return Decision(ticket, (), "done_before")
            context = CommandContext(
                self.desks[ticket.desk],
                by,
                occurred_at or now,
                now,
                self.links,
                self.file_links,
                is_backdated=occurred_at is not None,
            )
            refusal = await _moved_on(transaction.connection, ticket, seen, by)
            decision = refusal or decide(ticket, command, context)
            if once and isinstance(decision, Refusal):
                await once.forget(transaction.connection)
            result = decision.reason if isinstance(decision, Refusal) else "done"
            self.metrics.commanded(ticket.desk, command.action, result)
            if isinstance(decision, Decision):
                published = publications(decision, ticket.sequence, self.ids)
                await store.update_tickets(transaction.connection, [decision.ticket])
                await store.insert_facts(transaction.connection, [each.fact for each in published])
                transaction.publish(*(each.message for each in published))
                if ends_draft:
                    await drafts.remove(transaction.connection, ticket_id, by.id, command.action)
        return decision


async def _moved_on(
    connection: asyncpg.Connection, ticket: Ticket, seen: int | None, by: Actor
) -> Refusal | None:
    if seen is None or seen >= ticket.sequence:
        return None
    return moved_on(ticket, await conversation_since(connection, ticket.id, seen), by)


def publications(
    decision: Decision, before: int, ids: Ids, correlation_id: str | None = None
) -> list[Publication]:
    """The facts of a ticket that had ``before`` of them, under a correlation id; by default
    the id of the first one."""
    trace = tracing.current() or tracing.begin(ids)
    first_id = correlation_id or str(ids.new())
    return [
        publication(
            event,
            originate(
                event,
                source=SOURCE,
                id=first_id if correlation_id is None and position == 0 else str(ids.new()),
                sequence=before + position + 1,
                correlation_id=first_id,
                traceparent=trace.traceparent(),
            ),
        )
        for position, event in enumerate(decision.events)
    ]
