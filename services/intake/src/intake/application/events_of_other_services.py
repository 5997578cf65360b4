"""Events of the other services: promises and silence that the SLA measured, mails that notify sent
or lost."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from intake.application import promises_of_tickets
from intake.application.acknowledgements import promised
from intake.application.publishing import Batch, publication_of
from intake.domain.auto_close import close_silent
from intake.domain.desk import Desk
from intake.domain.failed_replies import reply_failed
from intake.domain.mail_states import state_of
from intake.domain.requester_links import RequesterLinks
from intake.domain.thread_matching import key_of
from intake.storage import acknowledgements, mail_states, store
from pledge.events import (
    Decoded,
    EmailBounced,
    EmailFailed,
    EmailSent,
    Malformed,
    MessageEvent,
    SilenceElapsed,
    Topic,
    decode,
)
from pledge.runtime.records import Partition, Poison, Record

TOPICS: Final = frozenset({Topic.SLA_EVENTS, Topic.SLA_BREACHES, Topic.NOTIFY_EVENTS})

_SLA: Final = {SilenceElapsed.TYPE, *promises_of_tickets.TIMERS}
_MAILS: Final = {EmailSent.TYPE, EmailFailed.TYPE, EmailBounced.TYPE}


@dataclass(frozen=True, slots=True)
class ServiceEvents:
    """Applies other services' events to the tickets of our desks."""

    desks: Mapping[str, Desk]
    links: RequesterLinks | None = None
    on_acknowledgement: Callable[[], None] = lambda: None

    async def learn(
        self,
        connection: asyncpg.Connection,
        partition: Partition,
        records: Sequence[Record],
        now: datetime,
    ) -> Batch:
        """Take in what another service says on one of `TOPICS`."""
        if partition.topic == Topic.SLA_EVENTS:
            return await self.learn_of_promises(connection, records, now)
        if partition.topic == Topic.SLA_BREACHES:
            return await self.learn_of_breaches(connection, records)
        return await self.learn_of_mails(connection, records, now)

    async def learn_of_promises(
        self, connection: asyncpg.Connection, records: Sequence[Record], now: datetime
    ) -> Batch:
        """Keep what is promised on tickets. Announce the closing of those that were silent too
        long; close them (VIR-10)."""
        batch = Batch()
        found = self._events_of(records, _SLA, batch)
        await promises_of_tickets.learn(connection, found)
        begun = promised(found, self.desks)
        if begun and await acknowledgements.hurry(connection, begun, now):
            batch.after_commit.append(self.on_acknowledgement)
        silences = [each for each in found if isinstance(each.event, SilenceElapsed)]
        if silences:
            await self._close_silent(connection, batch, silences, now)
        return batch

    async def learn_of_breaches(
        self, connection: asyncpg.Connection, records: Sequence[Record]
    ) -> Batch:
        """Keep which promises on tickets were missed, until that is taken back."""
        batch = Batch()
        found = self._events_of(records, promises_of_tickets.BREACHES, batch)
        await promises_of_tickets.learn(connection, found)
        return batch

    async def learn_of_mails(
        self, connection: asyncpg.Connection, records: Sequence[Record], now: datetime
    ) -> Batch:
        """Remember the ids of mails about tickets: an answer may come to another address of the
        desk than the signed one. Keep what became of them, and take back replies of agents that
        could not be sent."""
        batch = Batch()
        mails = self._events_of(records, _MAILS, batch)
        new_threads = {
            key_of("mail", each.event.desk, each.event.mail_message_id): each.event.ticket_id
            for each in mails
            if isinstance(each.event, EmailSent) and each.event.ticket_id is not None
        }
        if new_threads:
            await store.add_threads(connection, new_threads)
        states = [
            state
            for each in mails
            if isinstance(each.event, EmailSent | EmailFailed | EmailBounced)
            and (state := state_of(each.event)) is not None
        ]
        if states:
            await mail_states.keep(connection, states)
        if lost := [each for each in mails if isinstance(each.event, EmailFailed | EmailBounced)]:
            await self._take_back(connection, batch, lost, now)
        return batch

    async def _take_back(
        self, connection: asyncpg.Connection, batch: Batch, lost: Sequence[Decoded], now: datetime
    ) -> None:
        """Take back the replies among the mails that are lost."""
        tickets = {each.event.ticket_id for each in lost if isinstance(each.event, MessageEvent)}
        replies = await store.mailed_replies(connection, [each for each in tickets if each])
        batch.known = await store.lock_tickets(
            connection, {each.ticket_id for each in replies.values()}
        )
        for each in lost:
            event = each.event
            if not isinstance(event, EmailFailed | EmailBounced) or event.message_id not in replies:
                continue
            reply = replies[event.message_id]
            ticket = batch.known[reply.ticket_id]
            if ticket.desk != event.desk:
                continue
            decision = reply_failed(ticket, reply, event, self.desks[event.desk], now=now)
            # A mail that was given up, and comes back too, fails once.
            key = key_of("reply_failed", event.desk, str(event.message_id))
            if not decision.events or not await store.note_deliveries(connection, [key], now):
                continue
            batch.keep(decision)
            batch.outcomes[event.desk, "email", decision.reason] += 1
            batch.publications += [
                publication_of(fact, each.envelope, position, ticket.sequence + position + 1)
                for position, fact in enumerate(decision.events)
            ]
        await batch.write(connection)

    def _events_of(
        self, records: Sequence[Record], wanted: Collection[str], batch: Batch
    ) -> list[Decoded]:
        """The events of these types for our desks. The others of the topic are passed over by
        their header alone: they are many."""
        headers = {("ce_type", each.encode()) for each in wanted}
        found = []
        for record in records:
            if headers.isdisjoint(record.headers):
                continue
            try:
                decoded = decode(record.headers, record.value)
            except Malformed as error:
                batch.poison.append(Poison(record, error.reason.value, error.detail))
                continue
            if isinstance(decoded, Decoded) and decoded.event.desk in self.desks:
                found.append(decoded)
        return found

    async def _close_silent(
        self,
        connection: asyncpg.Connection,
        batch: Batch,
        silences: Sequence[Decoded],
        now: datetime,
    ) -> None:
        keys = {key_of("silence", each.envelope.desk, each.envelope.id): each for each in silences}
        fresh = await store.note_deliveries(connection, sorted(keys), now)
        news = [each for key, each in keys.items() if key in fresh]
        wanted = [each.event.ticket_id for each in news if isinstance(each.event, SilenceElapsed)]
        batch.known = await store.lock_tickets(connection, wanted)
        for each in news:
            event = each.event
            ticket = batch.known.get(event.ticket_id) if isinstance(event, SilenceElapsed) else None
            if ticket is None or not isinstance(event, SilenceElapsed) or ticket.desk != event.desk:
                continue
            desk = self.desks[event.desk]
            decision = close_silent(ticket, event, desk, now=now, links=self.links)
            batch.keep(decision)
            batch.outcomes[event.desk, "silence", decision.reason] += 1
            batch.publications += [
                publication_of(fact, each.envelope, position, ticket.sequence + position + 1)
                for position, fact in enumerate(decision.events)
            ]
        await batch.write(connection)
