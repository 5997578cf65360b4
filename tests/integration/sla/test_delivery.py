"""What the bus does to a service: duplicates, other orders, lag, restarts, two owners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from integration.sla.harness import Sla, said
from integration.sla.stories import MONDAY, Story, minutes
from integration.sla.test_timers import Desk
from pledge.events import PromiseBreached
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message
from pledge.runtime.testing import VirtualClock
from support import topics
from support.databases import Databases
from support.waiting import eventually

Makes = Callable[..., Sla]


async def output_of(sla: Sla) -> dict[bytes, list[tuple[str, bytes]]]:
    """Per ticket, the ids and types of all that was published, in order."""
    found: dict[bytes, list[tuple[str, bytes]]] = {}
    for topic in ("sla.events.v1", "sla.breaches.v1"):
        for record in await topics.read(sla.kafka, topic):
            headers = dict(record.headers)
            found.setdefault(record.key, []).append((headers["ce_id"].decode(), headers["ce_type"]))
    return found


def some_stories() -> list[Story]:
    return [
        Story(1).opened().noted(1).attempted(5).resolved(40),
        Story(2).opened(severity="p2").triaged(3, "p1").attempted(20),
        Story(3).opened().waiting(5).noted(6),
    ]


async def test_duplicates_change_nothing(sla: Sla) -> None:
    stories = some_stories()
    await sla.deliver(*stories)
    once = await output_of(sla)
    await sla.deliver(*stories, *[story.last for story in stories])
    assert await output_of(sla) == once


async def test_output_does_not_depend_on_how_records_are_mixed_or_batched(
    database: Databases, tmp_path: Path
) -> None:
    """The same records one by one, in pairs, in sevens, at once, and ticket after ticket."""
    stories = some_stories()
    mixed = [
        each.messages[number]
        for number in range(4)
        for each in stories
        if number < len(each.messages)
    ]
    by_ticket = [message for each in stories for message in each.messages]
    outputs = []
    for messages, size in ((mixed, 1), (mixed, 2), (mixed, 7), (mixed, 100), (by_ticket, 3)):
        pool = await open_pool(database("sla"), application_name="test", size=2)
        async with pool:
            desk = Desk(pool, tmp_path, VirtualClock(MONDAY + timedelta(hours=1)))
            for start in range(0, len(messages), size):
                await desk.take_batch(messages[start : start + size])
            outputs.append(await written(pool))
    assert all(each == outputs[0] for each in outputs)
    assert sum(len(each) for each in outputs[0].values()) > len(mixed)


async def written(pool: asyncpg.Pool) -> dict[bytes, list[tuple[str, bytes, bytes]]]:
    """Per ticket, id, type and data of all that waits to be published, in order."""
    found: dict[bytes, list[tuple[str, bytes, bytes]]] = {}
    for row in await pool.fetch("SELECT * FROM outbox ORDER BY id"):
        headers = dict(zip(row["header_names"], row["header_values"], strict=True))
        event = headers["ce_id"].decode(), headers["ce_type"], row["value"]
        found.setdefault(row["key"], []).append(event)
    return found


async def test_a_fact_that_was_a_dead_letter_counts_once_when_it_is_replayed(sla: Sla) -> None:
    story = Story(1).opened().attempted(5).noted(6).noted(7)
    opened, attempted, *rest = story.messages
    bad = Message(attempted.topic, attempted.key, b"no json", attempted.headers)
    await sla.deliver(opened, bad, *rest)
    assert await _states(sla, "first_response") == ["running"]

    await sla.deliver(attempted)
    assert await _states(sla, "first_response") == ["met"]
    once = await output_of(sla)
    await sla.deliver(*story.messages)
    assert await output_of(sla) == once
    facts = await sla.connection.fetch("SELECT sequence FROM facts ORDER BY sequence")
    assert [row["sequence"] for row in facts] == [1, 2, 3, 4]
    assert await sla.connection.fetchval("SELECT sequence FROM tickets") == 4


async def _states(sla: Sla, metric: str) -> list[str]:
    rows = await sla.connection.fetch("SELECT state FROM timers WHERE metric = $1", metric)
    return [row["state"] for row in rows]


async def test_event_of_an_unknown_ticket_is_a_dead_letter(sla: Sla) -> None:
    lost = Story(9).opened().noted(1)
    await sla.publish(lost.last, Story(10).opened())

    async def has_letter() -> bool:
        return len(await topics.read(sla.kafka, "ticket.events.v1.dlq")) == 1

    await eventually(has_letter)
    assert len((await sla.get("/timers"))["items"]) == 2


async def test_poison_is_kept_and_its_neighbours_are_handled(sla: Sla) -> None:
    good = Story(1).opened()
    key = good.last.key
    await sla.publish(
        Message("ticket.events.v1", key, b"no json", good.last.headers),
        Message("ticket.events.v1", key, b"{}", ()),
        good,
    )

    async def has_letters() -> bool:
        return len(await topics.read(sla.kafka, "ticket.events.v1.dlq")) == 2

    await eventually(has_letters)
    await sla.settled()
    assert len((await sla.get("/timers"))["items"]) == 2


async def test_timers_that_came_due_while_it_was_down_fire_once_and_late(make_sla: Makes) -> None:
    clock = VirtualClock(MONDAY)
    story = Story().opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(story)
    clock.advance_to(MONDAY + timedelta(hours=3))
    async with make_sla(clock=clock) as after:
        await after.settled()
        (breach,) = [each.event for each in await after.breach_events()]
        assert isinstance(breach, PromiseBreached)
        assert breach.due_at == story.start + minutes(30)
        assert breach.detected_at == MONDAY + timedelta(hours=3)
        assert breach.is_late


async def test_reply_that_waited_on_the_bus_prevents_the_breach(make_sla: Makes) -> None:
    """The service was down over the due instant; the reply was given in time."""
    clock = VirtualClock(MONDAY)
    story = Story().opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(story)
    await before.publish(story.attempted(10).last)
    clock.advance_to(MONDAY + timedelta(hours=3))
    async with make_sla(clock=clock) as after:
        await after.settled()
        assert await after.breach_events() == []
        assert ("met", "first_response") in said(await after.timer_events(), story)


async def test_crash_in_the_middle_loses_nothing_and_doubles_nothing(make_sla: Makes) -> None:
    clock = VirtualClock(MONDAY)
    stories = [Story(number).opened().attempted(5) for number in range(200)]
    first = make_sla(clock=clock)
    async with first:
        await first.publish(*stories[:100])
        await asyncio.sleep(0)  # noqa: TID251 - lets it begin, no more
        await first.kill()
        first.stop.set()
        first.serving = asyncio.create_task(asyncio.sleep(0))  # noqa: TID251
    async with make_sla(clock=clock) as second:
        await second.publish(*stories[100:])
        await second.settled()
        await second.advance(minutes(60))
        assert await second.breach_events() == []
        events = await second.timer_events()
        assert said(events).count(("met", "first_response")) == 200
        assert len({each.envelope.id for each in events}) == 600


@pytest.mark.parametrize("lost", ["consumed"])
async def test_former_owner_writes_nothing(sla: Sla, lost: str) -> None:
    """Somebody else claims the partitions behind the service's back."""
    story = Story().opened()
    await sla.deliver(story)
    await sla.connection.execute("UPDATE consumed SET epoch = epoch + 1")
    sla.clock.advance_to(MONDAY + minutes(45))
    await sla.publish(story.noted(44).last)

    async def is_fenced() -> bool:
        async with sla.http() as client:
            text = (await client.get("/metrics")).text
        return any(
            line.startswith("pledge_consumer_fenced_total") and not line.endswith(" 0.0")
            for line in text.splitlines()
        )

    await eventually(is_fenced)
    assert await sla.breach_events() == []
    assert await sla.connection.fetchval("SELECT count(*) FROM facts") == 1
