"""Every delivery comes to exactly one end, which can be looked up; also across crashes."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5

import asyncpg
import httpx
import pytest

from intake.application.delivery_ledger import DeliveryLedger
from intake.storage import ledger, store
from intake.storage.ledger import Ending
from integration.intake.harness import ANN, Intake, a_mail, short
from integration.intake.test_deliveries import a_chat, about
from integration.intake.test_queue_pages import agent
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


NOTICE = a_mail(
    "Backup of srv-7 failed", "Since nine.", sender="Robot <robot@contoso.example>",
    message_id="<n1@contoso.example>", Auto_Submitted="auto-replied", X_Autoreply="yes",
)  # fmt: skip


async def filed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/deliveries", params={"end": "filed"})).json()[
        "items"
    ]
    return items


async def test_an_agent_opens_a_ticket_of_mail_that_was_filed_as_a_machines_once(
    intake: Intake,
) -> None:
    await intake.mail(NOTICE)
    await intake.mail(NOTICE)
    assert await ends(intake, 2) == {"filed": 1, "duplicate": 1}
    async with intake.http("agent") as client:
        (entry,) = await filed(client)
        assert entry["is_machine_mail"]
        path = f"/deliveries/{entry['id']}/ticket"
        async with intake.http("agent", desks=["demo"]) as stranger:
            assert (await stranger.post(path)).status_code == 404
        async with intake.http("reader") as reader:
            assert (await reader.post(path)).status_code == 403
        answers = await asyncio.gather(*(client.post(path) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
        (opened,) = (each.json() for each in answers if each.status_code == 201)
        late = await client.post(path)
        assert (late.status_code, opened["ticket_number"] in late.text) == (409, True)
        assert (await client.post("/deliveries/1000000/ticket")).status_code == 404
    (ticket,) = await intake.tickets(1)
    assert (ticket["id"], ticket["number"]) == (opened["ticket_id"], opened["ticket_number"])
    assert ticket["requester"]["email"] == "robot@contoso.example"
    assert await ends(intake, 2) == {"opened": 1, "duplicate": 1}
    facts = await intake.facts(ticket["id"])
    assert short(facts[0]["type"]) == "opened"
    assert not {"email_requested", "information_requested"} & {short(f["type"]) for f in facts}
    note = facts[-1]["data"]
    assert (short(facts[-1]["type"]), note["by"]["kind"]) == ("noted", "agent")
    assert "filed as a machine's (auto_submitted)" in note["text"]
    published = [each.event.type for each in await intake.published()]
    assert published == [each["type"] for each in facts]
    # What answers it finds its ticket.
    answer = a_mail(
        "Re: Backup", message_id="<n2@contoso.example>", references=["<n1@contoso.example>"],
        sender="robot@contoso.example",
    )  # fmt: skip
    await intake.mail(answer)
    await ends(intake, 3)
    assert [each["id"] for each in await intake.tickets(1)] == [ticket["id"]]


async def test_only_machine_mail_without_a_ticket_can_be_opened_by_hand(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    own = a_mail(sender="support@vircom.example", message_id="<o@x.example>")
    await intake.mail(own)
    note = a_mail("Away", message_id="<a@x.example>", Auto_Submitted="auto-replied")
    await intake.mail(note, ticket["reply_to"])
    assert (await ends(intake, 3)).total() == 3
    async with intake.http("agent") as client:
        shown = (await client.get("/deliveries")).json()["items"]
        by_subject = {(each["subject"], each["reason"]): each for each in shown}
        opened = next(each for each in shown if each["end"] == "opened")
        for each in shown:
            answer = await client.post(f"/deliveries/{each['id']}/ticket")
            assert answer.status_code == 409, by_subject
        said = (await client.post(f"/deliveries/{opened['id']}/ticket")).json()["detail"]
        assert said.endswith(f"it is opened, see {ticket['number']}")
        await intake.mail(NOTICE)
        await ends(intake, 4)
        (entry,) = [each for each in await filed(client) if each["subject"].startswith("Backup")]
        await intake.pool.execute(
            "UPDATE delivery_ledger SET place = 'channel.email.v1/0/999999' WHERE id = $1",
            entry["id"],
        )
        gone = await client.post(f"/deliveries/{entry['id']}/ticket")
        assert (gone.status_code, "older than what Kafka keeps" in gone.text) == (410, True)
    await intake.tickets(1)


async def test_the_page_of_deliveries_opens_a_ticket_and_shows_it(intake: Intake) -> None:
    await intake.mail(NOTICE)
    await ends(intake, 1)
    async with agent(intake, role="reader") as reader:
        assert "Open a ticket" not in (await reader.get("/deliveries")).text
    async with agent(intake) as client:
        page = (await client.get("/deliveries")).text
        form = re.search(
            r'action="(/deliveries/\d+/ticket)"><input[^>]*name="(\w+)" value="(\S+)"', page
        )
        assert form is not None, page
        path, name, code = form.groups()
        assert (await client.post(path)).status_code == 403
        answer = await client.post(path, data={name: code})
        assert answer.status_code == 303
        assert "Backup of srv-7 failed" in (await client.get(answer.headers["location"])).text
        assert "Open a ticket of" not in (await client.get("/deliveries")).text


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
