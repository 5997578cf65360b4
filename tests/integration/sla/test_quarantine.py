"""A ticket that can't be worked on is set aside; everything else goes on, and it can come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from integration.sla.acme import ACME, write_acme
from integration.sla.harness import Sla, said
from integration.sla.stories import MONDAY, Story, minutes
from integration.sla.test_commands import pledge
from integration.sla.test_policy_apply import applied
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.outbox.writer import OutboxTransaction
from pledge.runtime.postgres.errors import ConnectionLost
from pledge.runtime.records import Partition
from pledge.runtime.testing import VirtualClock
from sla.storage import quarantine
from sla.timers.quarantine import QuarantineFull
from support.databases import Databases
from support.waiting import eventually

Makes = Callable[..., Sla]
# A requester that no event can name: nothing can be published of a breach.
POISON = '{"email": ["not", "an", "address"]}'


async def poison(sla: Sla, databases: Databases, *stories: Story, cure: bool = False) -> None:
    """Spoil, or mend, what is stored of the tickets' openings."""
    owner = await asyncpg.connect(databases.owner(sla.dsn))
    for story in stories:
        await owner.execute(
            "UPDATE facts SET data = jsonb_set(data::jsonb, '{requester}', $2::jsonb)::json"
            " WHERE ticket_id = $1 AND sequence = 1",
            story.ticket_id,
            '{"name": "Bea", "email": "bea@example.com"}' if cure else POISON,
        )
    await owner.close()


async def breached(sla: Sla) -> set[str]:
    return {each.envelope.subject for each in await sla.breach_events()}


async def set_aside(sla: Sla) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await sla.get("/quarantine"))["items"]
    return items


async def test_poisoned_ticket_is_set_aside_and_the_others_fire(
    make_sla: Makes, database: Databases
) -> None:
    clock = VirtualClock(MONDAY)
    bad, good, other = Story(1).opened(), Story(2).opened(), Story(3).opened(1)
    async with make_sla(clock=clock) as before:
        await before.deliver(bad, good, other)
        await poison(before, database, bad)
    async with make_sla(clock=clock) as sla:
        await sla.advance(minutes(40))
        assert await breached(sla) == {str(good.ticket_id), str(other.ticket_id)}
        (item,) = await set_aside(sla)
        assert (item["number"], item["what"]) == ("ACM-1", "wake")
        assert "requester" in item["reason"] or "email" in item["reason"]
        async with sla.http() as client:
            figures = (await client.get("/metrics")).text
        assert 'sla_quarantined_total{what="wake"} 1.0' in figures

        # Facts of it are taken in all the same, and a restart changes nothing.
        await sla.deliver(bad.noted(35).last)
        assert len(await set_aside(sla)) == 1

        await poison(sla, database, bad, cure=True)
        async with sla.http() as client:
            refused = await client.post("/quarantine/release", params={"ticket": "ACM-1"})
        assert refused.status_code == 403
        status, output = await pledge(sla, "quarantine", "list")
        assert (status, "ACM-1" in output) == (0, True)
        status, output = await pledge(sla, "quarantine", "release", "ACM-1", roles=["admin"])
        assert (status, "1 ticket(s)" in output) == (0, True)

        async def is_back() -> bool:
            return str(bad.ticket_id) in await breached(sla)

        await eventually(is_back)
        assert await set_aside(sla) == []
        assert said(await sla.breach_events(), bad) == [("breached", "first_response")]


async def test_what_fails_again_after_its_release_is_set_aside_again(
    make_sla: Makes, database: Databases
) -> None:
    clock = VirtualClock(MONDAY)
    story = Story(1).opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(story)
        await poison(before, database, story)
    async with make_sla(clock=clock) as sla:
        await sla.advance(minutes(31))
        (first,) = await set_aside(sla)
        sla.clock.advance_to(MONDAY + minutes(40))
        async with sla.http(roles=["admin"]) as client:
            answer = await client.post("/quarantine/release")
        assert answer.json() == {"released": 1}

        async def is_again() -> bool:
            items = await set_aside(sla)
            return bool(items and items[0]["since"] > first["since"])

        await eventually(is_again)


async def test_release_whose_answer_was_lost_wakes_the_ticket_all_the_same(
    make_sla: Makes, database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    story = Story(1).opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(story)
        await poison(before, database, story)
    async with make_sla(clock=clock) as sla:
        await sla.advance(minutes(31))
        assert len(await set_aside(sla)) == 1
        await poison(sla, database, story, cure=True)
        lost = lose_answers_to_releases(monkeypatch)
        async with sla.http(roles=["admin"]) as client:
            await client.post("/quarantine/release")

        async def is_back() -> bool:
            return str(story.ticket_id) in await breached(sla)

        await eventually(is_back)
        assert lost == [story.ticket_id]
        assert said(await sla.breach_events(), story) == [("breached", "first_response")]


def lose_answers_to_releases(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The connection breaks between the commit of a release and the answer; of which tickets."""
    lost: list[UUID] = []
    released: list[UUID] = []
    wake, transaction_of = quarantine.wake, Assignment.owned_transaction

    async def waking(connection: asyncpg.Connection, ticket_id: UUID, now: datetime) -> None:
        await wake(connection, ticket_id, now)
        released.append(ticket_id)

    @asynccontextmanager
    async def losing(self: Assignment, partition: Partition) -> AsyncIterator[OutboxTransaction]:
        async with transaction_of(self, partition) as transaction:
            yield transaction
        if released:
            lost.append(released.pop())
            raise ConnectionLost("asked for by the test")

    monkeypatch.setattr(quarantine, "wake", waking)
    monkeypatch.setattr(Assignment, "owned_transaction", losing)
    return lost


async def test_ticket_that_can_not_be_taken_over_keeps_its_version(
    make_sla: Makes, database: Databases, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    bad, good = Story(1).opened(), Story(2).opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(bad, good)
        await before.advance(minutes(15))
        await poison(before, database, bad)
    stricter = "applies_to: open\n" + ACME.replace(
        "{severity: p1}, within: 30m", "{severity: p1}, within: 10m"
    )
    desks = write_acme(tmp_path / "new", stricter)
    async with make_sla(clock=clock, desks=desks) as sla:
        done = await applied(sla)
        assert (done["done_tickets"], done["tickets_set_aside"]) == (2, 1)
        assert await breached(sla) == {str(good.ticket_id)}
        assert [each["what"] for each in await set_aside(sla)] == ["takeover"]

        await poison(sla, database, bad, cure=True)
        async with sla.http(roles=["admin"]) as client:
            assert (await client.post("/quarantine/release")).json() == {"released": 1}

        async def is_taken_over() -> bool:
            return str(bad.ticket_id) in await breached(sla)

        await eventually(is_taken_over)


async def test_ticket_set_aside_already_counts_once_and_still_says_that_its_timers_stand(
    make_sla: Makes, database: Databases, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    bad = Story(1).opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(bad)
        await poison(before, database, bad)
    async with make_sla(clock=clock, quarantine_limit=1) as sla:
        await sla.advance(minutes(31))
        assert [each["what"] for each in await set_aside(sla)] == ["wake"]
    stricter = "applies_to: open\n" + ACME.replace(
        "{severity: p1}, within: 30m", "{severity: p1}, within: 10m"
    )
    desks = write_acme(tmp_path / "new", stricter)
    async with make_sla(clock=clock, desks=desks, quarantine_limit=1) as sla:
        assert (await applied(sla))["tickets_set_aside"] == 1
        assert [each["what"] for each in await set_aside(sla)] == ["wake"]


async def test_service_stops_rather_than_set_everything_aside(
    make_sla: Makes, database: Databases
) -> None:
    clock = VirtualClock(MONDAY)
    stories = [Story(number).opened() for number in range(4)]
    async with make_sla(clock=clock) as before:
        await before.deliver(*stories)
        await poison(before, database, *stories)
    with pytest.raises(ExceptionGroup) as raised:
        async with make_sla(clock=clock, quarantine_limit=2) as sla:
            await sla.advance(minutes(31))
    assert raised.group_contains(QuarantineFull)
