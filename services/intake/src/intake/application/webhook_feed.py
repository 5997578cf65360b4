"""Learns from the topic of ticket events what is to be sent to which webhook.

Only headers are read: what is sent is the fact that intake has of the event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from intake.domain.desk import Desk
from intake.storage import webhooks
from intake.storage.webhooks import Address, Addressed
from pledge.runtime.records import Outcome, Poison, Record

MAX_SEQUENCE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class WebhookFeed:
    """Writes a row for each event and webhook that gets it, and calls `wake` after the commit."""

    desks: Mapping[str, Desk]
    wake: Callable[[frozenset[Address]], None]

    async def learn(
        self, connection: asyncpg.Connection, records: Sequence[Record], now: datetime
    ) -> Outcome:
        """Take the records in; those that can't be read are given back as poison."""
        outcome = Outcome()
        wanted: list[tuple[datetime, Addressed]] = []
        for record in records:
            try:
                wanted += ((record.timestamp, each) for each in self._addressed(record))
            except (ValueError, KeyError) as error:
                outcome.poison.append(Poison(record, "invalid_envelope", repr(error)[:500]))
        if not wanted:
            return outcome
        taking = await webhooks.taking(connection)
        rows = [
            each
            for at, each in wanted
            if (since := taking.get(Address(each.desk, each.webhook))) is not None and at >= since
        ]
        if rows:
            await webhooks.add(connection, rows, now)
            addresses = frozenset(Address(each.desk, each.webhook) for each in rows)
            outcome.after_commit.append(partial(self.wake, addresses))
        return outcome

    def _addressed(self, record: Record) -> list[Addressed]:
        said = {name: value.decode() for name, value in record.headers if value is not None}
        desk = self.desks.get(said["ce_desk"])
        if desk is None or not desk.webhooks:
            return []
        ticket_id, sequence = UUID(said["ce_subject"]), int(said["ce_sequence"])
        if not 0 < sequence <= MAX_SEQUENCE:
            raise ValueError(f"the sequence {sequence} is out of bounds")
        return [
            Addressed(desk.id, each.name, ticket_id, sequence, said["ce_id"], said["ce_type"])
            for each in desk.webhooks.values()
            if said["ce_type"] in each.events
        ]
