"""Events of tickets reach a desk's webhooks: signed, in order, at least once, and nobody waits."""

from __future__ import annotations

import asyncio
import json
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook as Checker
from typer.testing import CliRunner

from intake.application.webhook_feed import WebhookFeed
from intake.application.webhook_sender import WebhookSender
from intake.cli.webhooks import app
from intake.domain.webhooks import Webhook, WebhookSecrets
from intake.metrics import IntakeMetrics
from intake.storage import store, webhooks
from intake.storage.store import Fact
from intake.storage.webhooks import Address, Addressed
from integration.intake.harness import DESKS, Intake, a_mail
from pledge.events import Decoded, TicketOpened, decode
from pledge.runtime.backoff import RetryPolicy
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Record
from support.databases import Databases
from support.receivers import WebhookReceiver
from support.waiting import eventually
from unit.intake.builders import a_desk

OLD = "whsec_" + b64encode(b"o" * 32).decode()
NEW = "whsec_" + b64encode(b"n" * 32).decode()
DESK = a_desk().id
ONE, TWO = UUID(int=1), UUID(int=2)
OPENED = TicketOpened.TYPE
CLOCK = SystemClock()
SOON = RetryPolicy(
    first_wait=timedelta(milliseconds=20),
    longest_wait=timedelta(milliseconds=20),
    attempts=4,
    give_up_after=timedelta(minutes=5),
)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    found = WebhookReceiver()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    async with await open_pool(database("intake"), application_name="test", size=8) as pool:
        yield pool


class Sending:
    """Senders of a desk with the webhooks `crm` and `other`, over a real database."""

    def __init__(self, pool: asyncpg.Pool, receiver: WebhookReceiver) -> None:
        self.pool, self.receiver = pool, receiver
        self.registry = CollectorRegistry()
        self.desk = a_desk(webhooks={name: self.hook(name) for name in ("crm", "other")})

    def hook(self, name: str) -> Webhook:
        return Webhook(name, f"{self.receiver.url}/{name}", frozenset((OPENED,)), ("new", "old"))

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[WebhookSender]:
        sender = WebhookSender(
            self.pool,
            {DESK: self.desk},
            lambda: WebhookSecrets({DESK: {"new": NEW, "old": OLD}}),
            **{
                "reachable": frozenset(("127.0.0.1",)),
                "timeout": timedelta(seconds=5),
                "retry": SOON,
                "keep_for": timedelta(days=30),
                "clock": CLOCK,
                "ids": SystemIds(CLOCK),
                "metrics": IntakeMetrics(self.registry),
                **changes,
            },
        )
        await sender.register()
        self.registry = CollectorRegistry()
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def register(self) -> None:
        """As a service does that is gone by now."""
        urls = [(Address(DESK, each.name), each.url) for each in self.desk.webhooks.values()]
        async with self.pool.acquire() as connection:
            await webhooks.register(connection, [DESK], urls, CLOCK.now())

    async def note(self, ticket: UUID, *sequences: int, webhook: str = "crm") -> None:
        """These events happened."""
        now = CLOCK.now()
        async with self.pool.acquire() as connection, connection.transaction():
            for each in sequences:
                data = json.dumps({"sequence": each, "text": "Grüße"})
                with suppress(asyncpg.UniqueViolationError):
                    async with connection.transaction():
                        await store.insert_facts(
                            connection,
                            [Fact(ticket, each, f"{ticket}/{each}", OPENED, now, data, DESK)],
                        )
            rows = [
                Addressed(DESK, webhook, ticket, each, f"{ticket}/{each}", OPENED)
                for each in sequences
            ]
            await webhooks.add(connection, rows, now)

    async def states(self, **wanted: Any) -> dict[tuple[str, int], str]:
        rows = await self.pool.fetch(
            "SELECT ticket_id, sequence, state, reason FROM webhook_deliveries WHERE webhook = $1",
            wanted.get("webhook", "crm"),
        )
        return {
            (str(row["ticket_id"]), row["sequence"]): " ".join(
                each for each in (row["state"], row["reason"]) if each
            )
            for row in rows
        }

    async def ends(self, count: int, **wanted: Any) -> dict[tuple[str, int], str]:
        async def all_ended() -> dict[tuple[str, int], str]:
            found = await self.states(**wanted)
            assert len(found) == count
            assert not [each for each in found.values() if each.startswith("pending")], found
            return found

        return await eventually(all_ended, what="every event having its end")


@pytest.fixture
def sending(pool: asyncpg.Pool, receiver: WebhookReceiver) -> Sending:
    return Sending(pool, receiver)


async def test_a_tickets_events_come_in_order_whatever_fails(sending: Sending) -> None:
    receiver = sending.receiver
    receiver.answers[str(ONE)] = [500, 503]
    await sending.register()
    await sending.note(ONE, 1, 2)
    await sending.note(TWO, 1)
    async with sending.running() as sender:
        await sending.ends(3)
        await sending.note(ONE, 3, 4)
        sender.wake(frozenset({Address(DESK, "crm")}))
        ends = await sending.ends(5)
    assert set(ends.values()) == {"delivered"}
    of_one = [each for ticket, each in receiver.got("crm") if ticket == str(ONE)]
    assert of_one == [1, 1, 1, 2, 3, 4]
    assert len({each.headers["webhook-id"] for each in receiver.posts}) == 5


async def test_what_nobody_takes_is_given_up_and_the_next_goes(sending: Sending) -> None:
    sending.receiver.answers[str(ONE)] = [404] * SOON.attempts
    await sending.register()
    await sending.note(ONE, 1, 2)
    async with sending.running():
        ends = await sending.ends(2)
    assert ends == {(str(ONE), 1): "given_up refused", (str(ONE), 2): "delivered"}
    assert len(sending.receiver.posts) == SOON.attempts + 1


async def test_what_was_given_up_is_sent_again_in_order(sending: Sending) -> None:
    sending.receiver.answers[str(ONE)] = [500] * 2 * SOON.attempts
    await sending.register()
    await sending.note(ONE, 1, 2)
    before = CLOCK.now() - timedelta(minutes=1)
    async with sending.running() as sender:
        ends = await sending.ends(2)
        assert set(ends.values()) == {"given_up receiver_error"}
        sending.receiver.posts.clear()
        async with sending.pool.acquire() as connection, connection.transaction():
            address = Address(DESK, "crm")
            assert await webhooks.send_again(connection, address, [], before, CLOCK.now(), 10) == 2
        sender.wake(frozenset({address}))
        assert set((await sending.ends(2)).values()) == {"delivered"}
    assert sending.receiver.got("crm") == [(str(ONE), 1), (str(ONE), 2)]


async def test_a_receiver_that_is_gone_gets_nothing_more(sending: Sending) -> None:
    sending.receiver.answers[str(ONE)] = [410]
    await sending.register()
    await sending.note(ONE, 1, 2)
    async with sending.running():
        ends = await sending.ends(2)
        assert set(ends.values()) == {"given_up gone"}
        async with sending.pool.acquire() as connection:
            assert Address(DESK, "crm") not in await webhooks.taking(connection)
            assert Address(DESK, "other") in await webhooks.taking(connection)
    assert len(sending.receiver.posts) == 1
    # Another address is another receiver.
    sending.desk = a_desk(webhooks={"crm": replace(sending.hook("crm"), url="https://b")})
    await sending.register()
    async with sending.pool.acquire() as connection:
        assert list(await webhooks.taking(connection)) == [Address(DESK, "crm")]


async def test_what_was_noted_as_it_was_disabled_waits_until_it_is_enabled(
    sending: Sending,
) -> None:
    address = Address(DESK, "crm")
    await sending.register()
    async with sending.pool.acquire() as connection, connection.transaction():
        assert await webhooks.disable(connection, address, "gone", CLOCK.now()) == 0
    await sending.note(ONE, 1)  # by a transaction that had not seen it
    assert await webhooks.next_due(sending.pool, address) is None
    async with sending.running() as sender:
        async with sending.pool.acquire() as connection:
            assert await webhooks.enable(connection, address)
        sender.wake(frozenset({address}))
        assert set((await sending.ends(1)).values()) == {"delivered"}


async def test_a_slow_receiver_holds_up_no_other(sending: Sending) -> None:
    sending.receiver.hold["crm"] = asyncio.Event()
    await sending.register()
    for number in range(1, 21):
        await sending.note(UUID(int=number), 1)
        await sending.note(UUID(int=number), 1, webhook="other")
    async with sending.running():
        assert set((await sending.ends(20, webhook="other")).values()) == {"delivered"}
        assert set((await sending.states()).values()) == {"pending"}
        assert len(sending.receiver.got("crm")) == 8
        sending.receiver.hold["crm"].set()
        assert set((await sending.ends(20)).values()) == {"delivered"}


async def test_what_a_killed_process_had_claimed_is_sent_by_the_next(sending: Sending) -> None:
    await sending.register()
    await sending.note(ONE, 1, 2)
    now = CLOCK.now()
    lease = now + timedelta(milliseconds=500)
    (dead,) = await webhooks.claim(sending.pool, Address(DESK, "crm"), now, lease, 8)
    assert (dead.sequence, dead.attempts) == (1, 1)
    async with sending.running():
        assert set((await sending.ends(2)).values()) == {"delivered"}
    assert sending.receiver.got("crm") == [(str(ONE), 1), (str(ONE), 2)]
    async with sending.pool.acquire() as connection:  # its answer comes too late to count
        ended = webhooks.Ended("given_up", CLOCK.now(), reason="timeout")
        assert not await webhooks.record(connection, dead, ended)


async def test_two_processes_send_each_event_once(sending: Sending) -> None:
    await sending.register()
    for number in range(1, 31):
        await sending.note(UUID(int=number), 1, 2)
    async with sending.running(), sending.running():
        await sending.ends(60)
    assert sorted(sending.receiver.got("crm")) == sorted(
        (str(UUID(int=number)), each) for number in range(1, 31) for each in (1, 2)
    )


async def test_an_internal_host_is_not_called_and_a_lost_event_not_waited_for(
    sending: Sending,
) -> None:
    await sending.register()
    await sending.note(ONE, 1)
    await sending.note(TWO, 1)
    await sending.pool.execute("DELETE FROM facts WHERE ticket_id = $1", TWO)
    async with sending.running(reachable=frozenset[str]()):
        ends = await sending.ends(2)
    assert ends == {
        (str(ONE), 1): "given_up forbidden_address",
        (str(TWO), 1): "given_up erased",
    }
    assert not sending.receiver.posts


def a_record(desk: str = DESK, at: datetime | None = None, **changed: bytes | None) -> Record:
    said: dict[str, bytes | None] = {
        "ce_id": b"e-1", "ce_type": OPENED.encode(), "ce_desk": desk.encode(),
        "ce_subject": str(ONE).encode(), "ce_sequence": b"1", **changed,
    }  # fmt: skip
    headers = tuple(said.items())
    return Record("ticket.events.v1", 0, 7, b"k", b"{}", headers, at or CLOCK.now())


async def test_only_new_events_of_the_asked_types_are_noted_and_each_once(
    sending: Sending,
) -> None:
    woken: list[frozenset[Address]] = []
    feed = WebhookFeed({DESK: sending.desk}, woken.append)
    before = CLOCK.now() - timedelta(seconds=5)
    await sending.register()
    records = [
        a_record(at=before, ce_sequence=b"1"),
        a_record(ce_sequence=b"2"),
        a_record(ce_sequence=b"2"),
        a_record(ce_sequence=b"3", ce_type=b"pledge.ticket.noted.v1"),
        a_record(ce_sequence=b"4", desk="another"),
        a_record(ce_sequence=b"99999999999"),
        a_record(ce_sequence=b"x"),
        a_record(ce_subject=None),
        a_record(ce_type=b"\xff"),
    ]
    for _ in range(2):  # the topic is read again
        async with sending.pool.acquire() as connection, connection.transaction():
            outcome = await feed.learn(connection, records, CLOCK.now())
        assert [each.record for each in outcome.poison] == records[5:]
        for each in outcome.after_commit:
            each()
    expected = {(str(ONE), 2): "pending"}
    assert await sending.states() == expected
    assert await sending.states(webhook="other") == expected
    assert woken == [frozenset((Address(DESK, "crm"), Address(DESK, "other")))] * 2


# ---- the whole way ----


@asynccontextmanager
async def with_webhooks(
    kafka: KafkaSettings, dsn: str, folder: Path, receiver: WebhookReceiver
) -> AsyncIterator[Intake]:
    desks = folder / "desks"
    shutil.copytree(DESKS, desks)
    file = desks / "vircom" / "intake.yaml"
    section = (
        f"\nwebhooks:\n  - name: crm\n    url: {receiver.url}/crm?key=not-shown\n"
        "    events: [ticket.opened, ticket.resolved]\n    secrets: [new, old]\n"
    )
    file.write_text(file.read_text() + section)
    secrets = folder / "secrets.json"
    secrets.write_text(json.dumps({"vircom": {"new": NEW, "old": OLD}}))
    async with Intake(
        kafka, dsn, folder, desks=desks, webhook_secrets=secrets, reachable_hosts=["127.0.0.1"]
    ) as running:
        yield running


async def test_a_new_tickets_event_arrives_signed_as_it_was_published(
    kafka: KafkaSettings,
    database: Databases,
    tmp_path: Path,
    receiver: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with with_webhooks(kafka, database("intake"), tmp_path, receiver) as intake:
        await intake.mail(a_mail())
        (ticket,) = await intake.tickets(1)

        async def arrived() -> bool:
            return bool(receiver.posts)

        await eventually(arrived, what="the event")
        (post,) = receiver.posts
        for secret in (OLD, NEW):
            assert Checker(secret).verify(post.body, post.headers)["ticket_id"] == ticket["id"]
        headers = tuple(
            (name.replace("ce-", "ce_"), value.encode())
            for name, value in post.headers.items()
            if name.startswith("ce-")
        )
        said = {**dict(headers), "ce_desk": b"vircom", "ce_correlationid": b"any"}
        decoded = decode(tuple(said.items()), post.body)
        assert isinstance(decoded, Decoded)
        assert isinstance(decoded.event, TicketOpened)
        (opened, *_) = await intake.facts(ticket["id"])
        assert post.headers["webhook-id"] == post.headers["ce-id"] == decoded.envelope.id
        assert json.loads(post.body)["type"] == opened["type"] == OPENED
        await see_and_send_again(intake, receiver)
        await see_and_send_by_commands(intake, receiver, monkeypatch)


async def see_and_send_again(intake: Intake, receiver: WebhookReceiver) -> None:
    async with intake.http("reader") as client:
        (hook,) = (await client.get("/webhooks")).json()["items"]
        assert (hook["url"], hook["disabled_at"]) == (f"{receiver.url}/crm", None)
        (row,) = (await client.get("/webhooks/deliveries")).json()["items"]
        assert (row["event_id"], row["webhook"]) == (receiver.posts[0].headers["ce-id"], "crm")
        again = "/webhooks/vircom/crm/redeliver"
        assert (await client.post(again, json={"ids": [row["id"]]})).status_code == 403
    async with intake.http("reader", desks=["infocyte"]) as client:
        assert (await client.get("/webhooks")).json()["items"] == []
        assert (await client.get("/webhooks/deliveries")).json()["items"] == []
    async with intake.http("admin", desks=["infocyte"]) as client:
        assert (await client.post(again, json={"ids": [row["id"]]})).status_code == 404
        assert (await client.post("/webhooks/vircom/crm/enable")).status_code == 404
    async with intake.http("admin") as client:
        assert (await client.post(again, json={})).status_code == 422
        assert (await client.post("/webhooks/vircom/none/enable")).status_code == 404
        assert (await client.post("/webhooks/vircom/crm/enable")).status_code == 204

        async def is_delivered() -> bool:
            found = (await client.get("/webhooks/deliveries?state=delivered")).json()["items"]
            return [each["detail"] for each in found] == ["HTTP 204"]

        await eventually(is_delivered, what="the end")
        answer = await client.post(again, json={"ids": [row["id"]]})
        assert answer.json() == {"count": 1}

    async def came_again() -> bool:
        return len(receiver.posts) == 2

    await eventually(came_again, what="the event once more")
    assert len({each.headers["webhook-id"] for each in receiver.posts}) == 1


async def see_and_send_by_commands(
    intake: Intake, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = intake.signer.token(intake.clock.now(), roles=["admin"], desks=["vircom"])
    monkeypatch.setenv("PLEDGE_TOKEN", token)
    monkeypatch.setenv("PLEDGE_INTAKE_PUBLIC_URL", f"http://127.0.0.1:{intake.settings.http_port}")

    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words])
        # The service of the test logs to the same output, at any moment.
        return done.exit_code, f"{done.output}{done.exception or ''}"

    def parsed(said: str) -> Any:
        return json.JSONDecoder().raw_decode(said, said.index("{\n"))[0]

    code, said = await run("list", "--desk", "vircom", "--json")
    assert (code, parsed(said)["items"][0]["name"]) == (0, "crm")
    code, said = await run("list")
    assert (code, "crm" in said, "not-shown" in said) == (0, True, False)

    async def delivered() -> list[dict[str, Any]]:
        _, said = await run("deliveries", "--webhook", "crm", "--state", "delivered", "--json")
        items: list[dict[str, Any]] = parsed(said)["items"]
        return items

    # The receiver has it a moment before its end is written.
    (row,) = await eventually(delivered, what="the end of what was sent again")
    assert row["type"] == OPENED
    code, said = await run("redeliver", "vircom", "crm", "--id", str(row["id"]))
    assert (code, "1 event is sent again" in said) == (0, True)

    async def came_a_third_time() -> bool:
        return len(receiver.posts) == 3

    await eventually(came_a_third_time, what="the event, sent by a command")
    code, said = await run("redeliver", "vircom", "crm")
    assert (code, "say which: --id" in said) == (1, True)
    code, said = await run("redeliver", "vircom", "crm", "--since", "2026-01-01")
    assert (code, "0 events are sent again" in said) == (0, True)
    code, said = await run("enable", "vircom", "crm")
    assert (code, "crm gets events from now on" in said) == (0, True)
    code, said = await run("enable", "vircom", "none")
    assert (code, "there is no webhook none at the desk vircom" in said) == (1, True)
