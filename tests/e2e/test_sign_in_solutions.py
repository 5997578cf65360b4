"""The promises of Sign In Solutions' support desk, in virtual time.

The world starts on Wednesday 2026-03-04 at 07:00 in Los Angeles, 16:00 in Berlin (15:00 UTC).
Support is open while either zone is: 07:00-16:00 UTC for Europe in winter, an hour earlier in
summer; 16:00-01:00 UTC for America in winter, an hour earlier in summer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from support.world import Ticket, World

DESK = "sign-in-solutions"
SUPPORT = "support@sign-in-solutions.example"
LINE = "+15550120"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def code_of(page: httpx.Response) -> str:
    """The code that the page's forms carry."""
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


async def a_mail(world: World, subject: str, **more: str) -> Ticket:
    await world.mail(SUPPORT, subject, **more)
    return await world.newest(DESK)


async def triage(world: World, ticket: Ticket, severity: str, **more: Any) -> None:
    await world.post("intake", f"/tickets/{ticket['id']}/triage", severity=severity, **more)


@pytest.mark.promise("SIS-01", "SIS-10")
async def test_hours_are_the_union_of_two_zones_that_change_their_clocks_on_different_days(
    world: World,
) -> None:
    async def an_hour_later(at: str) -> datetime:
        """When a serious mail that arrives at this instant is due."""
        await world.advance_to(utc(at))
        ticket = await a_mail(world, "Badges don't print")
        await triage(world, ticket, "serious")
        due = await world.due(ticket, "first_response")
        await world.post("intake", f"/tickets/{ticket['id']}/resolve", resolution="Printed.")
        return due

    # Berlin's day has ended, Los Angeles' has begun.
    assert await an_hour_later("2026-03-04 20:00") == utc("2026-03-04 21:00")
    # 16:30 in Los Angeles: half an hour is left, the rest comes when Berlin opens.
    assert await an_hour_later("2026-03-05 00:30") == utc("2026-03-05 07:30")
    # Los Angeles has changed its clocks, Berlin has not: 16:30 is an hour earlier for the world...
    assert await an_hour_later("2026-03-11 23:30") == utc("2026-03-12 07:30")
    # ... and the same instant as a week before is outside: the next business day, Los Angeles' end.
    assert await an_hour_later("2026-03-12 00:30") == utc("2026-03-13 00:00")
    # Both have changed them.
    assert await an_hour_later("2026-04-01 23:30") == utc("2026-04-02 06:30")


@pytest.mark.promise("SIS-02", "SIS-03", "SIS-05", "SIS-08", "SIS-09", "SIS-10", "SIS-11", "SIS-12")
async def test_the_earliest_of_the_channels_and_the_severitys_promise_holds(world: World) -> None:
    await world.advance(2 * HOUR)  # 09:00 in Los Angeles
    start = world.clock.now()
    today, tomorrow = utc("2026-03-05 01:00"), utc("2026-03-06 01:00")  # 17:00 in Los Angeles
    case = await world.form(DESK, "The welcome screen is blue")
    mail = await a_mail(world, "Everything is down")
    call = await world.call(DESK, LINE)
    assert call["severity"] is None, "the provider decides it, in triage"
    german = await a_mail(world, "Blau", sender="Lena <lena@rheinkontor.example>")
    european = await world.form(DESK, "Blue", requester={"zone": "Europe/Paris"})
    assert await world.due(case, "first_response") == tomorrow
    assert await world.due(mail, "first_response") == tomorrow
    assert await world.due(call, "first_response") == today, "normal alone would be tomorrow"
    assert await world.due(european, "first_response") == utc("2026-03-05 16:00")
    assert await world.due(german, "first_response") == utc("2026-03-05 16:00")

    await world.advance(10 * MINUTE)
    await triage(world, case, "serious")
    await triage(world, mail, "critical")
    await triage(world, call, "critical")
    assert await world.due(case, "first_response") == tomorrow, "online: the channel's own"
    assert await world.due(mail, "first_response") == start + HOUR, "not phoned in: as serious"
    assert await world.due(call, "first_response") == start + 15 * MINUTE, "from the beginning"

    # The sender of the mail phones: from then on it is critical, 15 minutes from the call.
    alarms = len(await world.pages(DESK))
    again = await world.call(DESK, LINE, ticket_number=mail["number"].removeprefix("SIS-"))
    assert again["number"] == european["number"], "no ticket was opened"
    assert await world.due(mail, "first_response") == start + 25 * MINUTE
    assert len(await world.pages(DESK)) == alarms + 1
    await world.post(
        "intake", f"/tickets/{mail['id']}/contact-attempts", channel="phone", reached=True
    )

    await world.advance(6 * MINUTE)
    [breach] = await world.breaches()
    assert breach.ticket_number == call["number"]
    assert breach.due_at == breach.detected_at == start + 15 * MINUTE
    assert [each["to"] for each in await world.arrived() if each["kind"] == "webhook"]


@pytest.mark.promise("SIS-06", "SIS-09", "SIS-10")
async def test_a_voicemail_at_night_is_returned_on_the_next_business_day(world: World) -> None:
    await world.advance_to(utc("2026-03-05 03:00"))  # Wednesday, 19:00 in Los Angeles
    voicemail = await world.voicemail(DESK, LINE)
    assert await world.due(voicemail, "first_response") == utc("2026-03-06 01:00")
    assert not await world.pages(DESK), "it was not said to be critical"
    await triage(world, voicemail, "serious")
    assert await world.due(voicemail, "first_response") == utc("2026-03-06 01:00")
    await triage(world, voicemail, "critical")
    assert await world.due(voicemail, "first_response") == world.clock.now() + 15 * MINUTE
    assert await world.pages(DESK), "critical by phone is a matter of minutes at night, too"
    await world.post(
        "intake", f"/tickets/{voicemail['id']}/contact-attempts", channel="phone", reached=False
    )
    assert await world.state(voicemail, "first_response") == "met"


@pytest.mark.promise("SIS-07", "SIS-08", "SIS-09")
async def test_what_was_mailed_then_phoned_pages_when_it_is_found_to_be_critical(
    world: World,
) -> None:
    await world.advance_to(utc("2026-03-05 04:00"))  # Wednesday, 20:00 in Los Angeles
    mail = await a_mail(world, "Nobody can sign in")
    other = await a_mail(world, "Nobody is notified", sender="Bo <bo@other.example>")
    await world.advance(10 * MINUTE)
    await world.call(DESK, LINE, ticket_number=mail["number"].removeprefix("SIS-"))
    called_at = world.clock.now()
    assert not await world.pages(DESK), "neither is known to be critical"
    await world.advance(3 * MINUTE)
    await triage(world, other, "critical")
    assert not await world.pages(DESK), "as serious until somebody phones"
    await triage(world, mail, "critical")
    [page] = await world.pages(DESK)
    assert page["ticket_number"] == mail["number"]
    assert await world.due(mail, "first_response") == called_at + 15 * MINUTE
    await world.advance(12 * MINUTE)
    [breach] = await world.breaches()
    assert (breach.ticket_number, breach.severity) == (mail["number"], "critical")


@pytest.mark.promise("SIS-01", "SIS-04")
async def test_chat_is_offered_in_support_hours_and_answered_where_details_were_left(
    world: World,
) -> None:
    async def widget(visitor: str = "") -> dict[str, Any]:
        found: dict[str, Any] = await world.get(
            "intake", f"/desks/{DESK}/chat", conversation=visitor
        )
        return found

    # 16:00 in Berlin: Los Angeles opens when Berlin closes.
    offer = await widget()
    assert (offer["open"], offer["closes_at"]) == (True, "2026-03-05T01:00:00.000Z")
    first = await world.chat(DESK, "v1", "The kiosk is slow")
    await world.advance(MINUTE)
    second = await world.chat(DESK, "v2", "How do I print a badge?")
    third = await world.chat(DESK, "v3", "Can I export visits?")
    assert ((await widget("v2"))["waiting"], (await widget("v2"))["ahead"]) == (3, 1)
    for ticket in (first, second, third):
        assert "first_response" not in await world.timers(ticket["number"]), "nobody to answer"

    await world.chat(DESK, "v1", "Which kiosk?", sender_kind="agent")
    assert ((await widget("v2"))["waiting"], (await widget("v2"))["ahead"]) == (2, 0)
    assert (await widget("v1"))["ahead"] is None

    # One leaves an address during the chat, one at its end, one none at all.
    await world.advance(10 * MINUTE)
    await world.chat(DESK, "v2", "I have to go", email="ada@customer.example")
    await world.chat_ended(DESK, "v2")
    await world.chat_ended(DESK, "v3", email="bo@customer.example")
    await world.chat_ended(DESK, "v1")
    assert (await widget())["waiting"] == 0
    for ticket in (second, third):
        timer = (await world.timers(ticket["number"]))["first_response"]
        assert timer["expect_at"] == "2026-03-05T01:00:00.000Z", "the same business day"
        assert timer["due_at"] == "2026-03-06T01:00:00.000Z", "at the latest the following one"
    assert "first_response" not in await world.timers(first["number"])
    assert {each["number"] for each in await world.tickets(DESK)} >= {first["number"]}, "kept"

    await world.advance_to(utc("2026-03-05 01:00"))
    offer = await widget()
    assert (offer["open"], offer["opens_at"]) == (False, "2026-03-05T07:00:00.000Z")
    assert offer["case_form"].startswith("https://help.sign-in-solutions.example/")


@pytest.mark.promise("SIS-07", "SIS-09", "SIS-13", "SIS-15")
async def test_a_critical_failure_at_night_pages_and_keeps_the_status_page_up_to_date(
    world: World,
) -> None:
    await world.advance_to(utc("2026-03-05 04:00"))  # Wednesday, 20:00 in Los Angeles
    start = world.clock.now()
    # The call says nothing yet; the messaging service hears that it is critical.
    ticket = await world.call(DESK, LINE, call_id="call-1")
    assert not await world.pages(DESK)
    await world.advance(MINUTE)
    await world.voicemail(DESK, LINE, call_id="call-1", menu_choice="1")
    [page] = await world.pages(DESK)
    assert (page["ticket_number"], page["raised_at"]) == (ticket["number"], iso(start + MINUTE))
    await world.post("notify", f"/pages/{page['id']}/acknowledge")

    case = await world.form(DESK, "Nobody can sign in")
    [mail] = [each for each in await world.arrived() if each["to"] == "ada@customer.example"]
    assert case["number"] in mail["subject"]
    assert "https://help.sign-in-solutions.example" in mail["text"]

    await world.advance(4 * MINUTE)
    await triage(world, ticket, "critical", known_incident=True, why="seen by us, too")
    assert await world.due(ticket, "first_response") == start + 15 * MINUTE
    await world.post(
        "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=True
    )
    summary = await world.get("status", f"/{DESK}/api/v2/summary.json")
    [incident] = summary["incidents"]

    async def update(**more: str) -> None:
        await world.post(
            "status", f"/incidents/{incident['id']}/updates", body="We are on it.", **more
        )

    await world.advance(29 * MINUTE)
    await update()
    await world.advance(29 * MINUTE)
    assert await world.breaches() == []
    await world.advance(MINUTE)
    [breach] = await world.breaches()
    assert (breach.metric, breach.ticket_id) == ("public_update", None)
    assert breach.severity == "critical", "that of the incident, not the desk's default"
    assert breach.due_at == breach.detected_at == start + 64 * MINUTE
    assert {each["metric"] for each in await world.pages(DESK)} >= {"public_update"}
    await update()
    await update(status="resolved")
    await world.advance(2 * HOUR)
    assert len(await world.breaches()) == 1, "what is over needs no more updates"


@pytest.mark.promise("SIS-08", "SIS-15", "SIS-16")
async def test_the_help_centre_and_the_definitions_stand_where_they_are_needed(
    world: World,
) -> None:
    ticket = await world.form(DESK, "The export stops")
    async with world.browser("intake") as browser:
        entrance = await browser.get(f"/my/{DESK}")
        form = {"email": "ada@customer.example", "csrf_token": code_of(entrance)}
        await browser.post(f"/my/{DESK}/link", data=form)
        await world.settle()
        sent = [each["text"] for each in await world.arrived() if "Sign in to" in each["subject"]]
        link = re.findall(r"http://\S+", sent[-1])[0]
        form = {
            "token": link.partition("token=")[2],
            "csrf_token": code_of(await browser.get(link)),
        }
        await browser.post(f"/my/{DESK}/enter", data=form)
        case_form = (await browser.get(f"/my/{DESK}/new")).text
        assert 'href="https://help.sign-in-solutions.example"' in case_form
        assert 'name="severity"' not in case_form, "the provider decides it"
    agent = world.authorization([DESK], "agent")
    page = await world.http.get(
        f"{world.url('intake')}/ticket/{ticket['id']}", headers={**agent, "accept": "text/html"}
    )
    triage_form = page.text.partition('/triage"')[2].partition("</form>")[0]
    for words in ("Nobody can get in", "A major function can&#39;t be used", "A label is cut off"):
        assert words in triage_form
