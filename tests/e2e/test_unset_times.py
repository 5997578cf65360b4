"""A time that nobody set, as Go and .NET write it, is refused where it comes in."""

from __future__ import annotations

import json
from typing import Any

from aiokafka import ConsumerRecord

from pledge.events import (
    Authentication,
    Contact,
    FormSubmitted,
    Topic,
    dead_letter,
    encode,
    originate,
)
from pledge.runtime.records import Message
from support import topics
from support.waiting import eventually
from support.world import World

UNSET = "0001-01-01T00:00:00Z"


def a_form(world: World, delivery: str) -> Message:
    event = FormSubmitted(
        desk="vircom",
        occurred_at=world.clock.now(),
        recorded_at=world.clock.now(),
        delivery=delivery,
        conversation=delivery,
        authentication=Authentication(result="none"),
        form="case",
        requester=Contact(email="ann@contoso.example"),
        subject_line="Nothing works",
    )
    envelope = originate(event, source="/gateways/go", id=delivery)
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


def with_data(message: Message, **change: Any) -> Message:
    data = {**json.loads(message.value or b"{}"), **change}
    return message._replace(value=json.dumps(data).encode())


def with_time(message: Message, text: str) -> Message:
    headers = tuple(
        (name, text.encode() if name == "ce_time" else value) for name, value in message.headers
    )
    return message._replace(headers=headers)


async def test_time_that_nobody_set_is_a_dead_letter_with_that_reason(world: World) -> None:
    bad = [
        with_data(a_form(world, "data"), occurred_at=UNSET),
        with_data(a_form(world, "recorded"), recorded_at="9999-12-31T23:59:59Z"),
        with_data(a_form(world, "own"), fields={"outage_began": UNSET}),
        with_time(a_form(world, "header"), UNSET),
    ]
    await topics.publish(world.kafka, [*bad, a_form(world, "good")])

    async def set_aside() -> list[ConsumerRecord]:
        found = await topics.read(world.kafka, dead_letter(Topic.CHANNEL_PORTAL))
        assert len(found) == len(bad)
        return found

    for record in await eventually(set_aside):
        headers = dict(record.headers)
        assert headers["dlq_reason"] == b"instant_out_of_bounds"
        assert b"never set" in (headers["dlq_detail"] or b"")

    await world.settle()
    (ticket,) = await world.tickets("vircom")
    assert ticket["subject"] == "Nothing works"
    assert await world.breaches() == []
    assert set(await world.timers(ticket["number"]))


async def test_time_that_nobody_set_is_refused_by_every_api_and_form(world: World) -> None:
    ticket = await world.form("vircom", "Nothing works")
    who = {"name": "Ann", "email": "ann@contoso.example"}
    chat = {
        "type": "pledge.chat.message_received.v1", "desk": "vircom", "delivery": "c-1",
        "conversation": "c-1", "sender": who, "text": "Hello?",
    }  # fmt: skip
    window = {"desk": "vircom", "name": "Work", "body": "Soon", "scheduled_until": UNSET}
    posts = [
        ("intake", "/channels/chat", {**chat, "occurred_at": UNSET}),
        ("intake", "/channels/chat", {**chat, "occurred_at": 0}),
        ("intake", "/channels/chat", {**chat, "occurred_at": "0"}),
        ("intake", f"/tickets/{ticket['number']}/close", {"occurred_at": UNSET}),
        (
            "intake", "/tickets",
            {"desk": "vircom", "subject": "x", "requester": who, "occurred_at": UNSET},
        ),
        (
            "intake", "/cases",
            {"desk": "vircom", "subject": "x", "requester": who, "fields": {"began": UNSET}},
        ),
        ("status", "/maintenances", {**window, "scheduled_for": UNSET}),
        ("status", "/incidents", {"desk": "vircom", "name": "x", "body": "x", "started_at": UNSET}),
    ]  # fmt: skip
    questions = [
        ("sla", "/reports/attainment", {"desk": "vircom", "from": UNSET}),
        ("sla", "/timers", {"due_before": UNSET}),
        ("sla", "/timers", {"due_before": "9999-12-31T23:59:59Z"}),
        ("notify", "/on-call", {"at": UNSET}),
    ]
    headers = world.authorization()
    for service, path, body in posts:
        answer = await world.http.post(world.url(service) + path, json=body, headers=headers)
        assert answer.status_code == 422, (path, answer.text)
        assert "never set" in answer.text or "RFC 3339" in answer.text, (path, answer.text)
    for service, path, query in questions:
        answer = await world.http.get(world.url(service) + path, params=query, headers=headers)
        assert answer.status_code == 422, (path, answer.text)
        assert "never set" in answer.text, (path, answer.text)
    page = f"{world.url('intake')}/ticket/{ticket['id']}/propose-meeting"
    for year in ("0001-01-01T00:00", "9999-12-31T23:59", "2026-02-31T00:00"):
        times = {"starts_at": year, "ends_at": year}
        answer = await world.http.post(
            page, data=times, headers={**headers, "accept": "text/html"}, follow_redirects=False
        )
        assert answer.status_code == 422, (year, answer.text)
        assert "Starts at" in answer.text, answer.text.partition("<main")[2]
