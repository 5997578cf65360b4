"""Tickets are found by the words of what was written, by names and addresses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from intake.application.search_fill import TICKETS, fill_some
from intake.storage import queries, store
from intake.storage.queries import Search
from intake.storage.store import Fact
from integration.intake.harness import Intake, a_mail
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases
from unit.intake.builders import NINE, a_ticket

EVE = {"name": "Eve Example", "email": "eve.example@mail-host.example"}


@pytest.fixture
async def connection(database: Databases) -> AsyncIterator[asyncpg.Connection]:
    dsn = database("intake")
    async with (
        await open_pool(dsn, application_name="test", size=1) as pool,
        pool.acquire() as connection,
    ):
        yield connection


async def write(
    connection: asyncpg.Connection, number: int, text: str, sequence: int = 1, **data: Any
) -> None:
    """A ticket with a fact, or a further fact of a ticket."""
    if sequence == 1:
        desk = data.pop("desk", "vircom")
        ticket = a_ticket(id=UUID(int=number), number=f"VIR-{number}", desk=desk)
        await store.insert_tickets(connection, [ticket])
    body = json.dumps({"text": text, **data})
    fact = Fact(UUID(int=number), sequence, f"e{number}-{sequence}", "noted", NINE, body)
    await store.insert_facts(connection, [fact])


async def found(connection: asyncpg.Connection, words: str, **asked: Any) -> list[int]:
    wanted = Search(asked.pop("desks", frozenset({"vircom"})), words=words, **asked)
    return [each.id.int for each in await queries.search(connection, wanted)]


async def test_words_names_and_addresses_find_a_ticket(connection: asyncpg.Connection) -> None:
    await write(
        connection, 1, "The printer in Zürich jams.", subject_line="Überlauf", requester=EVE
    )
    await write(connection, 2, "Nothing of that kind", attachments=[{"name": "jam_07.png"}])
    assert await found(connection, "Eve Example") == [1]
    assert await found(connection, "EXAMPLE eve") == [1]
    assert await found(connection, "printer zür") == [1]  # beginnings of words
    assert await found(connection, "überlauf") == [1]
    assert await found(connection, "mail-host") == [1]
    assert await found(connection, "jam_07.png") == [2]
    assert await found(connection, "jam") == [2, 1]  # the newest first
    assert await found(connection, "printer kind") == []
    assert await found(connection, "ammed") == []


async def test_what_was_said_later_finds_it_together_with_what_was_said_first(
    connection: asyncpg.Connection,
) -> None:
    await write(connection, 1, "The first mail")
    await write(connection, 1, "An answer of Wednesday", sequence=2)
    await store.insert_texts(connection, [(UUID(int=1), 2, "x " * 9_000 + " the tail")])
    assert await found(connection, "first wednesday tail") == [1]


@pytest.mark.parametrize("words", ["'", "\\", "a & | ! ( :*", "''x\\'", "%", "_", "<->", "-", "🙂"])
async def test_no_text_breaks_the_search(connection: asyncpg.Connection, words: str) -> None:
    await write(connection, 1, f"before {words} after")
    assert await found(connection, "before after") == [1]
    assert set(await found(connection, words)) <= {1}


async def test_hostile_and_huge_texts_are_taken_in_bounded_time_and_space(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("SET statement_timeout = '5s'")
    for sequence, text in enumerate(
        ["a_" * 50_000, "1-" * 50_000, "a.b@" * 30_000, "x" * 200_000, "\ufdfa " * 60_000], start=1
    ):
        await write(connection, 1, text, sequence)
    for sequence in range(6, 12):
        some = " ".join(f"{'w' * 30}{sequence}x{n}" for n in range(1_500))
        await write(connection, 1, some, sequence)
    taken = await connection.fetchrow("SELECT taken, length(words) AS words FROM ticket_search")
    assert taken["taken"] <= 100_000
    assert taken["words"] < 20_000


async def test_another_desks_tickets_are_not_found(connection: asyncpg.Connection) -> None:
    await write(connection, 1, "printer", desk="infocyte")
    await write(connection, 2, "printer desk=infocyte")
    assert await found(connection, "printer") == [2]
    assert await found(connection, "printer", desks=frozenset({"vircom", "infocyte"})) == [2, 1]
    assert await found(connection, "printer", desks=None) == [2, 1]
    assert await found(connection, "printer", desks=frozenset()) == []
    assert await found(connection, "desk=infocyte") == [2]


async def test_states_severities_and_pages_narrow_a_search(connection: asyncpg.Connection) -> None:
    for number in range(1, 8):
        await write(connection, number, "printer")
    await connection.execute("INSERT INTO ticket_numbers VALUES ('vircom', 8)")
    await connection.execute("UPDATE tickets SET state = 'closed' WHERE id = $1", UUID(int=7))
    await connection.execute("UPDATE tickets SET severity = 'p1' WHERE id = $1", UUID(int=2))
    assert await found(connection, "printer", states=["open"], limit=2) == [6, 5, 4]
    assert await found(connection, "printer", before=UUID(int=3)) == [2, 1]
    assert await found(connection, "printer", severities=["p1"]) == [2]


async def test_words_that_very_many_have_are_found_in_the_newest(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(
        """
        INSERT INTO tickets (id, desk, number, state, channel, subject_line, opened_at, changed_at,
            sequence, details)
        SELECT lpad(to_hex(n), 32, '0')::uuid, 'vircom', 'V-' || n, 'open', 'email', '', now(),
            now(), 1, '{"requester": {}}' FROM generate_series(1, 4100) AS n
        """
    )
    await connection.execute(
        "INSERT INTO facts SELECT id, 1, '', '', now(), '{\"text\": \"printer\"}' FROM tickets"
    )
    await connection.execute("INSERT INTO ticket_numbers VALUES ('vircom', 5000)")
    assert await found(connection, "printer", limit=2) == [4100, 4099, 4098]
    assert await found(connection, "printer", limit=2, before=UUID(int=3)) == [2, 1]


async def test_tickets_from_before_are_filled_in_and_a_stop_loses_nothing(
    connection: asyncpg.Connection, database: Databases
) -> None:
    many = 2 * TICKETS + 5
    for number in range(1, many + 1):
        await write(connection, number, f"printer n{number}", requester=EVE)
    await connection.execute("DELETE FROM ticket_search; DELETE FROM ticket_queue")
    assert await fill_some(connection) == TICKETS
    assert await found(connection, f"n{many}") == [many]
    assert await found(connection, "n1") != [1]
    # What is written meanwhile is kept with the rest.
    await write(connection, 1, "A late word", sequence=2)
    stopped = connection.transaction()
    await stopped.start()
    assert await fill_some(connection) == TICKETS
    await stopped.rollback()  # as if it had been killed
    assert [await fill_some(connection) for _ in range(4)] == [TICKETS, 5, 0, None]
    assert await found(connection, "late n1") == [1]
    assert await connection.fetchval("SELECT count(*) FROM ticket_search") == many
    assert await connection.fetchval("SELECT count(*) FROM ticket_queue") == many


async def test_a_mail_is_found_over_the_api(intake: Intake) -> None:
    await intake.mail(
        a_mail(
            "No flow",
            "The spindle of the turntable broke.",
            sender="Eve Example <eve@contoso.example>",
        )
    )
    (ticket,) = await intake.tickets(1)
    for words in ("Eve Example", "spindle turntable", "contoso", ticket["number"]):
        async with intake.http("reader", desks=["vircom"]) as client:
            answer = await client.get("/tickets", params={"q": words})
        assert [each["id"] for each in answer.json()["items"]] == [ticket["id"]], words
    async with intake.http("reader", desks=["infocyte"]) as client:
        answer = await client.get("/tickets", params={"q": "spindle"})
    assert answer.json()["items"] == []
