"""The status service in this process, on the real broker and database."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import asyncpg
import httpx

from pledge.events import (
    Actor,
    BreachRetracted,
    Contact,
    Decoded,
    Event,
    LinkedToIncident,
    PromiseBreached,
    TicketOpened,
    Triaged,
    decode,
    encode,
    originate,
)
from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.records import Message
from pledge_local.free_port import free_port
from pledge_local.postgres import short_temporary_folder
from status.__main__ import serve
from status.settings import StatusSettings
from support import topics
from support.asking import asker
from support.tokens import Signer, write_jwks
from support.waiting import eventually

SOCKET = ".s.PGSQL.5432"
IDS = SystemIds(SystemClock())

ACME = """\
desk: acme
page:
  name: Acme
  zone: America/Toronto
  host: status.acme.example
components:
  - key: web
    name: Web
    components:
      - {key: portal, name: Portal}
      - {key: search, name: Search}
  - {key: mail, name: Mail}
open_incident_when:
  - key: confirmed
    any_of: [ticket_confirmed]
    severities: [critical]
    incident:
      name: Mail is not delivered
      message: We know <b>about</b> it.
      components: {mail: major_outage}
  - key: linked
    any_of: [ticket_linked]
    severities: [critical]
    incident:
      name: A known problem
      message: We know.
      components: {portal: partial_outage}
  - key: broken
    any_of: [promise_broken]
    severities: [urgent]
    metrics: [first_response]
    incident:
      name: Slow answers
      message: We are late.
      impact: minor
update_every: 30m
"""
BOLT = "page: {name: Bolt}\ncomponents: [{key: app, name: App}]\n"


class Ticket:
    """The events of one ticket, counted per topic as its services do."""

    def __init__(self, desk: str = "acme", number: str = "ACM-1") -> None:
        self.desk, self.number = desk, number
        self.id = IDS.new()
        self._counts: dict[str, int] = {}

    def opened(self, severity: str | None = None) -> Message:
        return self._message(
            TicketOpened(
                **self._common(), channel="email", requester=Contact(name="Ada"), severity=severity
            )
        )

    def triaged(self, severity: str = "critical", *, known: bool = True) -> Message:
        by = Actor(kind="agent", id="bob")
        return self._message(
            Triaged(**self._common(), severity=severity, by=by, known_incident=known)
        )

    def linked(self, incident: UUID) -> Message:
        by = Actor(kind="agent", id="bob")
        return self._message(LinkedToIncident(**self._common(), incident_id=incident, by=by))

    def broken(
        self,
        metric: str = "first_response",
        severity: str = "urgent",
        *,
        is_provisional: bool = False,
    ) -> Message:
        self.breach = PromiseBreached(
            **self._promise(metric, severity), is_provisional=is_provisional
        )
        return self._message(self.breach)

    def taken_back(self) -> Message:
        """The retraction of the breach that was told last."""
        fields = dict(self.breach)
        del fields["type"]
        at = SystemClock().now()
        return self._message(BreachRetracted(**fields, reason="severity_changed", retracted_at=at))

    def retracted(self, metric: str = "first_response", severity: str = "urgent") -> Message:
        at = SystemClock().now()
        promise = self._promise(metric, severity)
        return self._message(BreachRetracted(**promise, reason="late_fact", retracted_at=at))

    def _promise(self, metric: str, severity: str) -> dict[str, Any]:
        common = self._common()
        del common["number"]
        at = common["occurred_at"]
        return {
            **common,
            "breach_id": IDS.new(),
            "ticket_number": self.number,
            "severity": severity,
            "metric": metric,
            "target": "15 minutes",
            "policy_version": "1",
            "due_at": at,
            "breached_at": at,
            "detected_at": at,
        }

    def _common(self) -> dict[str, Any]:
        at = SystemClock().now()
        return {
            "desk": self.desk,
            "occurred_at": at,
            "recorded_at": at,
            "ticket_id": self.id,
            "number": self.number,
        }

    def _message(self, event: Event) -> Message:
        count = self._counts[event.TOPIC] = self._counts.get(event.TOPIC, 0) + 1
        envelope = originate(event, source="/test", id=str(IDS.new()), sequence=count)
        encoded = encode(event, envelope)
        return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


class Status:
    """One running instance. Use as an async context manager."""

    def __init__(
        self,
        kafka: KafkaSettings,
        dsn: str,
        folder: Path,
        *,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        self.kafka, self.dsn, self.folder = kafka, dsn, folder
        self.clock = clock or SystemClock()
        self.signer = Signer()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.settings = StatusSettings(
            dsn=dsn,
            http_port=port,
            desks=_write_desks(folder / "desks"),
            jwks=str(write_jwks(folder / "jwks.json", self.signer)),
            status_public_url=self.url,
            **settings,
        )
        self.stop = asyncio.Event()

    async def __aenter__(self) -> Status:
        self.connection = await asyncpg.connect(self.dsn)
        self.serving = asyncio.create_task(
            serve(self.settings, self.kafka, self.clock, SystemIds(self.clock), self.stop)
        )
        await eventually(self._is_ready, what="the service's readiness")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        try:
            if not self.serving.cancelled():
                await asyncio.wait_for(self.serving, 30)
        finally:
            await self.connection.close()

    async def kill(self) -> None:
        """End it as a crash would: nothing is finished."""
        self.serving.cancel()
        with suppress(asyncio.CancelledError):
            await self.serving

    async def has_begun(self) -> bool:
        """Whether any fact was applied."""
        return bool(await self.connection.fetchval("SELECT EXISTS (SELECT FROM reports)"))

    async def publish(self, *messages: Message) -> None:
        await topics.publish(self.kafka, messages)

    async def publish_and_settle(self, *messages: Message) -> None:
        """Publish, and wait until all is consumed and the outbox is empty."""
        await self.publish(*messages)
        await eventually(self._is_settled, what="coming to rest")

    async def _is_settled(self) -> bool:
        self._fail_if_ended()
        ends = 0
        for topic in ("ticket.events.v1", "sla.breaches.v1"):
            ends += len(await topics.read(self.kafka, topic))
        return bool(
            await self.connection.fetchval(
                "SELECT (SELECT coalesce(sum(next_offset), 0) FROM consumed) >= $1"
                " AND NOT EXISTS (SELECT FROM outbox)",
                ends,
            )
        )

    async def _is_ready(self) -> bool:
        self._fail_if_ended()
        try:
            async with self.public() as client:
                return (await client.get("/readyz")).is_success
        except httpx.HTTPError:
            return False

    def _fail_if_ended(self) -> None:
        if self.serving.done():
            self.serving.result()
            raise AssertionError("the service ended by itself")

    def public(self) -> httpx.AsyncClient:
        """A client of somebody from the street."""
        return asker(self.url)

    def staff(self, *roles: str, desks: Sequence[str] = ("acme",)) -> httpx.AsyncClient:
        """A client with a token, by default of a publisher of acme."""
        token = self.signer.token(
            self.clock.now(), desks=list(desks), roles=list(roles or ["publisher"])
        )
        headers = {"authorization": f"Bearer {token}"}
        return asker(self.url, headers=headers)

    async def summary(self, desk: str = "acme") -> Any:
        async with self.public() as client:
            answer = await client.get(f"/{desk}/api/v2/summary.json")
            answer.raise_for_status()
            return answer.json()

    async def incidents(self) -> list[dict[str, Any]]:
        async with self.staff() as client:
            answer = await client.get("/incidents")
            answer.raise_for_status()
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

    async def events(self) -> list[Decoded]:
        found = []
        for record in await topics.read(self.kafka, "status.events.v1"):
            decoded = decode(record.headers, record.value)
            assert isinstance(decoded, Decoded)
            found.append(decoded)
        return found


class Gate:
    """A way to the database server that can be shut, as if the server were gone."""

    def __init__(self, dsn: str) -> None:
        front, _, folder = dsn.partition("?host=")
        self._real = Path(unquote(folder)) / SOCKET
        # A socket's path is short by law; a test's folder is not.
        self._folder = Path(tempfile.mkdtemp(prefix="gate", dir=short_temporary_folder()))
        self.dsn = f"{front}?host={self._folder}"
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Gate:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()
        shutil.rmtree(self._folder)

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._pass, self._folder / SOCKET)

    async def shut(self) -> None:
        """Refuse everybody and cut who is connected."""
        if self._server is not None:
            self._server.close()
            (self._folder / SOCKET).unlink(missing_ok=True)
        for writer in list(self._pipes):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._real)
        ends = {writer, inner_writer}
        self._pipes |= ends
        try:
            await asyncio.wait(
                {
                    asyncio.create_task(_pump(reader, inner_writer)),
                    asyncio.create_task(_pump(inner_reader, writer)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._pipes -= ends
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def names(events: Sequence[Decoded]) -> list[str]:
    return sorted(each.event.type.removeprefix("pledge.") for each in events)


def an_incident(**changes: Any) -> dict[str, Any]:
    return {
        "desk": "acme",
        "name": "Search is slow",
        "body": "We are looking into it.",
        "components": {"search": "degraded_performance"},
        **changes,
    }


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _write_desks(folder: Path) -> Path:
    for desk, text in (("acme", ACME), ("bolt", BOLT)):
        (folder / desk).mkdir(parents=True, exist_ok=True)
        (folder / desk / "status.yaml").write_text(text, encoding="utf-8")
    return folder
