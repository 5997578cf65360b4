"""A running intake service, and what tests do to it from the outside: mail, HTTP, events."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from pydantic import SecretStr

from intake.__main__ import serve
from intake.domain.reply_address import ReplyAddresses
from intake.settings import IntakeSettings
from pledge.events import (
    CHANNEL_TOPICS,
    ChannelEvent,
    Contact,
    Decoded,
    Event,
    TicketEvent,
    Topic,
    decode,
    encode,
    originate,
)
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message
from pledge_local.free_port import free_port
from support import topics
from support.asking import asker
from support.cluster import ROOT
from support.tokens import Signer, write_jwks
from support.waiting import eventually

KEY = "a secret of thirty-two characters"
DESKS = ROOT / "deploy" / "desks"


class Intake:
    """One running instance. Use as an async context manager."""

    ready_path = "/readyz"

    def __init__(self, kafka: KafkaSettings, dsn: str, folder: Path, **settings: Any) -> None:
        self.kafka = kafka
        self.clock = SystemClock()
        self.ids = SystemIds(self.clock)
        self.signer = Signer()
        self.settings = IntakeSettings(
            **{
                "dsn": dsn,
                "jwks": str(write_jwks(folder / "jwks.json", self.signer)),
                "desks": DESKS,
                "key": SecretStr(KEY),
                "http_port": free_port(),
                "smtp_port": free_port(),
                "intake_public_url": "http://intake.example",
                "blobs": str(folder / "blobs"),
                **settings,
            }
        )
        self.addresses = ReplyAddresses(LinkSigner([KEY.encode()]))
        self.pool: asyncpg.Pool
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None]

    async def __aenter__(self) -> Intake:
        self.pool = await open_pool(self.settings.dsn, application_name="intake-test", size=8)
        self._serving = asyncio.create_task(
            serve(self.settings, self.kafka, self.clock, self.ids, self._stop)
        )
        await eventually(self._is_ready, what="intake being ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        try:
            await asyncio.wait_for(self._serving, 30)
        finally:
            await self.pool.close()

    async def _is_ready(self) -> bool:
        if self._serving.done():
            self._serving.result()
        try:
            async with self.http() as client:
                return (await client.get(self.ready_path)).status_code == 200
        except httpx.HTTPError:
            return False

    # -- from the outside --------------------------------------------------------------------

    def http(self, *roles: str, desks: Any = "*", **options: Any) -> httpx.AsyncClient:
        headers = dict(options.pop("headers", {}))
        if roles:
            token = self.signer.token(self.clock.now(), roles=list(roles), desks=desks)
            headers["authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{self.settings.http_port}"
        return asker(url, headers=headers, **options)

    async def mail(
        self, message: EmailMessage | bytes, *to: str, sender: str = "ann@contoso.example"
    ) -> dict[str, tuple[int, bytes]]:
        """Send by SMTP; the recipients that were refused."""
        raw = message if isinstance(message, bytes) else message.as_bytes()
        recipients = list(to) or ["support@vircom.example"]

        def send() -> dict[str, tuple[int, bytes]]:
            with smtplib.SMTP("127.0.0.1", self.settings.smtp_port, timeout=20) as client:
                return client.sendmail(sender, recipients, raw)

        return await asyncio.to_thread(send)

    async def publish(self, *events: ChannelEvent) -> None:
        """Write channel events on the bus, as a gateway does."""
        await topics.publish(self.kafka, [self.message(event) for event in events])

    def message(self, event: Event) -> Message:
        encoded = encode(event, originate(event, source="/test", id=str(self.ids.new())))
        return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)

    # -- what came of it ---------------------------------------------------------------------

    async def tickets(self, count: int, **parameters: Any) -> list[dict[str, Any]]:
        """All tickets, oldest first, once there are so many and everything published was read."""
        await eventually(self._has_read_all, what="reading all channel events")

        async def probe() -> list[dict[str, Any]]:
            async with self.http("reader") as client:
                answer = await client.get("/tickets", params={"limit": 200, **parameters})
            items: list[dict[str, Any]] = answer.json()["items"]
            assert len(items) == count, [each["subject"] for each in items]
            return items[::-1] or [{}]

        found = await eventually(probe, what=f"{count} tickets")
        return found if count else []

    async def _has_read_all(self) -> bool:
        return await topics.is_read(self.kafka, self.pool, CHANNEL_TOPICS)

    async def handled_sign_ins(self) -> None:
        """Wait until every link that was asked for is mailed, or is not to be."""

        async def are_handled() -> bool:
            return not await self.pool.fetchval(
                "SELECT count(*) FROM sign_ins WHERE handled_at IS NULL"
            )

        await eventually(are_handled, what="the links being mailed")

    async def facts(self, ticket: str) -> list[dict[str, Any]]:
        """The facts of a ticket, in order."""
        async with self.http("reader") as client:
            answer = await client.get(f"/tickets/{ticket}/facts")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def types(self, ticket: str) -> list[str]:
        """The facts' types without vendor and version."""
        return [short(each["type"]) for each in await self.facts(ticket)]

    async def recorded(self, ticket: str, *types: str) -> None:
        """Wait until these, and no others, are the ticket's facts."""

        async def are_there() -> bool:
            found = await self.types(ticket)
            assert found == list(types)
            return True

        await eventually(are_there, what=f"recording {', '.join(types)}")

    async def published(self) -> list[Decoded]:
        """All ticket events on the bus, partition by partition, once the outbox is empty."""

        async def drained() -> bool:
            return not await self.pool.fetchval("SELECT count(*) FROM outbox")

        await eventually(drained, what="publishing")
        found = []
        for record in await topics.read(self.kafka, Topic.TICKET_EVENTS):
            decoded = decode(record.headers, record.value)
            assert isinstance(decoded, Decoded)
            assert isinstance(decoded.event, TicketEvent)
            found.append(decoded)
        return found


def short(type_name: str) -> str:
    """`opened` for `pledge.ticket.opened.v1`."""
    return type_name.removeprefix("pledge.ticket.").removesuffix(".v1")


def a_mail(
    subject: str = "No mail flow",
    text: str = "Nothing comes in since nine.",
    *,
    sender: str = "Ann <ann@contoso.example>",
    to: str = "support@vircom.example",
    message_id: str | None = "<one@contoso.example>",
    references: Sequence[str] = (),
    **headers: str,
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Sat, 21 Nov 2026 10:00:00 +0000"
    if message_id:
        message["Message-ID"] = message_id
    if references:
        message["References"] = " ".join(references)
        message["In-Reply-To"] = references[-1]
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


ANN = Contact(name="Ann", email="ann@contoso.example")
