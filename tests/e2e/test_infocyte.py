"""The promises of Infocyte's support desk, from the request to the clock, in virtual time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pledge.events import InformationRequested, Resolved, WorkaroundProvided
from support.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SUPPORT = "support@infocyte.example"
# The world starts on Wednesday 2026-03-04 at 15:00 UTC, which is 10:00 in the desk's fixed zone.
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
FORM = {"Pledge-Form-Key": "infocyte-public-form-key"}
COMPLETE = {
    "product": "Hunt",
    "product_version": "3.2, build 17",
    "operating_system": "Windows Server 2022",
}
FAULT = "Surveys of all hosts fail since this morning with a timeout after ten minutes."
COMPLETE_MAIL = f"Product: Hunt 3.2, build 17\nOS: Windows 11\n\n{FAULT}"
FABRIKAM = "Finn Fabri <finn@fabrikam.example>"
CONTOSO = "Cora Contoso <cora@contoso-security.example>"


async def newest(world: World) -> dict[str, Any]:
    """The ticket opened last: by its number, since several open in the same instant here."""
    return max(
        await world.tickets("infocyte"), key=lambda each: int(each["number"].rpartition("-")[2])
    )


async def file(world: World, email: str = "finn@fabrikam.example", **case: Any) -> dict[str, Any]:
    """The ticket that a case of the portal opens."""
    body = {
        "desk": "infocyte",
        "subject": "Surveys fail",
        "text": FAULT,
        "requester": {"email": email, "name": "Finn"},
        "fields": COMPLETE,
        **case,
    }
    answer = await world.http.post(world.url("intake") + "/cases", json=body, headers=FORM)
    assert answer.is_success, answer.text
    await world.settle()
    return await newest(world)


async def write(world: World, text: str, sender: str = FABRIKAM) -> dict[str, Any]:
    """The ticket that a mail opens."""
    await world.mail(SUPPORT, "Surveys fail", text, sender)
    return await newest(world)


async def ticket_now(world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await world.get("intake", f"/tickets/{ticket['id']}")
    return found


async def timer(world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    return (await world.timers(ticket["number"]))["first_response"]


async def due(world: World, ticket: dict[str, Any]) -> datetime:
    return datetime.fromisoformat((await timer(world, ticket))["due_at"])


async def mails_to(world: World, address: str) -> list[dict[str, Any]]:
    return [each for each in await world.arrived() if address in str(each.get("to"))]


@pytest.mark.promise("INF-05", "INF-06")
async def test_the_clock_waits_for_what_is_missing_and_starts_with_the_reply_that_completes_it(
    world: World,
) -> None:
    ticket = await write(world, f"Severity: 2\n\n{FAULT}")
    assert ticket["missing"] == ["product", "product_version", "operating_system"]
    assert "first_response" not in await world.timers(ticket["number"])
    [question] = await mails_to(world, "finn@fabrikam.example")
    assert ticket["number"] in question["subject"]
    text = str(question)
    assert "name of the product" in text
    assert "operating system with its version" in text
    assert "what happens" not in text, "only what is missing is asked for"
    # An answer that tells a part of it is asked for the rest, and nothing but the rest.
    await world.advance(20 * MINUTE)
    await world.mail(ticket["reply_to"], "Re: Surveys fail", "Product: Hunt 3.2", FABRIKAM)
    assert (await ticket_now(world, ticket))["missing"] == ["operating_system"]
    [_, rest] = await mails_to(world, "finn@fabrikam.example")
    assert "name of the product" not in str(rest)
    # One that tells nothing new is not asked again: two machines would write for ever.
    await world.mail(ticket["reply_to"], "Re: Surveys fail", "We look it up.", FABRIKAM)
    assert len(await mails_to(world, "finn@fabrikam.example")) == 2
    assert "first_response" not in await world.timers(ticket["number"])
    await world.advance(40 * MINUTE)
    await world.mail(ticket["reply_to"], "Re: Surveys fail", "> OS: \nOS: Windows 11", FABRIKAM)
    completed = await ticket_now(world, ticket)
    assert completed["missing"] == []
    assert completed["information"]["operating_system"] == "Windows 11"
    assert completed["information"]["product"] == "Hunt 3.2"
    assert await due(world, ticket) == START + 1 * HOUR + 4 * HOUR, "severity 2, from then on"
    asked = [
        each
        for each in await world.events("ticket.events.v1")
        if isinstance(each, InformationRequested)
    ]
    assert [each.missing for each in asked] == [
        ("product", "product_version", "operating_system"),
        ("operating_system",),
    ]


@pytest.mark.promise("INF-01", "INF-02", "INF-03", "INF-04", "INF-07", "INF-14")
async def test_a_request_of_the_portal_from_its_filing_to_the_next_release(world: World) -> None:
    ticket = await file(world, severity="2", priority="high")
    assert (ticket["severity"], ticket["priority"]) == ("s2", "high")
    assert await due(world, ticket) == START + 4 * HOUR
    [reply] = await mails_to(world, "finn@fabrikam.example")
    assert ticket["number"] in reply["subject"]
    assert "severity s2" in str(reply)
    # "We got it" is no initial response; after assessment an engineer lowers the severity.
    await world.advance(HOUR)
    at = f"/tickets/{ticket['id']}"
    await world.post("intake", f"{at}/reply", text="We have your request.")
    assert (await timer(world, ticket))["state"] == "running"
    await world.post(
        "intake", f"{at}/triage", severity="s3", priority="normal", why="one group of hosts only"
    )
    assert await due(world, ticket) == START + timedelta(days=1), "eight hours of 09:00 to 17:00"
    changed = await ticket_now(world, ticket)
    assert (changed["severity"], changed["requested_severity"]) == ("s3", "s2")
    assert (changed["priority"], changed["requested_priority"]) == ("normal", "high")
    assert changed["assessed_by"]["id"] == "maya"
    assert changed["assessed_why"] == "one group of hosts only"
    page = await world.http.get(
        world.url("intake") + f"/ticket/{ticket['id']}", headers=world.authorization()
    )
    assert "the requester chose s2, high" in page.text
    assert "changed by maya: one group of hosts only" in page.text
    # The customer moves to a plan round the clock: the hour that has passed counts as it did.
    await world.advance(HOUR)
    await world.post("intake", "/customers/Fabrikam/plan", desk="infocyte", plan="command")
    assert (await ticket_now(world, ticket))["plan"] == "command"
    assert await due(world, ticket) == START + 8 * HOUR, "seven hours are left, day and night"
    later = await file(world, severity="2")
    assert later["plan"] == "command", "new requests have the plan as well"
    assert await due(world, later) == START + 6 * HOUR
    await world.post("intake", f"{at}/plan", plan="enlist")
    await world.advance(10 * MINUTE)
    await world.post("intake", f"{at}/plan", plan="patrol")
    # What can be done about the fault is recorded with the severity, and does not end the clock.
    await world.post("intake", f"{at}/workaround", circumvention="circumvention", text="Rescan.")
    assert (await ticket_now(world, ticket))["circumvention"] == "circumvention"
    [recorded] = [
        each
        for each in await world.events("ticket.events.v1")
        if isinstance(each, WorkaroundProvided)
    ]
    assert (recorded.circumvention, recorded.severity) == ("circumvention", "s3")
    await world.post(
        "intake", f"{at}/reply", text="A pool is too small; a fix comes.", is_initial_response=True
    )
    assert (await timer(world, ticket))["state"] == "met"
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "running"
    await world.post(
        "intake", f"{at}/resolve", resolution="Larger pool.", fixed_in_release=True, release="3.3"
    )
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "met"
    [resolved] = [
        each for each in await world.events("ticket.events.v1") if isinstance(each, Resolved)
    ]
    assert (resolved.fixed_in_release, resolved.release) == (True, "3.3")


@pytest.mark.promise("INF-02", "INF-05", "INF-07")
async def test_each_severity_and_plan_has_its_time_and_weekends_count_only_round_the_clock(
    world: World,
) -> None:
    await world.advance_to(datetime(2026, 3, 6, 21, 30, tzinfo=UTC))  # Friday, 16:30 at the desk
    evening = world.clock.now()
    for severity, hours in (("s1", 1), ("s2", 4), ("s3", 8)):
        command = await file(world, "cora@contoso-security.example", severity=severity)
        assert await due(world, command) == evening + hours * HOUR, "round the clock for Command"
    # Half an hour is left of the week for Enlist, and the Assessment tier counts as Enlist does. On
    # Monday it is summer time elsewhere: the desk's fixed zone knows none.
    for email in ("finn@fabrikam.example", "tess@tailspin.example"):
        first = await file(world, email, severity="s1")
        assert await due(world, first) == datetime(2026, 3, 9, 14, 30, tzinfo=UTC)
    assert await due(world, await file(world, severity="s2")) == datetime(
        2026, 3, 9, 17, 30, tzinfo=UTC
    )
    # Severity 4 is expected in 24 hours of three more days, and not promised.
    mild = await timer(world, await file(world, severity="s4"))
    assert mild["due_at"] is None
    assert datetime.fromisoformat(mild["expect_at"]) == datetime(2026, 3, 11, 21, 30, tzinfo=UTC)
    await world.advance_to(datetime(2026, 3, 7, 18, 0, tzinfo=UTC))
    weekend = await file(world, severity="s1")
    assert await due(world, weekend) == datetime(2026, 3, 9, 15, 0, tzinfo=UTC), "Monday, ten"


@pytest.mark.promise("INF-05", "INF-06")
async def test_a_severity_1_pages_and_an_earlier_number_is_owed_while_the_clock_waits(
    world: World,
) -> None:
    ticket = await write(world, f"Severity: 1\n\n{FAULT}", CONTOSO)
    assert (ticket["severity"], ticket["requested_severity"]) == ("s1", "s1")
    assert ticket["missing"]
    assert "first_response" not in await world.timers(ticket["number"])
    assert [each for each in await world.arrived() if each["kind"] == "webhook"]
    # Who says that it was reported before owes the number it had.
    first = await file(world, severity="s3")
    again = await file(world, severity="s3", fields={**COMPLETE, "reported_before": "yes"})
    assert again["missing"] == ["earlier_reference"]
    told = {**COMPLETE, "reported_before": "yes", "earlier_reference": first["number"]}
    complete = await file(world, severity="s3", fields=told)
    assert complete["missing"] == []
    assert complete["information"]["earlier_reference"] == first["number"]


def browser(world: World) -> httpx.AsyncClient:
    """A browser that keeps cookies and follows where it is sent."""
    return httpx.AsyncClient(
        base_url=world.url("intake"), follow_redirects=True, headers={"accept": "text/html"}
    )


def code_of(page: httpx.Response) -> str:
    """The code that the page's forms carry."""
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


async def link_of(world: World, email: str) -> str:
    """Ask for a link as this address does, and read it in the mail."""
    async with browser(world) as client:
        page = await client.get("/my/infocyte")
        form = {"email": email, "csrf_token": code_of(page)}
        asked = await client.post("/my/infocyte/link", data=form)
        assert "a mail with a link is on its way" in asked.text
    await world.settle()
    mails = [each for each in await mails_to(world, email) if "Sign in" in each["subject"]]
    return re.findall(r"http://\S+", mails[-1]["text"])[0] if mails else ""


@pytest.mark.promise("INF-08")
async def test_mail_chat_and_portal_are_one_history_that_only_its_requester_sees(
    world: World,
) -> None:
    mailed = await write(world, COMPLETE_MAIL)
    chat = {
        "type": "pledge.chat.message_received.v1",
        "desk": "infocyte",
        "delivery": "c1",
        "conversation": "visit-1",
        "sender": {"name": "Finn", "email": "finn@fabrikam.example"},
        "text": f"Product: Hunt 3.2\nOS: Windows 11\nSeverity: 3\n{FAULT}",
        "has_contact_details": True,
    }
    await world.post("intake", "/channels/chat", **chat)
    chatted = await newest(world)
    assert (chatted["channel"], chatted["missing"]) == ("chat", [])
    other = await file(world, "cora@contoso-security.example", severity="2")
    await world.post("intake", f"/tickets/{mailed['id']}/note", text="Between us: pool too small.")
    await world.post("intake", f"/tickets/{mailed['id']}/reply", text="Please send the log.")
    async with browser(world) as client:
        assert await link_of(world, "nobody@fabrikam.example") == "", "nothing is told of anybody"
        link = await link_of(world, "finn@fabrikam.example")
        entrance = await client.get(link)
        form = {"token": link.partition("token=")[2], "csrf_token": code_of(entrance)}
        assert (await client.post("/my/infocyte/enter", data={**form, "csrf_token": "x"})).is_error
        home = await client.post("/my/infocyte/enter", data=form)
        assert mailed["number"] in home.text
        assert chatted["number"] in home.text
        assert other["number"] not in home.text
        assert (await client.get(f"/my/infocyte/{other['number']}")).status_code == 404
        page = await client.get(f"/my/infocyte/{mailed['number']}")
        assert "Please send the log." in page.text
        assert FAULT in page.text
        assert "Between us" not in page.text
        form = {"text": "Here it is.", "csrf_token": code_of(page)}
        said = await client.post(f"/my/infocyte/{mailed['number']}/reply", data=form)
        assert "We have your message" in said.text
        await world.settle()
        assert "Here it is." in (await client.get(f"/my/infocyte/{mailed['number']}")).text
        new = await client.get("/my/infocyte/new")
        assert "The product cannot be used in production" in new.text
        form = {"form": "case", "subject": "A wish", "text": FAULT, "csrf_token": code_of(new)}
        told = {f"told.{name}": value for name, value in COMPLETE.items()}
        await client.post("/my/infocyte/new", data={**form, "severity": "s4", **told})
        await world.settle()
        wish = await newest(world)
        assert (wish["channel"], wish["severity"], wish["missing"]) == ("portal", "s4", [])
        assert wish["requester"]["email"] == "finn@fabrikam.example"
    # The link is used up, also for who finds it; what signs in does not stand on the ticket.
    async with browser(world) as thief:
        entrance = await thief.get(link)
        form = {"token": link.partition("token=")[2], "csrf_token": code_of(entrance)}
        assert (await thief.post("/my/infocyte/enter", data=form)).status_code == 403
        assert "Mail me a link" in (await thief.get("/my/infocyte")).text
    stories = [
        await world.get("intake", f"/tickets/{each['id']}/facts") for each in (mailed, chatted)
    ]
    assert "sign_in" in str(stories)
    assert "token=" not in str(stories)
    # Three links an address and quarter of an hour; an old one opens nothing.
    for _ in range(5):
        late = await link_of(world, "finn@fabrikam.example")
    mails = await mails_to(world, "finn@fabrikam.example")
    assert len([each for each in mails if "Sign in" in each["subject"]]) == 3
    await world.advance(16 * MINUTE)
    async with browser(world) as client:
        form = {"token": late.partition("token=")[2]}
        form["csrf_token"] = code_of(await client.get(late))
        assert (await client.post("/my/infocyte/enter", data=form)).status_code == 403


def words_of(page: httpx.Response) -> str:
    """What a reader sees of the page, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


@pytest.mark.promise("INF-04")
async def test_the_customer_reads_what_is_promised_by_when_and_whether_it_was_kept(
    world: World,
) -> None:
    finn = "finn@fabrikam.example"
    ticket = await file(world, severity="2")
    [confirmed] = await mails_to(world, finn)
    # Four hours from 10:00 in the zone of the reader, and named.
    assert "First answer: by Wed 4 Mar 2026, 14:00:00 UTC-05" in confirmed["text"]
    lacking = await write(world, f"Severity: 2\n\n{FAULT}")
    async with browser(world) as client:
        link = await link_of(world, finn)
        form = {"token": link.partition("token=")[2], "csrf_token": code_of(await client.get(link))}
        home = await client.post("/my/infocyte/enter", data=form)
        assert "First answer: by" in words_of(home)
        page = await client.get(f"/my/infocyte/{lacking['number']}")
        assert "we need product, product version, operating system; the clock" in words_of(page)
        await world.mail(lacking["reply_to"], "Re: Surveys fail", COMPLETE_MAIL, FABRIKAM)
        page = await client.get(f"/my/infocyte/{lacking['number']}")
        assert "the clock starts then" not in page.text
        assert re.search(r"First answer by .*2026", words_of(page))
        at = f"/tickets/{ticket['id']}"
        await world.post("intake", f"{at}/reply", text="A pool.", is_initial_response=True)
        kept = await client.get(f"/my/infocyte/{ticket['number']}")
        assert re.search(r"First answer kept, .*2026", words_of(kept))
        await world.advance(5 * HOUR)
        page = await client.get(f"/my/infocyte/{lacking['number']}")
        assert "not kept: it was due" in page.text


@pytest.mark.promise("INF-04")
async def test_a_confirmation_waits_for_the_promise_a_bounded_time_and_goes_out_once(
    world: World,
) -> None:
    # A severity 4 has a softer promise; feedback has none, and an answer of its own.
    await file(world, severity="4")
    [confirmed] = await mails_to(world, "finn@fabrikam.example")
    assert "probably by" in confirmed["text"]
    await world.mail("feedback@infocyte.example", "Praise", "Thank you!", CONTOSO)
    await world.advance(timedelta(seconds=30))
    assert await mails_to(world, "cora@contoso-security.example") == []
    assert len(await mails_to(world, "finn@fabrikam.example")) == 1
