"""Pages by phone: what the provider is sent, and what it may report."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import parse_qs
from uuid import UUID

import httpx
import pytest

from integration.notify.harness import Notify, Receiver, a_breach, until
from pledge.events import PageAcknowledged, PageDelivered, PageFailed, PageSent
from pledge.runtime.auth.twilio_signature import sign
from support.waiting import eventually

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "a token of this desk alone"
OTHER = {"account": "AC" + "0" * 31 + "2", "token": "the token of another desk"}


@pytest.fixture
async def calling(notify: Notify, receiver: Receiver) -> Notify:
    """The service, with a desk that calls Anna."""
    text = notify.desk_file.read_text(encoding="utf-8")
    text = text.replace(
        "anna: {name: Anna Adler, email: anna@demo.example}",
        'anna: {name: Anna Adler, phone: "+15550142", methods: [voice]}',
    ).replace("notify: receiver:pager, wait: 60s", "notify: person:anna, wait: 60s")
    notify.desk_file.write_text(text + 'voice: {from: "+15550140"}\n', encoding="utf-8")
    own = {"account": ACCOUNT, "token": TOKEN}
    await notify.start(voice_url=receiver.url, voice_accounts={"demo": own, "other": OTHER})
    return notify


async def report(url: str, form: Mapping[str, str], token: str | None = TOKEN) -> httpx.Response:
    """A request of the provider, or of somebody who forges one."""
    fields = {name: [value] for name, value in form.items()}
    headers = {} if token is None else {"x-twilio-signature": sign(token, url, fields)}
    async with httpx.AsyncClient() as client:
        return await client.post(url, data=dict(form), headers=headers)


async def test_a_call_is_ordered_with_the_desks_own_account_and_again_after_a_refusal(
    calling: Notify, receiver: Receiver
) -> None:
    receiver.answers = [429, 503]
    await calling.publish(a_breach())
    await until(lambda: len(receiver.pages("phone")) == 3, "the call is ordered")

    order = receiver.pages("phone")[-1]
    credentials = order.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(credentials).decode() == f"{ACCOUNT}:{TOKEN}"
    form = parse_qs(order.body.decode())
    assert (form["To"], form["From"]) == (["+15550142"], ["+15550140"])
    assert form["StatusCallbackEvent"] == ["ringing", "answered", "completed"]
    assert "DEMO-1" in form["Twiml"][0]

    async def sent() -> list[object]:
        return [*await calling.events(PageSent)]

    (event,) = await eventually(sent)
    assert isinstance(event, PageSent)
    assert (event.method, event.responder, event.provider_id) == ("voice", "anna", "CA1")


async def test_only_the_desks_own_provider_may_speak_of_its_calls(
    calling: Notify, receiver: Receiver
) -> None:
    await calling.publish(a_breach())
    await until(lambda: bool(receiver.pages("phone")), "the call is ordered")
    form = parse_qs(receiver.pages("phone")[0].body.decode())
    status = form["StatusCallback"][0]
    key = status.replace("/status", "/key")
    pressed = {"CallSid": "CA1", "CallStatus": "in-progress", "Digits": "1"}

    assert (await report(key, pressed, None)).status_code == 403
    assert (await report(key, pressed, OTHER["token"])).status_code == 403
    assert (
        await report(key.replace("/demo/", "/other/"), pressed, OTHER["token"])
    ).status_code == 404
    elsewhere = key.replace(key.split("/")[-2], str(UUID(int=1)))
    assert (await report(elsewhere, pressed)).status_code == 404
    (page,) = await calling.get("/pages")
    assert page["state"] == "triggered"

    missed = {"CallSid": "CA1", "CallStatus": "busy"}
    for _ in range(2):  # the provider repeats itself
        assert (await report(status, missed)).status_code == 204
    assert (await report(status, {"CallSid": "CA1", "CallStatus": "ringing"})).status_code == 204
    assert (await report(status, {**pressed, "CallSid": "CA2"})).status_code == 204
    again = await report(key, {**pressed, "Digits": "7"})
    assert "press 1" in again.text
    taken = await report(key, pressed)
    assert taken.headers["content-type"].startswith("text/xml")
    assert "It is yours" in taken.text

    async def is_published() -> bool:
        return len(await calling.events(PageAcknowledged, PageDelivered, PageFailed)) == 3

    await eventually(is_published, what="the events are published")
    (failed,) = await calling.events(PageFailed)
    assert isinstance(failed, PageFailed)
    assert (failed.reason, failed.is_permanent) == ("busy", True)
    (acknowledged,) = await calling.events(PageAcknowledged)
    assert isinstance(acknowledged, PageAcknowledged)
    assert (acknowledged.by.id, acknowledged.method) == ("anna", "voice")
    answer = await calling.request("GET", f"/pages/{page['id']}")
    assert {each["call"] for each in answer.json()["deliveries"]} <= {"busy", "answered"}
