"""The promises of Vircom's support desk, from the mail to the page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pledge.events import PromiseBreached
from support.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def breaches(world: World) -> list[PromiseBreached]:
    found = await world.events("sla.breaches.v1")
    return [each for each in found if isinstance(each, PromiseBreached)]


@pytest.mark.promise("VIR-04")
async def test_a_p1_that_nobody_answers_is_breached_after_thirty_minutes_and_pages(
    world: World,
) -> None:
    await world.mail("support@vircom.example", "[P1] No mail flows")
    [ticket] = await world.tickets("vircom")
    start = world.clock.now()
    timers = await world.timers(ticket["number"])
    assert timers["first_response"]["state"] == "running"
    await world.advance(29 * MINUTE)
    assert await breaches(world) == []
    await world.advance(2 * MINUTE)
    [breach] = await breaches(world)
    assert breach.metric == "first_response"
    assert breach.ticket_number == ticket["number"]
    assert breach.due_at == breach.detected_at == start + 30 * MINUTE
    assert not breach.is_late
    pages = [each for each in await world.arrived() if each["kind"] == "webhook"]
    assert pages
