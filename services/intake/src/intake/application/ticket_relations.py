"""Commands on two tickets at once, and opening one for a client: one transaction each.

Tickets that a command touches are locked together, in the order of their ids, and written and
published together: no crash leaves a ticket merged into one that knows nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from intake.application.idempotency import Asked, Once, command_once
from intake.application.merged_tickets import lock_with_merge_targets, merge_targets
from intake.application.publishing import Publication
from intake.application.ticket_commands import TicketUnknown, publications
from intake.domain.admission.open_for_client import ClientRequest, open_for
from intake.domain.commands.relations import (
    FollowUp,
    Merge,
    NewTicket,
    Split,
    follow_up,
    merge,
    split,
)
from intake.domain.desk import Desk
from intake.domain.reply_address import ReplyAddresses
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket
from intake.metrics import IntakeMetrics
from intake.storage import store
from pledge.events import Actor
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction


@dataclass(frozen=True, slots=True)
class TicketRelations:
    """Carries out commands that concern two tickets, or open one."""

    outbox: Outbox
    desks: Mapping[str, Desk]
    addresses: ReplyAddresses
    clock: Clock
    ids: Ids
    metrics: IntakeMetrics

    async def merge(
        self,
        source_id: UUID,
        target_id: UUID,
        command: Merge,
        by: Actor,
        occurred_at: datetime | None,
        asked: Asked | None = None,
    ) -> Ticket | Refusal:
        """Merge one ticket into another; gives the one that goes on. Raises TicketUnknown."""
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            found = await lock_with_merge_targets(connection, [source_id, target_id])
            source, target = self._known(found, source_id), self._known(found, target_id)
            once = command_once(source.desk, by, f"merge {source_id}", asked)
            if not await self._is_new(connection, once):
                return target
            context = self._context(source.desk, by, occurred_at)
            final = found.get(merge_targets(found).get(target_id, target_id))
            decisions = merge(
                source, target, command, context, final if final is not target else None
            )
            self._count(source.desk, "merge", decisions)
            if isinstance(decisions, Refusal):
                await self._forget(connection, once)
                return decisions
            await self._write(transaction, found, decisions)
        return decisions[1].ticket

    async def split(
        self,
        ticket_id: UUID,
        command: Split | FollowUp,
        by: Actor,
        occurred_at: datetime | None,
        asked: Asked | None = None,
    ) -> Ticket | Refusal:
        """Give an issue of the ticket, or what follows it up, a ticket of its own, and give that.
        Raises TicketUnknown."""
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            found = await store.lock_tickets(connection, [ticket_id])
            ticket = self._known(found, ticket_id)
            once = command_once(ticket.desk, by, f"{command.action} {ticket_id}", asked)
            if not await self._is_new(connection, once):
                return await _made(connection, once)
            context = self._context(ticket.desk, by, occurred_at)
            new = await self._new_ticket(connection, context.desk)
            decisions = (
                split(ticket, command, context, new)
                if isinstance(command, Split)
                else follow_up(ticket, command, context, new)
            )
            self._count(ticket.desk, command.action, decisions)
            if isinstance(decisions, Refusal):
                await self._forget(connection, once)
                return decisions
            await self._write(transaction, found, decisions)
            await _remember(connection, once, new.ticket_id)
        return decisions[1].ticket

    async def open_for(
        self,
        desk: str,
        client: ClientRequest,
        by: Actor,
        occurred_at: datetime | None,
        asked: Asked | None = None,
    ) -> Ticket | Refusal:
        """Open a ticket on a client's behalf (SIG-09)."""
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            once = command_once(desk, by, "open", asked)
            if not await self._is_new(connection, once):
                return await _made(connection, once)
            context = self._context(desk, by, occurred_at)
            planned = await store.desks_with_plans(connection, [context.desk])
            context = replace(context, desk=planned.get(desk, context.desk))
            new = await self._new_ticket(connection, context.desk)
            decision = open_for(client, context, new)
            self._count(desk, "open", decision)
            if isinstance(decision, Refusal):
                await self._forget(connection, once)
                return decision
            await self._write(transaction, {}, (decision,))
            await _remember(connection, once, new.ticket_id)
        return decision.ticket

    # ---- parts ----

    def _known(self, found: Mapping[UUID, Ticket], ticket_id: UUID) -> Ticket:
        ticket = found.get(ticket_id)
        if ticket is None or ticket.desk not in self.desks:
            raise TicketUnknown(str(ticket_id))
        return ticket

    def _context(self, desk: str, by: Actor, occurred_at: datetime | None) -> CommandContext:
        now = self.clock.now()
        return CommandContext(self.desks[desk], by, occurred_at or now, now)

    async def _new_ticket(self, connection: asyncpg.Connection, desk: Desk) -> NewTicket:
        """Take a number and an id. A refused command leaves its number unused: gaps do no harm."""
        ticket_id = self.ids.new()
        numbers = await store.take_numbers(connection, {desk.id: 1}, self.desks)
        return NewTicket(
            ticket_id,
            f"{desk.ticket_prefix}-{numbers[desk.id]}",
            self.addresses.address(desk.reply_address, desk.id, ticket_id),
        )

    async def _is_new(self, connection: asyncpg.Connection, once: Once | None) -> bool:
        return once is None or await once.is_first(connection, self.clock.now())

    async def _forget(self, connection: asyncpg.Connection, once: Once | None) -> None:
        if once is not None:
            await once.forget(connection)

    def _count(
        self, desk: str, action: str, decisions: tuple[Decision, ...] | Decision | Refusal
    ) -> None:
        result = decisions.reason if isinstance(decisions, Refusal) else "done"
        self.metrics.commanded(desk, action, result)

    async def _write(
        self,
        transaction: OutboxTransaction,
        known: Mapping[UUID, Ticket],
        decisions: tuple[Decision, ...],
    ) -> None:
        """Write all tickets and publish all facts, with one correlation id."""
        connection = transaction.connection
        published: list[Publication] = []
        for decision in decisions:
            before = known.get(decision.ticket.id)
            correlation_id = published[0].fact.event_id if published else None
            published += publications(
                decision, before.sequence if before else 0, self.ids, correlation_id
            )
        old = [each.ticket for each in decisions if each.ticket.id in known]
        new = [each.ticket for each in decisions if each.ticket.id not in known]
        if new:
            await store.insert_tickets(connection, new)
        if old:
            await store.update_tickets(connection, old)
        await store.insert_facts(connection, [each.fact for each in published])
        transaction.publish(*(each.message for each in published))


async def _remember(connection: asyncpg.Connection, once: Once | None, made: UUID) -> None:
    if once is not None:
        await store.add_threads(connection, {once.key: made})


async def _made(connection: asyncpg.Connection, once: Once | None) -> Ticket:
    """The ticket that was made when the command was asked for first. Raises TicketUnknown."""
    threads = await store.find_threads(connection, [once.key] if once else [])
    found = await store.lock_tickets(connection, threads.values())
    if not found:
        raise TicketUnknown("the ticket that was made under this key")
    return next(iter(found.values()))
