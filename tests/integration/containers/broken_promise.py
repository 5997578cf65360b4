"""One promise that is broken, from a ticket's opening to the breach topic, on any two servers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from integration.sla.stories import Story
from pledge.events import Decoded, PromiseBreached, Topic, decode
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge_local.free_port import free_port
from sla.__main__ import serve
from sla.settings import SlaSettings
from support import topics
from support.cluster import ROOT
from support.tokens import Signer, write_jwks
from support.waiting import eventually

# The demo desk answers a critical ticket within 10 seconds; starting may take long in containers.
PATIENCE = timedelta(seconds=90)


async def breaches_of_an_unanswered_ticket(
    kafka: KafkaSettings, dsn: str, folder: Path
) -> list[PromiseBreached]:
    """What sla publishes of a critical ticket that nobody answers; dsn: a migrated database."""
    clock, stop = SystemClock(), asyncio.Event()
    settings = SlaSettings(
        dsn=dsn,
        http_port=free_port(),
        desks=ROOT / "deploy" / "desks",
        jwks=str(write_jwks(folder / "jwks.json", Signer())),
    )
    serving = asyncio.create_task(serve(settings, kafka, clock, SystemIds(clock), stop))
    try:
        story = Story(desk="demo", start=clock.now()).opened(severity="critical")
        await topics.publish(kafka, story.messages)

        async def told() -> list[PromiseBreached]:
            if serving.done():
                serving.result()
            return await _breaches(kafka)

        return await eventually(told, within=PATIENCE, what="the breach")
    finally:
        stop.set()
        await asyncio.wait_for(serving, 60)


async def _breaches(kafka: KafkaSettings) -> list[PromiseBreached]:
    records = await topics.read(kafka, Topic.SLA_BREACHES.value)
    read = [decode(record.headers, record.value) for record in records]
    events = [one.event for one in read if isinstance(one, Decoded)]
    return [event for event in events if isinstance(event, PromiseBreached)]
