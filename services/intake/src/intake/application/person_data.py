"""What a desk keeps of a person: shown, exported, or erased, some tickets at a time.

Each call looks at the desk's next tickets for some seconds and says where to go on. A ticket is
erased in one transaction, after which nothing in it names the person: whoever begins again, after a
crash too, finds what is left.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from intake.application.file_store import FileStore
from intake.application.search_fill import fill_words
from intake.domain.command_registry import FINISHED
from intake.domain.erasure import ERASED, Person, erased, erased_text, is_theirs, names_of
from intake.storage import files, persons, queries
from intake.storage.persons import Named, Said
from pledge.runtime.clock import Clock

FOR: Final = timedelta(seconds=10)
"""How long a call may take, about: proxies give up later."""
PAGE: Final = 200
"""Tickets that are looked at in one statement."""
CONTENTS_LAST: Final = timedelta(days=8)
"""For so long a delivery that is under way may name content that is there already."""
FIRST: Final = UUID(int=0)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose data of which desk, and where to go on. ``names`` are those that the person is known
    under, besides those in the records."""

    desk: str
    key: str
    names: frozenset[str] = frozenset()
    after: UUID | None = None


@dataclass(slots=True)
class Part:
    """Of one call: ``tickets`` as asked, ``left`` the numbers of those that are not finished and so
    not erased, ``after`` where to go on (None: all was looked at), ``names`` to be given then, and
    what is kept beside tickets with the last part."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    after: UUID | None = None
    beside: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PersonData:
    """Finds and erases a person's data."""

    pool: asyncpg.Pool
    store: FileStore
    clock: Clock

    async def found(self, asked: Asked) -> Part:
        """Which tickets name the person, and how much of each would be erased."""
        part = Part()
        async for named, said, person in self._named(asked, part):
            own = [each for each in said if named.is_requester or is_theirs(each.data, person)]
            part.tickets.append({
                "number": named.number, "is_theirs": named.is_requester, "facts": len(own),
                "is_finished": named.state in FINISHED,
            })  # fmt: skip
        return await self._with_rest(part, asked)

    async def exported(self, asked: Asked) -> Part:
        """The tickets of the person whole, and of others' tickets what they wrote or were told."""
        part = Part()
        async for named, said, person in self._named(asked, part):
            own = [each for each in said if named.is_requester or is_theirs(each.data, person)]
            places = {each.sequence for each in own}
            async with self.pool.acquire() as connection:
                rows = await files.of_ticket(connection, named.id)
            part.tickets.append({
                "id": named.id, "number": named.number, "is_theirs": named.is_requester,
                "facts": [
                    {"sequence": each.sequence, "type": each.type, "occurred_at": each.occurred_at,
                     "data": queries.without_links(each.data), "text": each.text}
                    for each in own
                ],
                "files": [
                    self.store.view(each).model_dump() for each in rows if each.sequence in places
                ],
            })  # fmt: skip
        return await self._with_rest(part, asked)

    async def erase(self, asked: Asked, erasure: UUID, by: str) -> Part:
        """Erase the person from finished tickets, and with the last part from what is beside
        them."""
        part, now = Part(), self.clock.now()
        desk, key = asked.desk, asked.key
        async for named, _, _ in self._named(asked, part):
            async with self.pool.acquire() as connection, connection.transaction():
                count = await self._erase(connection, desk, named.id, Person(key, part.names))
                if count is None:
                    part.left.append(named.number)
                    continue
                await persons.note_erasure(
                    connection, erasure, desk, key, by, now, (1, count), is_done=False
                )
            part.tickets.append({"number": named.number, "is_theirs": named.is_requester,
                                 "files": count})  # fmt: skip
        if part.after is None:
            async with self.pool.acquire() as connection, connection.transaction():
                await persons.erase_beside(connection, desk, key, now + CONTENTS_LAST)
                await persons.note_erasure(
                    connection, erasure, desk, key, by, now, (0, 0), is_done=True
                )
            log.info("person_erased", desk=desk, erasure=str(erasure), by=by)
        return part

    async def _erase(
        self, connection: asyncpg.Connection, desk: str, ticket_id: UUID, known: Person
    ) -> int | None:
        """Erase the person from the ticket: how many files went; None: it is not finished."""
        locked = await persons.lock(connection, ticket_id)
        if locked is None:
            return 0
        if locked.state not in FINISHED:
            return None
        said = await persons.said_on(connection, ticket_id)
        person = _person(known, [*(each.data for each in said), locked.details])
        all_words = locked.requester == known.key
        own = [each for each in said if all_words or is_theirs(each.data, person)]
        places = {each.sequence for each in own}
        await persons.rewrite_facts(
            connection,
            ticket_id,
            [(each.sequence, *_without(each, person, is_own=each.sequence in places))
             for each in said],
        )  # fmt: skip
        details = erased(locked.details, person, all_words=all_words)
        if all_words:
            details.pop("message_id", None)
        subject = ERASED if all_words else erased_text(locked.subject, person)
        await persons.rewrite_ticket(
            connection, ticket_id, subject, details, is_requester=all_words
        )
        await fill_words(connection, [ticket_id])
        await persons.erase_drafts(connection, ticket_id)
        await persons.erase_mails(connection, ticket_id, known.key, all_words=all_words)
        if all_words:
            await persons.erase_in_ledger(connection, ticket_id)
        old = [ref["sha256"] for each in own for ref in each.data.get("attachments") or ()
               if ref.get("key") == ref.get("sha256")]  # fmt: skip
        return await persons.erase_files(
            connection, desk, ticket_id, sorted(places), old, self.clock.now() + CONTENTS_LAST
        )

    async def _named(
        self, asked: Asked, part: Part
    ) -> AsyncIterator[tuple[Named, list[Said], Person]]:
        """The tickets that name the person, with their facts, for as long as a call may take;
        ``part`` then says where to go on."""
        until = self.clock.monotonic() + FOR.total_seconds()
        part.after = asked.after or FIRST
        async with self.pool.acquire() as connection:
            known = await persons.names_known(connection, asked.desk, asked.key)
        part.names = asked.names | known
        is_time = True
        while part.after is not None and is_time:
            async with self.pool.acquire() as connection:
                found, following = await persons.named_in(
                    connection, asked.desk, asked.key, part.after, PAGE
                )
            for each in found:
                async with self.pool.acquire() as connection:
                    said = await persons.said_on(connection, each.id)
                person = _person(Person(asked.key, part.names), [fact.data for fact in said])
                # One whose address ends with this one is found, too.
                told = [(fact.data, fact.text) for fact in said]
                if each.is_requester or person.is_in([each.subject, each.details, told]):
                    yield each, said, person
            part.after = following
            is_time = self.clock.monotonic() < until

    async def _with_rest(self, part: Part, asked: Asked) -> Part:
        if part.after is None:
            async with self.pool.acquire() as connection:
                part.beside = await persons.beside_tickets(connection, asked.desk, asked.key)
        return part


def _person(known: Person, records: list[dict[str, Any]]) -> Person:
    """The person with the names that these records give them, too."""
    return Person(known.key, known.names.union(*(names_of(each, known) for each in records)))


def _without(said: Said, person: Person, *, is_own: bool) -> tuple[dict[str, Any], str | None]:
    """Data and whole text of the fact without the person."""
    text = said.text
    if text is not None:
        text = ERASED if is_own else erased_text(text, person)
    return erased(said.data, person, all_words=is_own), text
