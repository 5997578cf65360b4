"""Whatever a provider sends, signed or not, is answered: never an exception, never a 500, and each
request to one end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from starlette.datastructures import Headers

from intake.domain.hooks import Hook, HookKind, VoiceMenu
from intake.gateways.hooks.keys import HookKeys
from intake.gateways.hooks.providers import PROVIDERS
from intake.gateways.hooks.request import (
    HookRequest,
    NotSigned,
    Unreadable,
)
from intake.gateways.hooks.routes import HookGateway
from intake.metrics import IntakeMetrics
from pledge.events import ChannelEvent, Decoded, Malformed, decode, encode, originate
from pledge.runtime.auth.twilio_signature import sign
from pledge.runtime.http import problems
from pledge.runtime.http.problems import HttpProblem
from pledge.runtime.testing import VirtualClock
from support.hooks import KEY, SLACK, STANDARD, TOKEN, TWILIO, by_slack, by_standard, by_teams
from unit.intake.builders import a_desk
from unit.intake.gateways.builders import HOOK_URL, NOW, a_context

KINDS: Sequence[HookKind] = tuple(PROVIDERS)
VOICE = VoiceMenu("Hello.", "Speak.", "Bye.", menu="Press 1.")
SECRETS: dict[HookKind, str] = {
    "slack": SLACK, "mattermost": TOKEN, "teams": KEY, "webhook": STANDARD,
    "twilio_sms": TWILIO, "twilio_voice": TWILIO, "cti": TOKEN,
}  # fmt: skip
NAMES = st.sampled_from(
    [
        "type", "event", "text", "user", "ts", "thread_ts", "channel", "subtype", "message", "data",
        "previous_message", "bot_id", "files", "attachments", "name", "event_id", "team_id", "id",
        "challenge", "command", "trigger_id", "conversation", "from", "timestamp", "textFormat",
        "sender", "call_id", "line", "caller", "duration", "token", "post_id", "channel_id",
        "MessageSid", "Body", "From", "To", "CallSid", "Digits", "CallStatus", "RecordingUrl",
        "RecordingDuration", "TranscriptionText", "OptOutType", "MediaUrl0", "callId", "user[]",
        "direction", "occurred_at", "sender_kind", "attachments", "waited_for", "answered_by",
    ]
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        [
            "event_callback", "message", "url_verification", "message_changed", "message_deleted",
            "pledge.chat.message_received.v1", "pledge.chat.ended.v1", "newCall", "answer",
            "pledge.phone.call_received.v1", "pledge.phone.voicemail_left.v1", "hangup", "STOP",
            "completed", "absent", "C111", "+15550110", "501", "1796083200.000200", "1" * 400,
            "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-12-01T07:59:00+00:00", "-1",
            "<@U1|x> <https://a.example|b> &amp;", "<at>x</at> <b>y", "\ud800", "\0", "P1D", "",
        ]
    ),
    st.text(max_size=40),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(
        WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.integers(10**400, 10**401)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=6)
    ),
    max_leaves=12,
)  # fmt: skip
FIELDS = st.dictionaries(NAMES, VALUES, max_size=12)
JSON_BODIES = FIELDS.map(lambda fields: json.dumps(fields).encode("utf-8", "surrogatepass"))
FORMS = st.dictionaries(NAMES, WORDS, max_size=14).map(
    lambda fields: urlencode(fields, errors="replace").encode()
)
BODIES = st.one_of(JSON_BODIES, FORMS, st.binary(max_size=200), st.just(b"[" * 2_000))
TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "", "a/b; charset=x"]
)
STEPS = st.sampled_from(["", "menu", "voicemail", "recording", "transcription", "status", "x"])
QUERIES = st.sampled_from(["", "extension=501&choice=1", "a=%FF&&=", "&" * 500, "token=x"])


def is_an_event_for_everybody(event: ChannelEvent) -> bool:
    """Whether every consumer can read the event, or the gateway says that it is none."""
    try:
        record = encode(event, originate(event, source="/test", id="1"))
    except Malformed:
        return False
    decoded = decode(list(record.headers), record.value)
    return isinstance(decoded, Decoded) and decoded.event == event


@given(
    kind=st.sampled_from(KINDS), body=BODIES, content_type=TYPES, step=STEPS, query=QUERIES,
    in_channels=st.booleans(),
)  # fmt: skip
@settings(max_examples=600, deadline=None)
def test_what_is_signed_is_read_or_unreadable(
    kind: HookKind, body: bytes, content_type: str, step: str, query: str, *, in_channels: bool
) -> None:
    request = HookRequest(
        HOOK_URL, Headers({"content-type": content_type, "webhook-id": "m"}), query, body, step, NOW
    )
    channels = frozenset({"C111"}) if in_channels else frozenset()
    context = a_context(kind, VOICE if kind == "twilio_voice" else None, channels=channels)
    try:
        taken = PROVIDERS[kind].read(request, context)
    except Unreadable:
        return
    taken.answer.content.encode()
    assert bool(taken.events) == (taken.end == "accepted")
    for event in taken.events:
        assert (event.desk, event.authentication.result) == (context.desk.id, "passed")
        assert event.delivery.startswith("hook:")
        assert event.occurred_at <= NOW
        assert is_an_event_for_everybody(event)


@given(
    kind=st.sampled_from(KINDS), body=BODIES, content_type=TYPES, query=QUERIES,
    names=st.lists(st.binary(max_size=60), min_size=6, max_size=6),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_what_is_not_signed_is_refused(
    kind: HookKind, body: bytes, content_type: str, query: str, names: list[bytes]
) -> None:
    headers = (
        "x-slack-signature", "x-slack-request-timestamp", "authorization", "webhook-id",
        "webhook-signature", "x-twilio-signature",
    )  # fmt: skip
    raw = [(name.encode(), value) for name, value in zip(headers, names, strict=True)]
    raw.append((b"content-type", content_type.encode()))
    request = HookRequest(HOOK_URL, Headers(raw=raw), query, body, "", NOW)
    with pytest.raises(NotSigned):
        PROVIDERS[kind].verify(request, [SECRETS[kind]])


class Kafka:
    """Stands for Kafka: keeps what it is given; every third event it does not take."""

    def __init__(self) -> None:
        self.offered = 0
        self.taken: list[ChannelEvent] = []

    async def take(self, event: ChannelEvent) -> None:
        self.offered += 1
        if self.offered % 3 == 0:
            raise HttpProblem(503, "Kafka does not answer")
        if not is_an_event_for_everybody(event):
            raise HttpProblem(422, "this can't be an event")
        self.taken.append(event)


def signed(kind: HookKind, body: bytes, content_type: str, url: str) -> dict[str, str]:
    """The headers of a request, signed where a signature stands in headers."""
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if b"%" in body else {}
    headers: dict[str, str] = {"content-type": content_type}
    match kind:
        case "slack":
            return {**headers, **by_slack(body, NOW), **headers}
        case "teams":
            return {**headers, **by_teams(body), **headers}
        case "webhook":
            return {**headers, **by_standard(body, NOW), **headers}
        case "twilio_sms" | "twilio_voice":
            return {**headers, "x-twilio-signature": sign(TWILIO, url, form)}
        case "cti" | "mattermost":
            return {**headers, "authorization": f"Bearer {TOKEN}"}


REQUESTS = st.tuples(
    st.sampled_from(KINDS), BODIES, TYPES, STEPS, QUERIES, st.sampled_from(["right", "wrong"])
)


def app_of(kafka: Kafka, registry: CollectorRegistry) -> FastAPI:
    """The routes as the service has them."""
    hooks = {
        kind: Hook(kind, kind, ("s",), voice=VOICE if kind == "twilio_voice" else None)
        for kind in KINDS
    }
    gateway = HookGateway(
        {"vircom": a_desk(hooks=hooks)},
        HookKeys({("vircom", kind): [SECRETS[kind]] for kind in KINDS}),
        kafka.take,
        public_url="https://pledge.example",
        max_bytes=1_500,
        clock=VirtualClock(NOW),
        metrics=IntakeMetrics(registry),
    )
    app = FastAPI()
    problems.install(app)
    app.include_router(gateway.router)
    return app


@given(requests=st.lists(REQUESTS, max_size=6))
@settings(max_examples=150, deadline=None)
def test_every_request_comes_to_one_end_and_none_is_our_fault(requests: list[Any]) -> None:
    kafka, registry = Kafka(), CollectorRegistry()
    transport = httpx.ASGITransport(app_of(kafka, registry))

    async def send() -> list[int]:
        statuses = []
        async with httpx.AsyncClient(
            transport=transport, base_url="https://pledge.example"
        ) as client:
            for kind, body, content_type, step, query, signature in requests:
                url = f"/hooks/vircom/{kind}" + (f"/{step}" if step else "")
                url += f"?{query}" if query else ""
                headers = signed(kind, body, content_type, f"https://pledge.example{url}")
                if signature == "wrong":
                    headers = {"content-type": content_type}
                    url = url.replace("token=x", "")
                statuses.append((await client.post(url, content=body, headers=headers)).status_code)
        return statuses

    statuses = asyncio.run(send())
    assert set(statuses) <= {200, 400, 401, 413, 422, 503}
    for (_, _, _, _, _, signature), status in zip(requests, statuses, strict=True):
        assert signature == "right" or status in {401, 413}
    ends = [
        sample
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "intake_hook_requests_total"
    ]
    assert sum(each.value for each in ends) == len(requests)
    assert all(each.labels["end"] != "failed" for each in ends)
    accepted = sum(each.value for each in ends if each.labels["end"] == "accepted")
    assert accepted <= len(kafka.taken), "what is accepted is on Kafka"
