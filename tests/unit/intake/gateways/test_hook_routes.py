"""What a provider is answered by the hooks' routes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from intake.domain.hooks import Hook, HookKind
from intake.gateways.hooks.keys import HookKeys
from intake.gateways.hooks.routes import HookGateway
from intake.gateways.hooks.slack import Slack
from intake.metrics import IntakeMetrics
from pledge.events import ChannelEvent
from pledge.runtime.http import problems
from pledge.runtime.testing import VirtualClock
from support.hooks import SLACK, TWILIO, body_of, by_slack, by_twilio, form_of, slack_event
from unit.intake.builders import a_desk
from unit.intake.gateways.builders import NOW


class Bus:
    """Stands for Kafka: takes an event when it is let."""

    def __init__(self) -> None:
        self.may_take = asyncio.Event()
        self.taken: list[ChannelEvent] = []

    async def take(self, event: ChannelEvent) -> None:
        await self.may_take.wait()
        self.taken.append(event)


async def post(
    bus: Bus, kind: HookKind, body: bytes, headers: dict[str, str], public_url: str | None = None
) -> tuple[httpx.Response, dict[str, float]]:
    registry = CollectorRegistry()
    gateway = HookGateway(
        {"vircom": a_desk(hooks={"hook": Hook("hook", kind, ("secret",))})},
        HookKeys({("vircom", "hook"): [SLACK, TWILIO]}),
        bus.take,
        public_url=public_url,
        max_bytes=100_000,
        clock=VirtualClock(NOW),
        metrics=IntakeMetrics(registry),
    )
    app = FastAPI()
    problems.install(app)
    app.include_router(gateway.router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://inside"
    ) as client:
        answer = await client.post("/hooks/vircom/hook", content=body, headers=headers)
    ends = {
        each.labels["end"]: each.value
        for family in registry.collect()
        for each in family.samples
        if each.name == "intake_hook_requests_total"
    }
    return answer, ends


async def test_a_provider_is_answered_in_time_though_kafka_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Slack, "answers_within", timedelta(milliseconds=50))
    bus, body = Bus(), body_of(slack_event())
    late, ends = await post(bus, "slack", body, by_slack(body, NOW))
    assert (late.status_code, late.headers["retry-after"], ends) == (503, "5", {"deferred": 1})
    bus.may_take.set()
    taken, ends = await post(bus, "slack", body, by_slack(body, NOW))
    assert (taken.status_code, len(bus.taken), ends) == (200, 1, {"accepted": 1})


async def test_twilio_signs_the_public_address_and_is_asked_to_wait_where_it_is_unknown() -> None:
    bus = Bus()
    bus.may_take.set()
    form = {"MessageSid": "SM1", "From": "+15550199", "To": "+15550110", "Body": "No mail"}
    headers = by_twilio("https://pledge.example/hooks/vircom/hook", form)
    body = form_of(form)
    answer, _ = await post(bus, "twilio_sms", body, headers, "https://pledge.example")
    assert (answer.status_code, len(bus.taken)) == (200, 1)
    inside, _ = await post(bus, "twilio_sms", body, headers, "http://inside")
    assert inside.status_code == 401
    unknown, ends = await post(bus, "twilio_sms", body, headers, None)
    assert (unknown.status_code, ends) == (503, {"deferred": 1})
