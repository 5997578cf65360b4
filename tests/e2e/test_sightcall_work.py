"""SightCall's tickets at work: meetings, reopening, following up, one issue per ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SUPPORT = "support@sightcall.example"
ADA = "Ada Admin <ada@adatum.example>"
# The world starts on Wednesday 2026-03-04 at 15:00 UTC.
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


async def a_ticket(world: World, subject: str = "No sound on Android") -> dict[str, Any]:
    """The ticket that an administrator's mail opens."""
    await world.mail(SUPPORT, subject, "Tenant: Adatum Field Service", sender=ADA)
    return (await world.tickets("sightcall"))[0]


async def do(world: World, ticket: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
    return await world.post("intake", f"/tickets/{ticket['id']}/{action}", **body)


async def now(world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await world.get("intake", f"/tickets/{ticket['id']}")
    return found


async def kinds(world: World, ticket: dict[str, Any]) -> list[str]:
    """What happened to the ticket, mails aside."""
    facts = (await world.get("intake", f"/tickets/{ticket['id']}/facts"))["items"]
    names = [each["type"].split(".")[2] for each in facts]
    return [each for each in names if each != "email_requested"]


async def mails(world: World, to: str) -> list[dict[str, Any]]:
    """The mails that reached an address, oldest first."""
    return [each for each in await world.arrived() if each["kind"] == "email" and to in each["to"]]


async def started(world: World, ticket: dict[str, Any], metric: str) -> datetime:
    timer = (await world.timers(ticket["number"]))[metric]
    return datetime.fromisoformat(timer["started_at"])


@pytest.mark.promise("SIG-09")
async def test_what_is_split_off_or_opened_for_a_client_counts_from_its_report_and_is_told(
    world: World,
) -> None:
    ticket = await a_ticket(world, "No sound, and the camera is upside down")
    await world.advance(3 * HOUR)
    new = await do(
        world, ticket, "split", subject="The camera is upside down", why="One issue per ticket."
    )
    assert new["number"] != ticket["number"]
    assert new["links"] == [
        {"kind": "split_from", "ticket_id": ticket["id"], "number": ticket["number"]}
    ]
    assert (await now(world, ticket))["links"][0]["number"] == new["number"]
    # The team sees it on both tickets, the client reads it in a mail.
    assert (await kinds(world, ticket))[-1] == "split_off"
    assert await kinds(world, new) == ["opened"]
    told = str(await mails(world, "ada@adatum.example"))
    assert f"[{ticket['number']}] A further issue has the number {new['number']}" in told
    # Timers follow the issue: it was reported with the original.
    assert await started(world, new, "resolution") == START
    assert await started(world, ticket, "resolution") == START
    later = await do(
        world, ticket, "split", subject="No subtitles", reported_at=(START + HOUR).isoformat()
    )
    assert await started(world, later, "resolution") == START + HOUR
    # And an agent opens one on a client's behalf: it counts from when they asked.
    made = await world.post(
        "intake",
        "/tickets",
        desk="sightcall",
        subject="Sessions end after a minute",
        text="Told us at the fair.",
        requester={"name": "Ada Admin", "email": "ada@adatum.example"},
        channel="phone",
        occurred_at=(START - 2 * HOUR).isoformat(),
    )
    assert (made["channel"], made["customer"]) == ("phone", "Adatum Field Service")
    assert await started(world, made, "first_response") == START - 2 * HOUR
    mail = (await mails(world, "ada@adatum.example"))[-1]
    assert made["number"] in mail["subject"]
    assert "opened it for you" in mail["text"]
    # The client answers the mail: it is their ticket.
    await world.mail(made["reply_to"], "Re: it", "Thank you!", sender=ADA)
    assert await kinds(world, made) == ["opened", "requester_replied"]


@pytest.mark.promise("SIG-09")
async def test_two_tickets_about_one_issue_become_one_and_its_earlier_report_counts(
    world: World,
) -> None:
    first = await a_ticket(world)
    await world.advance(HOUR)
    await world.mail(
        SUPPORT,
        "The phone is mute",
        "Tenant: Adatum Field Service",
        sender="Alan Admin <alan@adatum.example>",
    )
    second = (await world.tickets("sightcall"))[0]
    refused = await world.http.post(
        world.url("intake") + f"/tickets/{first['id']}/merge",
        json={"into": second["number"]},
        headers=world.authorization(),
    )
    assert refused.status_code == 409, "the earlier report must not be lost"
    assert f"merge {second['number']} into {first['number']}" in refused.json()["detail"]
    target = await do(world, second, "merge", into=first["number"])
    assert target["id"] == first["id"]
    assert [each["email"] for each in target["participants"]] == ["alan@adatum.example"]
    assert (await now(world, second))["state"] == "closed"
    assert (await kinds(world, second))[-1] == "merged"
    assert "absorbed" in await kinds(world, first)
    assert f"goes on as {first['number']}" in str(await mails(world, "alan@adatum.example"))
    assert second["number"] in str((await mails(world, "ada@adatum.example"))[-1])
    # Its own timers end; those of the issue go on from the first report.
    assert {each["state"] for each in (await world.timers(second["number"])).values()} == {
        "cancelled"
    }
    timers = await world.timers(first["number"])
    assert timers["resolution"]["state"] == "running"
    assert await started(world, first, "resolution") == START
    # What is answered to the one that was merged away arrives where its story goes on.
    await world.mail(
        second["reply_to"],
        "Re: The phone is mute",
        "Still mute.",
        sender="Alan Admin <alan@adatum.example>",
    )
    assert (await kinds(world, first))[-1] == "requester_replied"
    assert (await kinds(world, second))[-1] == "merged"


@pytest.mark.promise("SIG-07")
async def test_a_meeting_is_proposed_accepted_invited_to_and_the_timer_waits_for_it(
    world: World,
) -> None:
    ticket = await a_ticket(world)
    await world.advance(HOUR)
    starts_at = world.clock.now() + 2 * DAY
    meeting = {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + HOUR).isoformat(),
        "place": "https://meet.example/1",
    }
    await do(world, ticket, "propose-meeting", **meeting)
    [*_, mail] = await mails(world, "ada@adatum.example")
    assert "From:  Fri 6 Mar 2026, 17:00:00 CET (Europe/Paris)" in mail["text"]
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "running"
    # The requester accepts on the page that the mail links to, without signing in.
    link = next(word for word in mail["text"].split() if "/meetings/sightcall/" in word)
    page = await world.http.get(link)
    assert "Accept" in page.text
    assert (await now(world, ticket))["meetings"][0]["state"] == "proposed", (
        "looking is not accepting"
    )
    forged = await world.http.post(link[:-6] + "AAAAAA", data={"answer": "accept"})
    assert forged.status_code == 404
    agreed = await world.http.post(link, data={"answer": "accept"})
    assert "It is agreed" in agreed.text
    await world.http.post(link, data={"answer": "accept"})  # a second click changes nothing
    await world.settle()
    [invited] = [each for each in await mails(world, "ada@adatum.example") if each["body"]]
    assert invited["body"]["method"] == "REQUEST"
    calendar = invited["body"]["calendar"].replace("\r\n ", "")
    assert "DTSTART:20260306T160000Z" in calendar
    assert "ATTENDEE" in calendar
    assert "mailto:ada@adatum.example" in calendar
    # The time to resolve waits for the meeting, that of a response does not.
    timers = await world.timers(ticket["number"])
    assert timers["resolution"]["state"] == "paused"
    assert timers["first_response"]["state"] == "running"
    await world.advance(2 * DAY + HOUR)
    await do(world, ticket, "hold-meeting", note="Shown on the screen.")
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "running"
    # Another one, agreed on the phone, is called off: calendars hear of it, and time goes on.
    again = world.clock.now() + DAY
    meeting |= {"starts_at": again.isoformat(), "ends_at": (again + HOUR).isoformat()}
    await do(world, ticket, "propose-meeting", **meeting)
    await do(world, ticket, "agree-meeting")
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "paused"
    await do(world, ticket, "cancel-meeting", why="It was the cable.")
    assert (await mails(world, "ada@adatum.example"))[-1]["body"]["method"] == "CANCEL"
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "running"


@pytest.mark.promise("SIG-08")
async def test_what_is_deemed_resolved_is_said_and_is_reopened_or_followed_up_at_any_age(
    world: World,
) -> None:
    ticket = await a_ticket(world)
    await do(world, ticket, "resolve", resolution="Update the app to 6.2.")
    [*_, mail] = await mails(world, "ada@adatum.example")
    assert mail["subject"] == f"[{ticket['number']}] Resolved: No sound on Android"
    assert "Update the app to 6.2." in mail["text"]
    await do(world, ticket, "close")
    # More than a year later the requester answers: it is open again.
    await world.advance(400 * DAY)
    await world.mail(ticket["reply_to"], "Re: No sound", "It is back.", sender=ADA)
    assert (await now(world, ticket))["state"] == "open"
    await do(world, ticket, "resolve", resolution="Update it again.")
    await do(world, ticket, "close")
    await world.advance(400 * DAY)
    # Or something new comes of it: a ticket of its own, linked both ways.
    new = await do(world, ticket, "follow-up", subject="No sound on iOS either")
    assert new["links"] == [
        {"kind": "follows_up", "ticket_id": ticket["id"], "number": ticket["number"]}
    ]
    old = await now(world, ticket)
    assert old["state"] == "closed"
    assert (old["links"][0]["kind"], old["links"][0]["number"]) == ("followed_by", new["number"])
    assert new["number"] in (await mails(world, "ada@adatum.example"))[-1]["subject"]
    assert await started(world, new, "first_response") == world.clock.now()


@pytest.mark.promise("SIG-03")
async def test_who_has_the_issue_is_in_copy_and_gets_every_update_until_left_out(
    world: World,
) -> None:
    eve, bob = "eve@adatum.example", "bob@adatum.example"

    async def updates(address: str) -> list[str]:
        arrived = await world.arrived()
        return [each["subject"] for each in arrived if address in str(each.get("to"))]

    await world.mail(
        "support@sightcall.example", "No picture", "Adatum Field Service: the camera stays black.",
        "Ada Admin <ada@adatum.example>",
        Cc="eve@adatum.example, stan@elsewhere.example, support@sightcall.example",
    )  # fmt: skip
    ticket = await world.newest("sightcall")
    assert [each["email"] for each in ticket["participants"]] == [eve], "no strangers, not we"
    at = f"/tickets/{ticket['id']}"
    await world.post("intake", f"{at}/participants", add=[bob])
    await world.post("intake", f"{at}/assign", assignee="chloe", name="Chloe")
    await world.post("intake", f"{at}/reply", text="Please update the app.")
    await world.post("intake", f"{at}/participants", remove=[bob])
    await world.post("intake", f"{at}/resolve", resolution="Updated.")
    assert len(await updates(eve)) == 3, "picked up, answered, resolved"
    assert len(await updates(bob)) == 2, "until left out"
    assert await updates("stan@elsewhere.example") == []
    page = await world.http.get(
        world.url("intake") + f"/ticket/{ticket['id']}", headers=world.authorization()
    )
    assert eve in page.text
