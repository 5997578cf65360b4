"""The promises of SmartSimple's support desk, in virtual time.

The world starts on Wednesday 2026-03-04 at 10:00 in Toronto (15:00 UTC). Erin is the expert on
call that week.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from pledge.events import Event, PageAcknowledged, PageDelivered, PageFailed
from support.world import Ticket, World

DESK = "smartsimple"
LINE = "+15550130"
MINUTE = timedelta(minutes=1)
ERIN, TOM, MANAGER = "+15550131", "+15550132", "+15550133"
E = TypeVar("E", bound=Event)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def calls(world: World) -> list[dict[str, Any]]:
    return [each for each in await world.arrived() if each["kind"] == "call"]


async def triage(world: World, ticket: Ticket, severity: str) -> None:
    await world.post("intake", f"/tickets/{ticket['id']}/triage", severity=severity)


def said_by(events: list[Event], kind: type[E]) -> list[E]:
    return [each for each in events if isinstance(each, kind)]


@pytest.mark.promise("SMS-01", "SMS-02", "SMS-03")
async def test_a_call_on_the_critical_line_rings_until_somebody_takes_it(world: World) -> None:
    await world.advance_to(utc("2026-03-05 08:00"))  # 03:00 in Toronto
    start = world.clock.now()
    ticket = await world.call(DESK, LINE, extension="501")
    assert await world.due(ticket, "first_response") == start + 15 * MINUTE
    [first] = await calls(world)
    assert (first["to"], first["received_at"]) == (ERIN, iso(start)), "at once"
    assert ticket["number"] in first["text"]
    assert "03:00:00 EST" in first["text"], "the time is the expert's own, and names its zone"

    assert await world.pick_up(first) == [], "half asleep: who presses nothing has not taken it"
    await world.advance(5 * MINUTE)
    rings = (await calls(world))[1:]
    assert sorted(each["to"] for each in rings) == [ERIN, TOM]
    [to_erin, to_tom] = sorted(rings, key=lambda each: str(each["to"]))
    await world.hang_up(to_erin)
    [again, taken] = await world.pick_up(to_tom, keys="51")
    assert "press 1" in again
    assert taken == "Thank you. It is yours."

    # Who acts on receipt keeps the promise, and no phone rings again.
    await world.post(
        "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=True
    )
    assert await world.state(ticket, "first_response") == "met"
    await world.advance(30 * MINUTE)
    assert len(await calls(world)) == 3
    events = await world.events("notify.events.v1")
    [acknowledged] = said_by(events, PageAcknowledged)
    assert (acknowledged.by.id, acknowledged.method) == ("tom", "voice")
    assert [
        each.responder for each in said_by(events, PageDelivered) if each.method == "voice"
    ] == [
        "erin",
        "tom",
    ]
    [failed] = said_by(events, PageFailed)
    assert (failed.responder, failed.reason) == ("erin", "not_answered")


@pytest.mark.promise("SMS-01", "SMS-04")
async def test_a_voicemail_on_the_critical_line_pages_all_the_same(world: World) -> None:
    # The caller hears the instructions, reaches nobody, and leaves a message: one alarm.
    await world.call(DESK, LINE, extension="501", call_id="call-1")
    await world.voicemail(DESK, LINE, extension="501", call_id="call-1")
    assert len(await world.tickets(DESK)) == 1
    [page] = await world.pages(DESK)
    [call] = await calls(world)
    await world.pick_up(call, keys="1")
    # A message that is left after the call was taken, and one without a call that we knew of.
    await world.voicemail(DESK, LINE, extension="501", call_id="call-2")
    await world.mail("critical@smartsimple.example", "Payments are down")
    assert [each["to"] for each in await calls(world)] == [ERIN] * 3
    assert len(await world.pages(DESK)) == 3
    assert page["state"] == "triggered"


@pytest.mark.promise("SMS-01", "SMS-02", "SMS-03")
async def test_a_call_on_the_critical_line_about_a_known_ticket_is_answered_as_fast(
    world: World,
) -> None:
    ticket = await world.form(DESK, "A total is wrong")
    await world.post("intake", f"/tickets/{ticket['id']}/reply", text="We look into it.")
    await world.advance_to(utc("2026-03-05 04:00"))  # 23:00 in Toronto
    await world.call(DESK, LINE, extension="1", ticket_number=ticket["number"])
    assert not await calls(world), "a regular call wakes nobody"
    await world.call(DESK, LINE, extension="501", ticket_number=ticket["number"])
    assert len(await world.tickets(DESK)) == 1
    assert await world.due(ticket, "callback") == world.clock.now() + 15 * MINUTE
    [ring] = await calls(world)
    assert ring["to"] == ERIN
    await world.post(
        "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=True
    )
    assert await world.state(ticket, "callback") == "met"


@pytest.mark.promise("SMS-06", "SMS-07", "SMS-08")
async def test_regular_requests_have_the_regular_hours_of_every_day(world: World) -> None:
    await world.advance_to(utc("2026-03-07 23:00"))  # Saturday, 18:00 in Toronto
    ticket = await world.form(
        DESK, "A total is wrong", requester={"email": "kei@grants.example", "zone": "Asia/Tokyo"}
    )
    call = await world.call(DESK, LINE, extension="1")
    assert not await calls(world), "nobody is woken"
    # Three hours until 21:00, five from 05:00 on Sunday, when the clocks have gone ahead.
    assert await world.due(ticket, "first_response") == utc("2026-03-08 14:00")
    assert await world.due(call, "first_response") == utc("2026-03-08 14:00")
    await triage(world, call, "tier4")
    assert await world.due(call, "first_response") == utc("2026-03-09 01:00"), "Sunday's close"

    [mail] = [each for each in await world.arrived() if "kei@grants.example" in each["to"]]
    assert "Sun 8 Mar 2026, 08:00:00 JST (Asia/Tokyo)" in mail["text"]

    await world.mail(
        "support@smartsimple.example", "How do I?", sender="Kim <kim@pacific-grants.example>"
    )
    [mail] = [each for each in await world.arrived() if "kim@pacific" in each["to"]]
    assert "Sat 7 Mar 2026, 15:00:00 PST (America/Vancouver)" in mail["text"]

    page = await world.http.get(
        f"{world.url('intake')}/ticket/{call['id']}",
        headers={**world.authorization([DESK], "agent"), "accept": "text/html"},
    )
    choice = page.text.partition('/triage"')[2].partition("</form>")[0]
    for tier in ("Tier 1, emergency", "Tier 2, high", "Tier 3, medium", "Tier 4, low"):
        assert tier in choice
    assert "Critical processes are down." in choice

    # A regular channel, and an emergency after all: as fast, and somebody is called.
    await triage(world, ticket, "tier1")
    assert await world.due(ticket, "first_response") == world.clock.now() + 15 * MINUTE
    [ring] = await calls(world)
    assert ring["to"] == ERIN


@pytest.mark.promise("SMS-01", "SMS-05", "SMS-07")
async def test_the_critical_line_used_for_a_question_is_listed_as_misuse_until_a_person_decides(
    world: World,
) -> None:
    ticket = await world.call(DESK, LINE, extension="501")
    [call] = await calls(world)
    await world.advance(MINUTE)
    await triage(world, ticket, "tier4")
    [page] = await world.pages(DESK)
    assert (page["state"], page["resolution"]) == ("resolved", "misuse"), "the page ends"
    await world.hang_up(call)
    await world.advance(30 * MINUTE)
    assert len(await calls(world)) == 1
    # Thursday, 21:00 in Toronto: the regular queue's next day.
    assert await world.due(ticket, "first_response") == utc("2026-03-06 02:00")
    shown = await world.get("intake", f"/tickets/{ticket['id']}")
    assert not shown["is_urgent"]
    [mail] = [each for each in await world.arrived() if "is tier4" in each["subject"]]
    assert mail["to"] == "carla@smartsimple-staff.example"

    [listed] = (await world.get("intake", "/misuse", desk=DESK, state="recorded"))["items"]
    assert listed["number"] == ticket["number"]
    await world.post("intake", f"/tickets/{ticket['id']}/misuse", confirmed=True, why="A question.")
    assert (await world.get("intake", "/misuse", desk=DESK, state="recorded"))["items"] == []
    [listed] = (await world.get("intake", "/misuse", desk=DESK, state="confirmed"))["items"]
    assert (listed["misuse"]["decided_by"]["id"], listed["misuse"]["why"]) == (
        "maya",
        "A question.",
    )
    kinds = [each.type for each in await world.events("ticket.events.v1")]
    assert kinds[-2:] == ["pledge.ticket.misuse_recorded.v1", "pledge.ticket.misuse_decided.v1"]
    # What was rightly called in is none.
    other = await world.call(DESK, LINE, extension="501")
    await triage(world, other, "tier2")
    assert len((await world.get("intake", "/misuse", desk=DESK))["items"]) == 1
