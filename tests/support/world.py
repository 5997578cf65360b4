"""All of Pledge in one event loop, on a clock that a test moves.

The broker, the databases, SMTP and HTTP are real; only time is not. `advance` stops at each
instant at which something is due, lets it happen and travel through all services, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import smtplib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from intake.__main__ import serve as serve_intake
from intake.settings import IntakeSettings
from notify.__main__ import serve as serve_notify
from notify.settings import NotifySettings
from pledge.events import Decoded, Event, PromiseBreached, decode
from pledge.runtime.auth import signing
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.testing import SeededIds, VirtualClock
from pledge_local.sink.__main__ import serve as serve_sink
from pledge_local.sink.settings import SinkSettings
from sla.__main__ import serve as serve_sla
from sla.settings import SlaSettings
from status.__main__ import serve as serve_status
from status.settings import StatusSettings
from support import topics
from support.asking import asker
from support.cluster import ROOT
from support.databases import Databases
from support.waiting import eventually

DESKS = ROOT / "deploy" / "desks"
SERVICES = ("intake", "sla", "notify", "status")
Ticket: TypeAlias = dict[str, Any]
"""A ticket as intake's API shows it."""
KEY = "a key for tests, long enough to be one"

# What each service still has to do by now: these, and the offsets, tell idle from waiting.
PENDING = {
    "intake": """
        SELECT least(
            (SELECT min(requested_at) FROM sign_ins
             WHERE handled_at IS NULL AND $1::timestamptz IS NOT NULL),
            (SELECT min(announce_at) FROM maintenance_windows),
            (SELECT min(due_at) FROM acknowledgements))
    """,
    "sla": "SELECT min(wake_at) FROM tickets WHERE $1::timestamptz IS NOT NULL",
    "notify": """
        SELECT least(
            (SELECT min(CASE WHEN claimed_by IS NULL THEN next_attempt_at ELSE $1 END)
             FROM deliveries WHERE state = 'pending'),
            (SELECT min(next_step_at) FROM pages))
    """,
    "status": "SELECT NULL::timestamptz WHERE $1::timestamptz IS NULL",
}
# So often must nothing be left to do, one look after the other, before it counts as quiet.
QUIET_LOOKS = 3
PATIENCE = 60.0


_PORTS = itertools.count(os.getpid() * 97 % 10_000)


def _port() -> int:
    """A port that is free, and that no connection to elsewhere gets before we listen on it: the
    system gives those from 32768 on."""
    while True:
        port = 20_000 + next(_PORTS) % 10_000
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class World:
    """Four services, a sink, and the time they live in."""

    def __init__(
        self,
        kafka: KafkaSettings,
        database: Callable[[str], str],
        folder: Path,
        start: datetime,
        desks: Path = DESKS,
    ) -> None:
        self.kafka = kafka
        self.clock = VirtualClock(start)
        self.ids = SeededIds(self.clock, seed=7)
        self.dsns = {service: database(service) for service in SERVICES}
        self.ports = {name: _port() for name in (*SERVICES, "sink", "smtp", "sink_smtp")}
        self._folder = folder
        self._desks = desks
        self._key = folder / "token.key"
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connections: dict[str, asyncpg.Connection] = {}
        self._probe: AIOKafkaConsumer | None = None
        self.http: httpx.AsyncClient

    def url(self, service: str) -> str:
        """The base URL of a service or of the sink."""
        return f"http://127.0.0.1:{self.ports[service]}"

    async def __aenter__(self) -> World:
        signing.create(self._key, self.ids)
        self.http = asker()
        self._probe = AIOKafkaConsumer(**self.kafka.client_options())
        await self._probe.start()
        for service, dsn in self.dsns.items():
            self._connections[service] = await asyncpg.connect(dsn)
        self._start()
        for name in (*SERVICES, "sink"):
            await eventually(partial(self._is_ready, name), what=f"{name} to be ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections.values():
            await connection.close()
        if self._probe is not None:
            await self._probe.stop()
        await self.http.aclose()
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    # -- acting ------------------------------------------------------------------------------

    async def mail(
        self,
        to: str,
        subject: str,
        text: str = "It does not work.",
        sender: str = "Ada Example <ada@customer.example>",
        **headers: str,
    ) -> str:
        """Send a mail by SMTP, as the world's mail servers do; gives its Message-ID."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, subject
        message["Message-ID"] = f"<{self.ids.new()}@customer.example>"
        message["Date"] = self.clock.now()
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        await asyncio.to_thread(self._submit, message)
        await self.settle()
        return str(message["Message-ID"])

    def _submit(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=30) as client:
            client.send_message(message)

    async def form(self, desk: str, subject: str, **more: Any) -> Ticket:
        """Send the desk's public form, as the page that carries it does; gives the ticket."""
        requester = {"email": "ada@customer.example", **more.pop("requester", {})}
        return await self._taken("/cases", desk, subject=subject, requester=requester, **more)

    async def call(self, desk: str, line: str, event: str = "call_received", **more: Any) -> Ticket:
        """A phone gateway's event of one call to `line`; gives the newest ticket then.

        Events of one call share `call_id`. `caller` is a number, or a whole contact.
        """
        call_id = more.pop("call_id", None) or f"call-{self.ids.new()}"
        caller = more.pop("caller", "+15550190")
        return await self._taken(
            "/channels/phone",
            desk,
            type=f"pledge.phone.{event}.v1",
            delivery=f"{call_id}/{event}",
            conversation=call_id,
            call_id=call_id,
            line=line,
            caller=caller if isinstance(caller, dict) else {"phone": caller},
            **more,
        )

    async def voicemail(self, desk: str, line: str, **more: Any) -> Ticket:
        """A voicemail, alone or after the call with the same `call_id`."""
        return await self.call(desk, line, "voicemail_left", **{"duration": 20, **more})

    async def chat(self, desk: str, visitor: str, text: str = "Hello?", **more: Any) -> Ticket:
        """A chat gateway's event: `visitor` writes. `email` leaves contact details."""
        email = more.pop("email", None)
        return await self._taken(
            "/channels/chat",
            desk,
            type="pledge.chat.message_received.v1",
            delivery=f"{visitor}/{self.ids.new()}",
            conversation=visitor,
            sender={"chat": None, "name": visitor, "email": email},
            text=text,
            has_contact_details=email is not None,
            **more,
        )

    async def chat_ended(self, desk: str, visitor: str, email: str | None = None) -> Ticket:
        """A chat gateway's event: the chat of `visitor` is over; `email` is left at its end."""
        return await self._taken(
            "/channels/chat",
            desk,
            type="pledge.chat.ended.v1",
            delivery=f"{visitor}/ended",
            conversation=visitor,
            ended_by="requester",
            requester={"email": email},
            has_contact_details=email is not None,
        )

    async def pick_up(self, call: dict[str, Any], keys: str = "") -> list[str]:
        """Answer a phone that rings, press the keys, and give what was said to each."""
        answer = await self._phone(call, "answer", digits=keys)
        said: list[str] = answer.json()["said"]
        return said

    async def hang_up(self, call: dict[str, Any], status: str = "no-answer") -> None:
        """Let a phone that rings go unanswered."""
        await self._phone(call, "hang-up", status=status)

    async def _phone(self, call: dict[str, Any], what: str, **body: str) -> httpx.Response:
        url = f"{self.url('sink')}/calls/{call['delivery']}/{what}"
        answer = await self.http.post(url, json=body)
        assert answer.is_success, answer.text
        await self.settle()
        return answer

    async def _taken(self, path: str, desk: str, **body: Any) -> Ticket:
        await self.post("intake", path, desk=desk, **body)
        return await self.newest(desk)

    async def post(self, service: str, path: str, **body: Any) -> dict[str, Any]:
        """Ask a service's API to do something, as an administrator, and let it travel."""
        answer = await self.http.post(
            self.url(service) + path, json=body, headers=self.authorization()
        )
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        await self.settle()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """What a service's API answers."""
        answer = await self.http.get(
            self.url(service) + path, params=query, headers=self.authorization()
        )
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def authorization(self, desks: list[str] | None = None, *roles: str) -> dict[str, str]:
        """A header with a token; an administrator's for all desks unless given."""
        token = signing.sign(
            self._key,
            subject="maya",
            desks=desks,
            roles=roles or ("admin",),
            now=self.clock.now(),
            lasts=timedelta(hours=1),
            ids=self.ids,
        )
        return {"Authorization": f"Bearer {token}"}

    def browser(self, service: str) -> httpx.AsyncClient:
        """A browser that keeps cookies and follows where it is sent."""
        return httpx.AsyncClient(
            base_url=self.url(service), follow_redirects=True, headers={"accept": "text/html"}
        )

    async def advance(self, duration: timedelta) -> None:
        """Let `duration` pass, each thing happening at its instant."""
        await self.advance_to(self.clock.now() + duration)

    async def advance_to(self, instant: datetime) -> None:
        """Let the time come to `instant`, each thing happening at its own."""
        await self.settle()
        while (due := await self._next_due()) is not None and due < instant:
            self.clock.advance_to(max(due, self.clock.now()))
            await self.settle()
        self.clock.advance_to(instant)
        await self.settle()

    # -- seeing ------------------------------------------------------------------------------

    async def events(self, topic: str) -> list[Event]:
        """All events on a topic, in the order of their records."""
        found = []
        for record in await topics.read(self.kafka, topic):
            decoded = decode(record.headers, record.value)
            assert isinstance(decoded, Decoded)
            found.append(decoded.event)
        return found

    async def tickets(self, desk: str) -> list[dict[str, Any]]:
        """The desk's tickets, as intake lists them."""
        answer = await self.get("intake", "/tickets", desk=desk)
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def newest(self, desk: str) -> Ticket:
        """The ticket with the highest number: ids of one instant are in no order."""
        tickets = await self.tickets(desk)
        return max(tickets, key=lambda each: int(each["number"].rpartition("-")[2]))

    async def timers(self, ticket: str) -> dict[str, dict[str, Any]]:
        """A ticket's timers by metric, the latest cycle of each."""
        states = ["running", "paused", "met", "breached", "cancelled"]
        items = (await self.get("sla", "/timers", ticket=ticket, state=states))["items"]
        return {each["metric"]: each for each in sorted(items, key=lambda each: each["cycle"])}

    async def due(self, ticket: Ticket, metric: str) -> datetime:
        """When a promise on a ticket is due."""
        return datetime.fromisoformat((await self.timers(ticket["number"]))[metric]["due_at"])

    async def state(self, ticket: Ticket, metric: str) -> str:
        """How a promise on a ticket stands: running, paused, met, breached, cancelled."""
        return str((await self.timers(ticket["number"]))[metric]["state"])

    async def breaches(self) -> list[PromiseBreached]:
        """All promises missed so far, in the order of their records."""
        found = await self.events("sla.breaches.v1")
        return [each for each in found if isinstance(each, PromiseBreached)]

    async def pages(self, desk: str) -> list[dict[str, Any]]:
        """The desk's pages, newest first."""
        items: list[dict[str, Any]] = (await self.get("notify", "/pages", desk=desk))["items"]
        return items

    async def arrived(self) -> list[dict[str, Any]]:
        """What reached the outside: mails, webhooks and calls at the sink, oldest first."""
        items = (await self.get("sink", "/messages"))["items"]
        return sorted(items, key=lambda each: each["number"])

    async def settle(self) -> None:
        """Wait, in real time, until nothing is left to do at this instant."""
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE
        quiet = 0
        while quiet < QUIET_LOOKS:
            left = await self._left_to_do()
            quiet = 0 if left else quiet + 1
            for task in self._tasks:
                if task.done() and not self._stop.is_set():
                    task.result()
            if clock.monotonic() > deadline:
                raise AssertionError(f"not quiet after {PATIENCE} s: {left}")
            await clock.sleep(timedelta(milliseconds=4))

    # -- inside ------------------------------------------------------------------------------

    async def _left_to_do(self) -> str:
        now = self.clock.now()
        for service, connection in self._connections.items():
            if await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
                return f"{service} has events to publish"
            due = await connection.fetchval(PENDING[service], now)
            if due is not None and due <= now:
                return f"{service} has something due at {due}"
            rows = await connection.fetch("SELECT topic, partition, next_offset FROM consumed")
            if self._probe is None or not rows:
                return f"{service} owns nothing yet"
            applied = {
                TopicPartition(self.kafka.topic(row["topic"]), row["partition"]): row["next_offset"]
                for row in rows
            }
            ends = await self._probe.end_offsets(list(applied))
            if behind := [part for part, end in ends.items() if applied[part] < end]:
                return f"{service} has not read {behind}"
        return ""

    async def _next_due(self) -> datetime | None:
        found = [
            await connection.fetchval(PENDING[service], self.clock.now())
            for service, connection in self._connections.items()
        ]
        return min((each for each in found if each is not None), default=None)

    async def _is_ready(self, service: str) -> bool:
        for task in self._tasks:
            if task.done():
                task.result()
        with contextlib.suppress(httpx.TransportError):
            answer = await self.http.get(self.url(service) + "/readyz")
            return answer.is_success
        return False

    def _common(self, service: str) -> dict[str, Any]:
        links = {f"{name}_public_url": self.url(name) for name in (*SERVICES, "sink")}
        return {
            "dsn": self.dsns.get(service, ""),
            "http_port": self.ports[service],
            "desks": self._desks,
            "jwks": str(signing.public_path(self._key)),
            "stop_grace": timedelta(seconds=10),
            **links,
        }

    def _start(self) -> None:
        intake = IntakeSettings(
            **self._common("intake"),
            key=KEY,
            smtp_port=self.ports["smtp"],
            blobs=str(self._folder / "blobs"),
        )
        sla = SlaSettings(**self._common("sla"))
        notify = NotifySettings(
            **self._common("notify"), key=KEY, smtp_port=self.ports["sink_smtp"]
        )
        status = StatusSettings(**self._common("status"))
        sink = SinkSettings(
            **self._common("sink"),
            smtp_port=self.ports["sink_smtp"],
            folder=self._folder / "sink",
        )
        common = (self.kafka, self.clock, self.ids, self._stop)
        for work in (
            serve_intake(intake, *common),
            serve_sla(sla, *common),
            serve_notify(notify, *common),
            serve_status(status, *common),
            serve_sink(sink, *common),
        ):
            self._tasks.append(asyncio.create_task(work))


@contextlib.asynccontextmanager
async def a_world(
    kafka: KafkaSettings, database: Databases, folder: Path, start: datetime
) -> AsyncIterator[World]:
    """A running world that starts at `start`."""
    async with World(kafka, database, folder, start) as world:
        yield world
