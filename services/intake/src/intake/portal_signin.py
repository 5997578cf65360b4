"""Signing in to the portal by a mailed link: asked for, sent about the address's newest ticket,
used once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from intake import store
from intake.agents import publications
from intake.domain.admission import INTAKE, answer
from intake.domain.deciding import common, told
from intake.domain.desk import Desk
from intake.domain.ticket import Hand
from intake.portal_keys import Person, PortalKeys
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox import Outbox

LINK_LASTS: Final = timedelta(minutes=15)
SESSION_LASTS: Final = timedelta(hours=12)
MOST_LINKS: Final = 3
"""So many links an address gets while one lasts: nobody's mailbox is filled by a stranger."""
KEPT_FOR: Final = timedelta(days=1)

_NEWEST_TICKET: Final = """
SELECT id FROM tickets WHERE desk = $1 AND requester = $2 ORDER BY id DESC LIMIT 1
"""
_NEWEST_OF_CUSTOMERS: Final = """
SELECT id FROM tickets WHERE desk = $1 AND details ->> 'customer' = ANY($2::text[])
    AND details ->> 'customer' IS NOT NULL ORDER BY id DESC LIMIT 1
"""
_ASK: Final = """
INSERT INTO sign_ins (id, desk, address, requested_at, expires_at)
SELECT $1, $2, $3, $4, $5 WHERE $6 > (
    SELECT count(*) FROM sign_ins WHERE desk = $2 AND address = $3 AND requested_at > $7)
RETURNING id
"""
_USE: Final = """
UPDATE sign_ins SET used_at = $3 WHERE id = $1 AND desk = $2 AND used_at IS NULL AND expires_at > $3
RETURNING address
"""


@dataclass(frozen=True, slots=True)
class SignIns:
    """Sends links and takes them. ``public_url`` is where browsers find this service."""

    outbox: Outbox
    pool: asyncpg.Pool
    desks: Mapping[str, Desk]
    keys: PortalKeys
    public_url: str
    clock: Clock
    ids: Ids

    async def ask(self, person: Person) -> bool:
        """Mail a link to the address, if a request of it, or of a customer that it administers, is
        known. Gives whether one was sent, for the metrics' eyes only."""
        desk = self.desks[person.desk]
        now = self.clock.now()
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            ticket_id = await _newest(connection, desk, person.address)
            if ticket_id is None:
                return False
            sign_in = await self._note(connection, person, now)
            if sign_in is None:
                return False
            found = await store.lock_tickets(connection, [ticket_id])
            ticket = found[ticket_id]
            hand = Hand(desk, INTAKE, now, now)
            link = f"{self.public_url}/my/{desk.id}/enter?token={self.keys.link(desk.id, sign_in)}"
            minutes = str(int(LINK_LASTS.total_seconds() // 60))
            mails = answer(
                ticket, desk.sign_in_template, common(ticket, hand),
                to=person.address, link=link, minutes=minutes,
            )  # fmt: skip
            decision = told(ticket, hand, "sign_in_requested", *mails)
            news = publications(decision, ticket.sequence, self.ids)
            await store.update_tickets(connection, [decision.ticket])
            await store.insert_facts(connection, [each.fact for each in news])
            transaction.publish(*(each.message for each in news))
        return True

    async def use(self, desk: str, token: str) -> tuple[str, datetime] | None:
        """The session's cookie and its end, for the link's token; None: it is not ours, was used,
        or is too old."""
        sign_in = self.keys.read_link(desk, token)
        if sign_in is None:
            return None
        now = self.clock.now()
        async with self.pool.acquire() as connection:
            address = await connection.fetchval(_USE, sign_in, desk, now)
        if address is None:
            return None
        until = now + SESSION_LASTS
        return self.keys.session(Person(desk, address), until), until

    async def _note(
        self, connection: asyncpg.Connection, person: Person, now: datetime
    ) -> UUID | None:
        await connection.execute("DELETE FROM sign_ins WHERE requested_at < $1", now - KEPT_FOR)
        # One after the other for one address, so that the count holds.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"sign-in {person.desk} {person.address}",
        )
        noted: UUID | None = await connection.fetchval(
            _ASK, self.ids.new(), person.desk, person.address, now, now + LINK_LASTS,
            MOST_LINKS, now - LINK_LASTS,
        )  # fmt: skip
        return UUID(int=noted.int) if noted is not None else None


async def _newest(connection: asyncpg.Connection, desk: Desk, address: str) -> UUID | None:
    found: UUID | None = await connection.fetchval(_NEWEST_TICKET, desk.id, address)
    if found is None and (customers := desk.administered_by(address)):
        names = [each.name for each in customers]
        found = await connection.fetchval(_NEWEST_OF_CUSTOMERS, desk.id, names)
    return UUID(int=found.int) if found is not None else None
