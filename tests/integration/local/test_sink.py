"""The sink keeps what arrives, checks signatures, and fails on request."""

from __future__ import annotations

import asyncio
import base64
import json
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from pledge.runtime.auth import signing
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge_local.free_port import free_port
from pledge_local.sink.__main__ import serve
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.settings import SinkSettings
from support.waiting import eventually

SECRET = "whsec_" + base64.b64encode(b"a secret of enough bytes").decode()


@dataclass
class Sink:
    client: httpx.AsyncClient
    smtp_port: int
    folder: Path

    async def messages(self, since: int = 0) -> list[dict[str, Any]]:
        answer = await self.client.get("/messages", params={"since": since})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def page(self, name: str, delivery: str = "d1", body: object = None) -> httpx.Response:
        content = json.dumps(body or {"summary": "VIR-1 is late"})
        now = SystemClock().now()
        headers = {
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(delivery, now, content),
        }
        return await self.client.post(f"/webhooks/{name}", content=content, headers=headers)

    async def mail(self, text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "Ann <ann@desk.example>", "bob@customer.example"
        message["Subject"], message["Message-ID"] = "Grüße", "<1@desk.example>"
        message.set_content(text)
        await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
            client.send_message(message)


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    clock, stop = SystemClock(), asyncio.Event()
    signing.create(tmp_path / "token.key", SystemIds(clock))
    (tmp_path / "secrets.json").write_text(json.dumps({"oncall": SECRET}))
    settings = SinkSettings(
        jwks=str(signing.public_path(tmp_path / "token.key")),
        folder=tmp_path / "kept",
        secrets=tmp_path / "secrets.json",
        http_port=free_port(),
        smtp_port=free_port(),
    )
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9")
    serving = asyncio.create_task(serve(settings, kafka, clock, SystemIds(clock), stop))
    base = f"http://127.0.0.1:{settings.http_port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=5) as client:

        async def is_ready() -> bool:
            assert not serving.done()
            return (await client.get("/readyz")).is_success

        await eventually(is_ready)
        yield Sink(client, settings.smtp_port, settings.folder)
    stop.set()
    await serving


async def test_mail_is_kept_as_people_read_it(sink: Sink) -> None:
    await sink.mail("Alles gut.\n")
    (mail,) = await sink.messages()
    assert mail["kind"] == "email"
    assert mail["to"] == "bob@customer.example"
    assert mail["subject"] == "Grüße"
    assert mail["text"].strip() == "Alles gut."
    assert mail["delivery"] == "<1@desk.example>"
    assert "Grüße" in (await sink.client.get("/")).text
    assert "Alles gut." in (await sink.client.get("/arrivals/1")).text


async def test_signed_webhook_is_accepted_and_said_to_be_signed(sink: Sink) -> None:
    assert (await sink.page("oncall")).status_code == 204
    (page,) = await sink.messages()
    assert page["is_signed"] is True
    assert page["body"] == {"summary": "VIR-1 is late"}
    assert page["subject"] == "VIR-1 is late"


async def test_webhook_with_a_wrong_signature_is_refused(sink: Sink) -> None:
    answer = await sink.client.post("/webhooks/oncall", json={"summary": "forged"})
    assert answer.status_code == 401
    assert await sink.messages() == []


async def test_receiver_without_a_secret_takes_everything_unchecked(sink: Sink) -> None:
    assert (await sink.client.post("/webhooks/other", json={})).status_code == 204
    assert [one["is_signed"] for one in await sink.messages()] == [None]


async def test_webhook_that_is_no_json_is_refused(sink: Sink) -> None:
    assert (await sink.client.post("/webhooks/other", content=b"{")).status_code == 400


async def test_same_delivery_again_is_counted(sink: Sink) -> None:
    for _ in range(2):
        await sink.page("oncall", "same")
    assert [one["attempt"] for one in await sink.messages()] == [1, 2]


async def test_faults_end_after_their_count(sink: Sink) -> None:
    fault = {"count": 2, "answer": 503, "retry_after": 7}
    assert (await sink.client.put("/faults/oncall", json=fault)).status_code == 204
    answers = [await sink.page("oncall") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 204]
    assert answers[0].headers["retry-after"] == "7"
    assert len(await sink.messages()) == 1


async def test_answer_lost_on_its_way_back_keeps_the_message(sink: Sink) -> None:
    await sink.client.put("/faults/oncall", json={"answer": 500, "keeps": True})
    assert (await sink.page("oncall")).status_code == 500
    assert len(await sink.messages()) == 1


async def test_receiver_that_never_answers_leaves_others_alone(sink: Sink) -> None:
    await sink.client.put("/faults/slow", json={"answer": "timeout"})
    with pytest.raises(httpx.ReadTimeout):
        await sink.client.post("/webhooks/slow", json={}, timeout=0.3)
    assert (await sink.page("oncall")).status_code == 204


async def test_mail_server_refuses_on_request(sink: Sink) -> None:
    await sink.client.put("/faults/smtp", json={"count": 1, "answer": 451})
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        await sink.mail("first")
    assert refusal.value.smtp_code == 451
    await sink.mail("second")
    assert [one["text"].strip() for one in await sink.messages()] == ["second"]


async def test_since_gives_what_came_after(sink: Sink) -> None:
    for number in range(3):
        await sink.page("oncall", f"d{number}")
    assert [one["number"] for one in await sink.messages(since=1)] == [2, 3]
    answer = (await sink.client.get("/messages", params={"limit": 2})).json()
    assert answer["next"] == 2


async def test_arrivals_survive_a_restart_and_a_cut_off_line(sink: Sink) -> None:
    await sink.page("oncall")
    with (sink.folder / "arrivals.jsonl").open("a") as file:
        file.write('{"number": 2, "ki')
    again = Arrivals(sink.folder, SystemClock())
    assert [one.subject for one in again.newest_first()] == ["VIR-1 is late"]


async def test_page_of_an_arrival_that_is_not_there_is_not_found(sink: Sink) -> None:
    assert (await sink.client.get("/arrivals/99")).status_code == 404
