"""Signing in to the portal by a mailed link: asked for, sent about the address's newest ticket,
used once, over when its person signs out.

Each request writes a row; a worker looks up afterwards whether anything of the address is known. So
the response time does not reveal whether an address is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from intake.application.ticket_commands import publications
from intake.domain.admission import INTAKE, automatic_mail
from intake.domain.desk import Desk
from intake.domain.ticket import CommandContext, done, fact_fields
from intake.portal.tokens import Person, PortalKeys
from intake.storage import queries, store
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.postgres.errors import is_bug
from pledge.runtime.scheduling.due_loop import DueLoop

log = structlog.get_logger()

LINK_LASTS: Final = timedelta(minutes=15)
SESSION_LASTS: Final = timedelta(hours=12)
# For each sender and replica. Whole companies come from one address, and each of their people signs
# in once a day; more than this would hold up the links of others.
LINKS_PER_MINUTE: Final = 60
MOST_LINKS: Final = 3
"""The most links mailed to an address while one is valid: strangers can't fill a mailbox."""
WINDOW: Final = timedelta(seconds=30)
"""What a replica took and died with is found by another within half of it."""

_ASK: Final = """
INSERT INTO sign_ins (id, desk, address, requested_at, expires_at, handled_at)
SELECT $1, $2, $3, $4, $5, NULL WHERE $6 > (
    SELECT count(*) FROM sign_ins WHERE desk = $2 AND address = $3 AND expires_at > $4)
RETURNING true
"""
_WAITING: Final = """
SELECT requested_at, id FROM sign_ins WHERE handled_at IS NULL AND requested_at < $1
ORDER BY requested_at LIMIT $2
"""
_TAKE: Final = """
UPDATE sign_ins SET handled_at = $2 WHERE id = (
    SELECT id FROM sign_ins WHERE id = $1 AND handled_at IS NULL FOR UPDATE SKIP LOCKED)
RETURNING desk, address, expires_at
"""
# Links that were not used are of no use any more; sessions last longer.
_FORGET: Final = """
DELETE FROM sign_ins WHERE requested_at < $1 AND (used_at IS NULL OR used_at < $2)
"""
_USE: Final = """
UPDATE sign_ins SET used_at = $3 WHERE id = $1 AND desk = $2 AND used_at IS NULL AND expires_at > $3
RETURNING true
"""
_WHO: Final = """
SELECT address FROM sign_ins WHERE id = $1 AND desk = $2 AND used_at > $3 AND ended_at IS NULL
"""


class SignIns:
    """Sends links and takes them. ``public_url`` is where browsers find this service; without it no
    link can be made."""

    def __init__(
        self,
        outbox: Outbox,
        pool: asyncpg.Pool,
        desks: Mapping[str, Desk],
        keys: PortalKeys,
        public_url: str | None,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._mails = _Mails(outbox, desks, keys, public_url, clock, ids) if public_url else None
        self._waiting: DueLoop[UUID] = DueLoop(
            clock, load=self._load, fire=self._send, window=WINDOW
        )

    @property
    def are_mailed(self) -> bool:
        """Whether links can be made."""
        return self._mails is not None

    async def ask(self, person: Person) -> None:
        """Take the wish for a link; it is mailed if there is something that the person may see."""
        now, sign_in = self._clock.now(), self._ids.new()
        async with self._pool.acquire() as connection, connection.transaction():
            # One after the other for one address, so that the count holds.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                f"sign-in {person.desk} {person.address}",
            )
            is_taken = await connection.fetchval(
                _ASK, sign_in, person.desk, person.address, now, now + LINK_LASTS, MOST_LINKS
            )
        if is_taken:
            self._waiting.schedule(now, sign_in)

    async def use(self, desk: str, token: str) -> tuple[str, timedelta] | None:
        """The session's cookie and how long it lasts, for the link's token; None: it is not ours,
        was used, or is too old."""
        sign_in = self._keys.read_link(desk, token)
        if sign_in is None:
            return None
        is_used = await self._pool.fetchval(_USE, sign_in, desk, self._clock.now())
        return (self._keys.session(desk, sign_in), SESSION_LASTS) if is_used else None

    async def who(self, desk: str, token: str | None) -> Person | None:
        """Who is signed in at the desk, by the session's cookie; None: nobody."""
        sign_in = self._keys.read_session(desk, token)
        if sign_in is None:
            return None
        address = await self._pool.fetchval(_WHO, sign_in, desk, self._clock.now() - SESSION_LASTS)
        return Person(desk, address) if address is not None else None

    async def leave(self, desk: str, token: str | None) -> None:
        """End the session of the cookie, also for copies of it."""
        sign_in = self._keys.read_session(desk, token)
        if sign_in is not None:
            await self._pool.execute(
                "UPDATE sign_ins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
                sign_in, self._clock.now(),
            )  # fmt: skip

    async def run(self) -> None:
        """Mail the links that were asked for, until cancelled."""
        await self._waiting.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        rows = await self._pool.fetch(_WAITING, horizon, limit)
        return [(row["requested_at"], UUID(int=row["id"].int)) for row in rows]

    async def _send(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        for _, sign_in in due:
            if self._mails is not None:
                await self._send_one(self._mails, sign_in)
        now = self._clock.now()
        await self._pool.execute(_FORGET, now - LINK_LASTS, now - SESSION_LASTS)

    async def _send_one(self, mails: "_Mails", sign_in: UUID) -> None:
        """A link that can't be mailed is given up: its person asks again, and others get theirs."""
        try:
            await mails.send(sign_in)
        except Exception as error:
            if not is_bug(error):
                raise
            log.exception("sign_in_link_not_mailed", sign_in=str(sign_in))
            await self._pool.fetchrow(_TAKE, sign_in, self._clock.now())


@dataclass(frozen=True, slots=True)
class _Mails:
    """Asks notify for the mails that bring the links."""

    outbox: Outbox
    desks: Mapping[str, Desk]
    keys: PortalKeys
    public_url: str
    clock: Clock
    ids: Ids

    async def send(self, sign_in: UUID) -> None:
        """Mail the link, if a request of the address, or of a customer that it administers, is
        known; unless another replica does, or it was done."""
        now = self.clock.now()
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            row = await connection.fetchrow(_TAKE, sign_in, now)
            desk = self.desks.get(row["desk"]) if row and row["expires_at"] > now else None
            ticket_id = await _newest(connection, desk, row["address"]) if desk else None
            if desk is None or ticket_id is None:
                return
            ticket = (await store.lock_tickets(connection, [ticket_id]))[ticket_id]
            context = CommandContext(desk, INTAKE, now, now)
            link = f"{self.public_url}/my/{desk.id}/enter?token={self.keys.link(desk.id, sign_in)}"
            minutes = str(int(LINK_LASTS.total_seconds() // 60))
            mails = automatic_mail(
                ticket, desk.sign_in_template, fact_fields(ticket, context),
                to=row["address"], link=link, minutes=minutes,
            )  # fmt: skip
            decision = done(ticket, context, "sign_in_requested", *mails)
            news = publications(decision, ticket.sequence, self.ids)
            await store.update_tickets(connection, [decision.ticket])
            await store.insert_facts(connection, [each.fact for each in news])
            transaction.publish(*(each.message for each in news))


async def _newest(connection: asyncpg.Connection, desk: Desk, address: str) -> UUID | None:
    """The newest ticket of the person's own, else of the customers that they administer."""
    found = await queries.of_person(connection, desk.id, address, [], None, 1)
    if not found and (customers := desk.administered_by(address)):
        names = [each.name for each in customers]
        found = await queries.of_person(connection, desk.id, address, names, None, 1)
    return found[0].id if found else None
