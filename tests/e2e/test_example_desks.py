"""The two example desks: policies of other kinds, each run from its files alone.

The world starts on Wednesday 2026-03-04 at 15:00 UTC: 10:00 in New York, 16:00 in Berlin, 07:00 in
Los Angeles.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.conftest import START
from pledge.events import ObjectiveLost
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.waiting import eventually
from support.world import DESKS, Ticket, World

UNIVERSITY, PROVIDER = "university-it", "managed-services"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
async def world(kafka: KafkaSettings, database: Databases, tmp_path: Path) -> AsyncIterator[World]:
    """All services, with the example desks."""
    async with World(kafka, database, tmp_path, START, desks=DESKS / "examples") as made:
        yield made


async def command(world: World, ticket: Ticket, name: str, **body: object) -> None:
    await world.post("intake", f"/tickets/{ticket['id']}/{name}", **body)


async def test_impact_and_urgency_decide_and_business_days_count(world: World) -> None:
    ticket = await world.form(UNIVERSITY, "No network", impact="team", urgency="high")
    assert ticket["severity"] == "p2"
    assert await world.due(ticket, "first_response") == utc("2026-03-04 16:00")
    assert await world.due(ticket, "resolution") == utc("2026-03-05 15:00")

    # Only a few people have it, as triage finds: it has been a p3 from its beginning.
    await command(world, ticket, "triage", impact="few")
    assert await world.due(ticket, "first_response") == utc("2026-03-04 17:00")
    assert await world.due(ticket, "resolution") == utc("2026-03-09 15:00")


async def test_a_technician_comes_by_the_plan_of_action(world: World) -> None:
    ticket = await world.form(UNIVERSITY, "No power in room 4", impact="team", urgency="low")
    await world.advance_to(utc("2026-03-04 18:00"))  # after hours: received tomorrow
    await command(world, ticket, "assign", assignee=None, team="field")
    assert await world.due(ticket, "dispatch_plan") == utc("2026-03-06 12:00")
    await world.advance_to(utc("2026-03-06 11:30"))
    await command(world, ticket, "milestones", milestone="plan_of_action")
    assert await world.state(ticket, "dispatch_plan") == "met"
    assert await world.due(ticket, "on_site") == utc("2026-03-10 11:30")
    await world.advance_to(utc("2026-03-10 11:30"))
    assert await world.state(ticket, "on_site") == "breached"


async def test_answers_count_on_the_hours_of_the_customer(world: World) -> None:
    await world.advance_to(utc("2026-03-04 16:30"))  # 17:30 in Berlin, 08:30 in Los Angeles
    dues = {}
    for sender in ("ada@fabrikam.example", "bob@contoso.example", "eve@elsewhere.example"):
        await world.mail("support@provider.example", "Slow", sender=sender)
        ticket = await world.newest(PROVIDER)
        dues[sender] = await world.due(ticket, "first_response")
    assert dues == {
        "ada@fabrikam.example": utc("2026-03-05 08:30"),
        "bob@contoso.example": utc("2026-03-04 18:30"),
        "eve@elsewhere.example": utc("2026-03-04 18:30"),
    }


async def test_a_tier_hands_over_in_time_and_another_time_is_agreed(world: World) -> None:
    ticket = await world.form(PROVIDER, "Backup fails", impact="some", urgency="degraded")
    assert ticket["severity"] == "medium"
    await command(world, ticket, "assign", assignee=None, team="tier-1")
    assert await world.due(ticket, "tier_1") == utc("2026-03-04 17:00")
    await world.advance(timedelta(hours=1))
    await command(world, ticket, "assign", assignee=None, team="tier-2")
    assert await world.state(ticket, "tier_1") == "met"

    await command(
        world,
        ticket,
        "revise-due",
        metric="resolution",
        due_at="2026-03-14T12:00:00Z",
        why="the customer asks for the weekend",
    )
    assert await world.due(ticket, "resolution") == utc("2026-03-14 12:00")
    explained = await world.get("sla", f"/tickets/{ticket['id']}/explanation", format="json")
    assert "the customer asks for the weekend" in str(explained)


async def test_a_lost_objective_is_told_and_its_credit_waits_for_a_person(world: World) -> None:
    ticket = await world.form(PROVIDER, "Nothing works", impact="most", urgency="stopped")
    assert await world.due(ticket, "first_response") == utc("2026-03-04 15:15")
    await world.advance(timedelta(hours=1))
    assert await world.state(ticket, "first_response") == "breached"
    await command(world, ticket, "resolve")
    assert await world.due(ticket, "report") == utc("2026-03-09 15:00")  # summer time since Sunday
    await world.advance_to(utc("2026-04-01 04:30"))  # March is over in New York

    async def lost() -> list[str]:
        await world.advance(timedelta(minutes=1))
        events = await world.events("sla.events.v1")
        return [each.objective for each in events if isinstance(each, ObjectiveLost)]

    assert "answered_in_time" in await eventually(lost, what="a lost objective")
    (owed,) = [
        each
        for each in (await world.get("sla", "/credits"))["items"]
        if each["objective"] == "answered_in_time"
    ]
    assert (owed["period"], owed["owes"], owed["credit"]) == ("2026-03", 0.15, "open")
    await world.post("sla", f"/credits/{PROVIDER}/answered_in_time/2026-03", decision="confirmed")
    assert (await world.get("sla", "/credits", desk=PROVIDER))["items"] == []
    mails = [each for each in await world.arrived() if each["kind"] == "email"]
    assert any("objective lost: Answered in time" in each["subject"] for each in mails)
