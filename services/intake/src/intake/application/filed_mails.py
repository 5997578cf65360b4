"""Turns mail that was filed as a machine's into a ticket, when an agent says that it is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import asyncpg
from aiokafka.errors import KafkaError

from intake.application.desk_scope import reading
from intake.application.publishing import Batch
from intake.application.ticket_commands import publications
from intake.domain.commands import decide
from intake.domain.commands.conversation import Note
from intake.domain.desk import Desk
from intake.domain.ticket import CommandContext, Decision, Ticket
from intake.metrics import IntakeMetrics
from intake.storage import ledger, store
from intake.storage.ledger import Ending, Shown
from pledge.events import Actor
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.http.problems import HttpProblem
from pledge.runtime.ids import Ids
from pledge.runtime.kafka.record_at import record_at
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.records import Partition, Record

ACTION: Final = "open_filed"
REASON: Final = "opened_by_agent"
READ_WITHIN: Final = timedelta(seconds=10)
"""A person waits for the answer."""


class Opener(Protocol):
    """Handles records of channels; the consumer's handler."""

    async def open_filed(
        self, connection: asyncpg.Connection, record: Record, now: datetime
    ) -> Batch:
        """Open a ticket of a machine's mail; nothing is opened of one that can't be a ticket."""


@dataclass(frozen=True, slots=True)
class FiledMails:
    """Opens tickets of entries of the delivery ledger. The mail is read again from Kafka, which
    keeps what the gateways took in for a month."""

    outbox: Outbox
    pool: asyncpg.Pool
    desks: Mapping[str, Desk]
    kafka: KafkaSettings
    opener: Opener
    clock: Clock
    ids: Ids
    metrics: IntakeMetrics

    async def open(self, entry_id: int, desks: frozenset[str] | None, by: Actor) -> Ticket:
        """Open a ticket of the mail, once: its entry has another end from then on, and the ticket
        says by whom. Raises HttpProblem: 404, 409 for what is no machine's mail without a ticket,
        410 for what Kafka no longer has, 503 while it is away."""
        async with reading(self.pool, desks) as connection:
            shown = await ledger.find(connection, entry_id)
        _check(shown)
        assert shown is not None
        record = await self._record(shown)
        async with self.outbox.transaction() as transaction:
            now = self.clock.now()
            _check(await ledger.lock(transaction.connection, entry_id))
            batch = await self.opener.open_filed(transaction.connection, record, now)
            if not batch.opened:
                detail = "it came from an address of the desk itself, or belongs to a ticket by now"
                raise HttpProblem(409, f"this mail can't open a ticket: {detail}")
            (ticket,) = batch.opened.values()
            transaction.publish(*(each.message for each in batch.publications))
            noted = await self._note(transaction, ticket, shown.entry.reason, by, now)
            await ledger.end_anew(transaction.connection, entry_id, Ending.OPENED, REASON, noted.id)
        for each in batch.after_commit:
            each()
        self.metrics.commanded(noted.desk, ACTION, "done")
        return noted

    async def _record(self, shown: Shown) -> Record:
        topic, partition, offset = shown.entry.place.rsplit("/", 2)
        where = Partition(topic, int(partition))
        try:
            record = await record_at(self.kafka, where, int(offset), READ_WITHIN)
        except KafkaError as error:
            raise HttpProblem(503, f"Kafka does not answer ({error}); try again later") from error
        if record is None:
            raise HttpProblem(
                410, "the mail is older than what Kafka keeps; open a ticket for its sender instead"
            )
        return record

    async def _note(
        self,
        transaction: OutboxTransaction,
        ticket: Ticket,
        filed_as: str,
        by: Actor,
        now: datetime,
    ) -> Ticket:
        """Say on the ticket where it came from."""
        text = f"Opened from mail that was filed as a machine's ({filed_as})."
        decision = decide(ticket, Note(text), CommandContext(self.desks[ticket.desk], by, now, now))
        assert isinstance(decision, Decision)  # a note is never refused
        published = publications(decision, ticket.sequence, self.ids)
        await store.update_tickets(transaction.connection, [decision.ticket])
        await store.insert_facts(transaction.connection, [each.fact for each in published])
        transaction.publish(*(each.message for each in published))
        return decision.ticket


def _check(shown: Shown | None) -> None:
    """Refuse what no ticket can be opened of. Raises HttpProblem."""
    if shown is None:
        raise HttpProblem(404, "there is no such delivery, or it is of a desk that you may not see")
    if not shown.is_machine_mail:
        entry = shown.entry
        what = f"it is {entry.ending.value.replace('_', ' ')}"
        if shown.ticket_number is not None:
            what += f", see {shown.ticket_number}"
        detail = f"only a machine's mail without a ticket is opened by hand; {what}"
        raise HttpProblem(409, detail)
