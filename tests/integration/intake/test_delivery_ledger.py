"""Every delivery comes to exactly one end, which can be looked up; also across crashes."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5

import asyncpg
import pytest

from intake.application.delivery_ledger import DeliveryLedger
from intake.storage import ledger, store
from intake.storage.ledger import Ending
from integration.intake.harness import ANN, Intake, a_mail
from integration.intake.test_deliveries import a_chat, about
from pledge.events import CHANNEL_TOPICS, ReplySubmitted
from pledge.runtime.config.settings import KafkaSettings
from support import topics
from support.databases import Databases
from support.waiting import eventually


async def ends(intake: Intake, count: int) -> Counter[str]:
    """How many deliveries came to each end, once so many have one."""

    async def probe() -> Counter[str]:
        rows = await intake.pool.fetch("SELECT ending, count(*) FROM delivery_ledger GROUP BY 1")
        found = Counter({row["ending"]: row["count"] for row in rows})
        assert found.total() == count, found
        return found

    return await eventually(probe, what=f"{count} deliveries in the ledger")


async def test_each_delivery_has_one_end_that_can_be_looked_up(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    await intake.mail(a_mail())
    await intake.mail(a_mail("More", message_id="<2@contoso.example>"), ticket["reply_to"])
    absent = a_mail(
        "Automatic reply: x", message_id="<3@contoso.example>", Auto_Submitted="auto-replied"
    )
    await intake.mail(absent)
    nobody = uuid5(intake.ids.new(), "nobody")
    good = intake.message(a_chat(intake, 1, "good"))
    lost = ReplySubmitted(**about(intake, "r1", "r1"), ticket_id=nobody, requester=ANN)
    strange = tuple(
        (name, b"pledge.chat.waved.v1" if name == "ce_type" else value)
        for name, value in good.headers
    )
    await topics.publish(
        intake.kafka,
        [
            good._replace(value=b"not json"),
            good._replace(headers=(*good.headers, ("ce_desk", b"a\0b"))),
            good._replace(headers=strange),
            intake.message(lost),
        ],
    )
    assert await ends(intake, 8) == {
        "opened": 1, "duplicate": 1, "appended": 1, "filed": 2, "quarantined": 3,
    }  # fmt: skip
    async with intake.http("reader") as client:
        (filed,) = (
            await client.get("/deliveries", params={"end": "filed", "channel": "email"})
        ).json()["items"]
        assert (filed["sender"], filed["subject"]) == ("ann@contoso.example", "Automatic reply: x")
        assert (filed["reason"], filed["ticket_id"]) == ("auto_submitted", None)
        of_ticket = await client.get("/deliveries", params={"ticket": ticket["id"], "limit": 1})
        assert [each["end"] for each in of_ticket.json()["items"]] == ["appended"]
        assert of_ticket.json()["next"]
        queue = (await client.get("/", headers={"accept": "text/html"})).text
        assert 'href="/deliveries"' in queue
        page = (await client.get("/deliveries", headers={"accept": "text/html"})).text
        assert "Automatic reply: x" in page
        assert f"/ticket/{ticket['id']}" in page
    async with intake.http("reader", desks=["demo"]) as client:
        assert (await client.get("/deliveries")).json()["items"] == []
        found = await client.get("/deliveries", params={"desk": "vircom"})
        assert found.json()["items"] == []


async def test_what_was_received_is_the_sum_of_ends_after_each_crash(
    kafka: KafkaSettings, database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks at each step of a batch in turn, before and after its write."""
    broken: list[str] = []

    def breaks_once(module: Any, name: str, *, after: bool) -> None:
        real = getattr(module, name)
        step = f"{name} {'after' if after else 'before'}"

        async def breaking(*arguments: Any, **options: Any) -> Any:
            if step in broken:
                return await real(*arguments, **options)
            broken.append(step)
            if after:
                await real(*arguments, **options)
            raise asyncpg.ConnectionDoesNotExistError(step)

        monkeypatch.setattr(module, name, breaking)

    steps = [
        (store, "note_deliveries"), (store, "find_threads"), (store, "take_numbers"),
        (store, "insert_tickets"), (store, "insert_facts"), (store, "add_threads"),
        (ledger, "write"),
    ]  # fmt: skip
    for module, name in steps:
        breaks_once(module, name, after=False)
        breaks_once(module, name, after=True)
    async with Intake(kafka, database("intake"), tmp_path) as intake:
        for number in range(5):
            await intake.mail(a_mail(f"Mail {number}", message_id=f"<{number}@x.example>"))
            await intake.mail(a_mail(f"Mail {number}", message_id=f"<{number}@x.example>"))
        good = intake.message(a_chat(intake, 1, "good"))
        await topics.publish(intake.kafka, [good, good._replace(value=b"not json"), good])
        found = await ends(intake, 13)
        await intake.tickets(6)
        received = 0
        for topic in CHANNEL_TOPICS:
            received += len(await topics.read(intake.kafka, topic))
    assert received == found.total()
    assert found == {"opened": 6, "duplicate": 6, "quarantined": 1}
    assert len(broken) == 2 * len(steps)


async def test_a_delivery_on_which_the_handler_fails_is_quarantined_in_the_ledger(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.insert_tickets

    async def failing(connection: asyncpg.Connection, tickets: Any) -> None:
        if any(each.subject_line == "Poison" for each in tickets):
            raise ValueError("a fault of ours")
        await real(connection, tickets)

    monkeypatch.setattr(store, "insert_tickets", failing)
    await intake.mail(a_mail("Poison", message_id="<p@x.example>"))
    await intake.mail(a_mail("Good", message_id="<g@x.example>"))
    assert await ends(intake, 2) == {"opened": 1, "quarantined": 1}
    row = await intake.pool.fetchrow("SELECT * FROM delivery_ledger WHERE ending = 'quarantined'")
    assert (row["desk"], row["reason"]) == ("vircom", "handler_error")
    assert row["event_id"]


async def test_entries_are_removed_when_they_are_old(intake: Intake) -> None:
    await intake.mail(a_mail())
    await ends(intake, 1)
    async with intake.pool.acquire() as connection:
        assert await ledger.remove_old(connection, intake.clock.now() - timedelta(days=1), 10) == 0
        assert await ledger.remove_old(connection, intake.clock.now(), 10) == 1
    book = DeliveryLedger(intake.pool, intake.clock, timedelta(days=1))
    assert await book.page(ledger.Wanted(None, Ending.OPENED)) == ([], None)
