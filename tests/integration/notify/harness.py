"""A running notify, and the people's side of it: a real HTTP receiver and a real mail server."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from notify.__main__ import serve
from notify.settings import NotifySettings
from pledge.events import (
    Contact,
    Event,
    PromiseBreached,
    TicketOpened,
    Unknown,
    decode,
    encode,
    originate,
)
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings, variable_of
from pledge.runtime.http.server import HttpServer
from pledge.runtime.ids import SystemIds
from pledge.runtime.records import Message
from pledge_local.free_port import free_port
from pledge_local.processes import Child
from support import topics
from support.asking import asker
from support.tokens import Signer, write_jwks
from support.waiting import eventually

KEY = "a key that is long enough to be one, for tests only"
DESK = "demo"
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)

DESK_FILE = """\
title: Demo support
zone: Europe/Berlin
sender: support@demo.example
own_addresses: [support@demo.example]
late_after: 10s
mail_brake: {mails: 3, within: 1h}
people:
  anna: {name: Anna Adler, email: anna@demo.example}
rotations:
  first: {people: [anna], period: weekly, first_day: 2026-01-05, hand_off: 09:00}
receivers:
  pager: {url: "${SINK_URL}/webhooks/pager"}
  slow: {url: "${SINK_URL}/webhooks/slow"}
escalations:
  on-call:
    steps:
      - {notify: receiver:pager, wait: 60s}
      - {notify: person:anna, wait: 60s}
  quick:
    steps:
      - {notify: receiver:pager, wait: 1s}
      - {notify: person:anna, wait: 60s}
  to-slow:
    steps: [{notify: receiver:slow, wait: 60s}]
routes:
  - name: acknowledge
    when: {event: ticket.opened}
    email: {to: requester, template: acknowledgement}
  - name: page
    when: {event: promise.breached, severity: critical}
    page: on-call
  - name: page-quickly
    when: {event: promise.breached, severity: quick}
    page: quick
  - name: warn
    when: {event: timer.at_risk}
    chat: {receiver: pager, template: at-risk}
  - name: page-the-slow
    when: {event: promise.breached, severity: slow}
    page: to-slow
templates:
  at-risk: {en: {subject: at risk, text: "{{ ticket.number }} {{ metric }} {{ due_at }}"}}
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One POST that the receiver got."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Takes webhooks, and orders for phone calls. `answers` are the statuses of the next ones;
    then it always succeeds."""

    calls: list[Call] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)
    url: str = ""
    _server: HttpServer | None = None
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        app = FastAPI()

        @app.post("/webhooks/{name}")
        async def take(name: str, request: Request) -> Response:
            body = await request.body()
            self.calls.append(Call(name, dict(request.headers), body))
            status = self.answers.pop(0) if self.answers else 204
            if name in self.hold:
                await self.hold[name].wait()
            return Response(status_code=status)

        @app.post("/2010-04-01/Accounts/{account}/Calls.json")
        async def ring(account: str, request: Request) -> Response:
            self.calls.append(Call("phone", dict(request.headers), await request.body()))
            status = self.answers.pop(0) if self.answers else 201
            return JSONResponse({"sid": "CA1", "status": "queued"}, status)

        self._server = HttpServer(app, "127.0.0.1", 0, grace=timedelta(seconds=1))
        self.url = f"http://127.0.0.1:{self._server.listen()}"
        self._task = asyncio.create_task(self._server.run())

    async def stop(self) -> None:
        for gate in self.hold.values():
            gate.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def pages(self, name: str = "pager") -> list[Call]:
        return [call for call in self.calls if call.name == name]


class Mailbox:
    """Takes every mail that is sent to it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuse: str | None = None
        self.sessions = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        def factory() -> SMTP:
            self.sessions += 1
            return SMTP(self, hostname="sink.test")

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(factory, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 taken"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()


class Notify:
    """One instance of the service; `start` and `stop` as often as wanted."""

    def __init__(
        self, kafka: KafkaSettings, dsn: str, folder: Path, receiver: Receiver, mailbox: Mailbox
    ) -> None:
        self.kafka = kafka
        self.dsn = dsn
        self.signer = Signer()
        self.url = ""
        desk = folder / "desks" / DESK
        desk.mkdir(parents=True, exist_ok=True)
        self.desk_file = desk / "notify.yaml"
        self.desk_file.write_text(DESK_FILE, encoding="utf-8")
        self._settings: dict[str, Any] = {
            "dsn": dsn,
            "desks": folder / "desks",
            "jwks": str(write_jwks(folder / "jwks.json", self.signer)),
            "key": KEY,
            "smtp_host": "127.0.0.1",
            "smtp_port": mailbox.port,
            "sink_public_url": receiver.url,
            "retry_first_wait": timedelta(milliseconds=50),
            "retry_longest_wait": timedelta(milliseconds=200),
            "stop_grace": timedelta(seconds=20),
        }
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = folder / "notify.log"
        self._process: Child | None = None

    async def start(self, **changes: Any) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        values = {**self._settings, "http_port": port, "notify_public_url": self.url, **changes}
        self._stop = asyncio.Event()
        settings = NotifySettings.model_validate(values)
        self._task = asyncio.create_task(serve(settings, self.kafka, CLOCK, IDS, self._stop))
        await eventually(self._is_ready, what="notify is ready")

    async def _is_ready(self) -> bool:
        if self._task is not None and self._task.done():
            self._task.result()
        if self._process is not None and self._process.exit_code() is not None:
            raise RuntimeError("the process has ended:\n" + "\n".join(self._process.last_lines()))
        async with asker() as client:
            try:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

    async def stop(self) -> None:
        if self._process is not None:
            self.kill_process()
        self._stop.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def start_process(self) -> None:
        """Start it as a process of its own, to be killed."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        values = {
            **self._settings,
            "http_port": port,
            "notify_public_url": self.url,
            "stop_grace": 5,
            "retry_first_wait": 0.05,
            "retry_longest_wait": 0.2,
        }
        environment = {
            variable_of(NotifySettings, name): str(value) for name, value in values.items()
        }
        environment |= {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.kafka.topic_prefix,
            "KAFKA_SESSION_TIMEOUT": "6",
            "KAFKA_HEARTBEAT_INTERVAL": "1",
        }
        self._process = Child(
            "notify",
            [sys.executable, "-m", "notify"],
            self._log,
            environment={**os.environ, **environment},
        )
        await eventually(self._is_ready, what="the process is ready")

    def kill_process(self) -> None:
        """kill -9: no last word."""
        assert self._process is not None
        self._process.kill()
        self._process = None

    async def publish(self, *events: Event, sequence: int = 1) -> None:
        await topics.publish(self.kafka, [a_message(event, sequence) for event in events])

    async def request(
        self,
        method: str,
        path: str,
        roles: Sequence[str] = ("admin",),
        *,
        claims: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        token = self.signer.token(CLOCK.now(), **{"roles": list(roles), **(claims or {})})
        all_headers = {"authorization": f"Bearer {token}", **(headers or {})}
        async with asker() as client:
            return await client.request(method, self.url + path, headers=all_headers, **options)

    async def get(self, path: str, **params: Any) -> list[dict[str, Any]]:
        answer = await self.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def keeps_nowhere(self, secret: str) -> None:
        """Check that the secret stands in no row and no event of ours."""
        connection = await asyncpg.connect(self.dsn)
        try:
            for table in ("deliveries", "pages"):
                query = f"SELECT count(*) FROM {table} AS one WHERE strpos(one::text, $1) > 0"
                assert await connection.fetchval(query, secret) == 0, table
        finally:
            await connection.close()
        for record in await topics.read(self.kafka, "notify.events.v1"):
            assert secret.encode() not in (record.value or b"")

    async def events(self, *kinds: type[Event]) -> list[Event]:
        """What notify has published, of these kinds, in order per subject."""
        found: list[Event] = []
        for record in await topics.read(self.kafka, "notify.events.v1"):
            decoded = decode(record.headers, record.value)
            assert not isinstance(decoded, Unknown)
            if not kinds or isinstance(decoded.event, kinds):
                found.append(decoded.event)
        return found


def a_message(event: Event, sequence: int = 1) -> Message:
    envelope = originate(event, source="/test", id=str(IDS.new()), sequence=sequence)
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


def a_breach(
    *,
    severity: str = "critical",
    ticket_id: UUID | None = None,
    ago: timedelta = timedelta(0),
    number: str = "DEMO-1",
    **changes: Any,
) -> PromiseBreached:
    due = CLOCK.now() - ago
    return PromiseBreached(
        desk=DESK,
        occurred_at=due,
        recorded_at=due,
        ticket_id=ticket_id or IDS.new(),
        severity=severity,
        metric="first_response",
        target="5 seconds",
        due_at=due,
        policy_version="1",
        breach_id=IDS.new(),
        ticket_number=number,
        subject_line="Mail is down",
        requester=Contact(name="Rita", email="rita@customer.example"),
        channel="email",
        breached_at=due,
        detected_at=due,
        **changes,
    )


def a_ticket(
    *, ticket_id: UUID | None = None, requester: Contact | None = None, **changes: Any
) -> TicketOpened:
    now = CLOCK.now()
    values: dict[str, Any] = {
        "subject_line": "Mail is down",
        "channel": "email",
        "severity": "critical",
        "reply_to": "support+t1@demo.example",
        **changes,
    }
    return TicketOpened(
        desk=DESK,
        occurred_at=now,
        recorded_at=now,
        ticket_id=ticket_id or IDS.new(),
        number="DEMO-1",
        requester=requester
        or Contact(name="Rita", email="rita@customer.example", zone="Asia/Tokyo"),
        **values,
    )


Probe = Callable[[], bool]


async def until(probe: Probe, what: str) -> None:
    """Wait until the probe holds."""

    async def holds() -> bool:
        return probe()

    await eventually(holds, what=what)
