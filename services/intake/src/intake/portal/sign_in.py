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
from intake.domain.admission.rules import INTAKE, automatic_mail
from intake.domain.desk import Desk
from intake.domain.ticket import CommandContext, done, fact_fields
from intake.portal.tokens import Person, PortalKeys
from intake.storage import queries, sign_ins, store
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
        is_taken = await sign_ins.add(
            self._pool, sign_in, person.desk, person.address, now, now + LINK_LASTS, MOST_LINKS
        )
        if is_taken:
            self._waiting.schedule(now, sign_in)

    async def use(self, desk: str, token: str) -> tuple[str, timedelta] | None:
        """The session's cookie and how long it lasts, for the link's token; None: it is not ours,
        was used, or is too old."""
        sign_in = self._keys.read_link(desk, token)
        if sign_in is None:
            return None
        is_used = await sign_ins.use(self._pool, sign_in, desk, self._clock.now())
        return (self._keys.session(desk, sign_in), SESSION_LASTS) if is_used else None

    async def who(self, desk: str, token: str | None) -> Person | None:
        """Who is signed in at the desk, by the session's cookie; None: nobody."""
        sign_in = self._keys.read_session(desk, token)
        if sign_in is None:
            return None
        used_after = self._clock.now() - SESSION_LASTS
        address = await sign_ins.address_of(self._pool, sign_in, desk, used_after)
        return Person(desk, address) if address is not None else None

    async def leave(self, desk: str, token: str | None) -> None:
        """End the session of the cookie, also for copies of it."""
        sign_in = self._keys.read_session(desk, token)
        if sign_in is not None:
            await sign_ins.end(self._pool, sign_in, self._clock.now())

    async def run(self) -> None:
        """Mail the links that were asked for, until cancelled."""
        await self._waiting.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        return await sign_ins.waiting(self._pool, horizon, limit)

    async def _send(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        for _, sign_in in due:
            if self._mails is not None:
                await self._send_one(self._mails, sign_in)
        now = self._clock.now()
        await sign_ins.forget(self._pool, now - LINK_LASTS, now - SESSION_LASTS)

    async def _send_one(self, mails: "_Mails", sign_in: UUID) -> None:
        """A link that can't be mailed is given up: its person asks again, and others get theirs."""
        try:
            await mails.send(sign_in)
        except Exception as error:
            if not is_bug(error):
                raise
            log.exception("sign_in_link_not_mailed", sign_in=str(sign_in))
            await sign_ins.take(self._pool, sign_in, self._clock.now())


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
            taken = await sign_ins.take(connection, sign_in, now)
            desk = self.desks.get(taken.desk) if taken and taken.expires_at > now else None
            ticket_id = await _newest(connection, desk, taken.address) if taken and desk else None
            if taken is None or desk is None or ticket_id is None:
                return
            ticket = (await store.lock_tickets(connection, [ticket_id]))[ticket_id]
            context = CommandContext(desk, INTAKE, now, now)
            link = f"{self.public_url}/my/{desk.id}/enter?token={self.keys.link(desk.id, sign_in)}"
            minutes = str(int(LINK_LASTS.total_seconds() // 60))
            mails = automatic_mail(
                ticket, desk.sign_in_template, fact_fields(ticket, context),
                to=taken.address, link=link, minutes=minutes,
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
