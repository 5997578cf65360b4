"""What is covered, what is offered and confirmed, and what people think of it, in virtual time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from pledge.events import FeedbackReceived, RatingRequested, ScopeDecided, ServicesConfirmed
from support.world import Ticket, World

HOUR = timedelta(hours=1)
VIRCOM, INFOCYTE = "support@vircom.example", "support@infocyte.example"
ADAS = "ada@customer.example"


async def facts(world: World, kind: type[Any]) -> list[Any]:
    return [each for each in await world.events("ticket.events.v1") if isinstance(each, kind)]


async def mails_to(world: World, address: str) -> list[dict[str, Any]]:
    return [each for each in await world.arrived() if address in str(each.get("to"))]


async def ticket_now(world: World, ticket: Ticket) -> Ticket:
    found: Ticket = await world.get("intake", f"/tickets/{ticket['id']}")
    return found


def link_in(mail: dict[str, Any]) -> str:
    return str(re.findall(r"http://\S+", mail["text"])[0])


def code_of(page: httpx.Response) -> str:
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


@pytest.mark.promise("VIR-13", "VIR-14")
async def test_a_covered_product_is_promised_and_another_one_gets_best_effort_and_is_told_so(
    world: World,
) -> None:
    await world.mail(VIRCOM, "Mail is slow", "Product: modusGate 6.2\n\nSince nine.")
    covered = await world.newest("vircom")
    assert (covered["product"], covered["scope"]) == ("modusGate 6.2", None)
    assert (await world.timers(covered["number"]))["first_response"]["state"] == "running"
    await world.mail(VIRCOM, "Names", "Product: our DNS server\n\nNames are not found.")
    other = await world.newest("vircom")
    assert (other["scope"], other["scope_rule"]) == ("best_effort", "not_covered")
    [decided] = await facts(world, ScopeDecided)
    assert decided.answer == "not-covered"
    assert any("does not cover" in each["text"] for each in await mails_to(world, ADAS))
    await world.advance(48 * HOUR)
    breached = {each.ticket_number for each in await world.breaches()}
    assert breached == {covered["number"]}, "nothing is promised for what is not covered"
    # At the technician's discretion: helped all the same, and what was found out is corrected.
    await world.post("intake", f"/tickets/{other['id']}/reply", text="Try another server.")
    await world.post("intake", f"/tickets/{other['id']}/scope", scope="covered", why="our relay")
    assert (await ticket_now(world, other))["scope"] == "covered"


@pytest.mark.promise("VIR-15")
async def test_billable_work_is_offered_with_its_price_and_starts_when_it_is_confirmed(
    world: World,
) -> None:
    form = {"Pledge-Form-Key": "vircom-public-form-key"}
    body = {
        "desk": "vircom", "form": "services", "subject": "An upgrade to 7", "text": "Please.",
        "requester": {"email": ADAS},
    }  # fmt: skip
    answer = await world.http.post(world.url("intake") + "/cases", json=body, headers=form)
    assert answer.is_success
    await world.settle()
    ticket = await world.newest("vircom")
    assert ticket["scope"] == "billable"
    at = f"/tickets/{ticket['id']}"
    offering = await world.http.post(
        world.url("intake") + f"{at}/offer-services",
        json={"service": "upgrade", "text": "One server."},
        headers=world.authorization(),
    )
    assert offering.is_success, offering.text
    await world.settle()
    assert (await ticket_now(world, ticket))["state"] == "waiting_on_customer"
    early = await world.http.post(
        world.url("intake") + f"{at}/resolve", json={}, headers=world.authorization()
    )
    assert early.status_code == 409
    assert "has not confirmed" in early.json()["detail"]
    offer = (await mails_to(world, ADAS))[-1]
    assert "180 USD an hour" in offer["text"]
    async with world.browser("intake") as client:
        page = await client.get(link_in(offer))
        assert "180 USD an hour" in page.text
        forged = await client.post(link_in(offer), data={"answer": "accept", "csrf_token": "x"})
        assert forged.is_error
        assert await facts(world, ServicesConfirmed) == [], "looking at it confirms nothing"
        form = {"answer": "accept", "csrf_token": code_of(page)}
        assert "It is confirmed" in (await client.post(link_in(offer), data=form)).text
        await world.settle()
        # Once is enough, and it can't be taken back by the same link.
        again = await client.post(link_in(offer), data={**form, "answer": "decline"})
        assert "It is confirmed" in again.text
    [confirmed] = await facts(world, ServicesConfirmed)
    assert (confirmed.is_accepted, confirmed.by.email) == (True, ADAS)
    assert (await ticket_now(world, ticket))["state"] == "open"
    await world.post("intake", f"{at}/resolve", resolution="Upgraded.")


@pytest.mark.promise("INF-10")
async def test_a_closed_ticket_is_rated_by_one_click_and_a_low_rating_opens_the_process(
    world: World,
) -> None:
    words = "Product: Hunt 3.2, build 17\nOS: Windows 11\nSurveys hang since Monday, at noon."
    await world.mail(INFOCYTE, "Surveys hang", words)
    ticket = await world.newest("infocyte")
    at = f"/tickets/{ticket['id']}"
    await world.post("intake", f"{at}/resolve", resolution="Upgraded.")
    await world.post("intake", f"{at}/close")
    [asked] = await facts(world, RatingRequested)
    assert asked.to.email == ADAS
    link = link_in((await mails_to(world, ADAS))[-1])
    async with world.browser("intake") as client:
        page = await client.get(link)
        await client.head(link)
        assert await facts(world, FeedbackReceived) == [], "a scanner rates nothing"
        form = {"rating": "2", "text": "It took days.", "csrf_token": code_of(page)}
        assert "Thank you" in (await client.post(link, data=form)).text
        # A second click is no second rating.
        await client.post(link, data={**form, "rating": "5"})
        await world.settle()
    [rated] = await facts(world, FeedbackReceived)
    assert (rated.rating, rated.text, rated.needs_answer) == (2, "It took days.", True)
    assert await mails_to(world, "grace@infocyte-staff.example"), "the manager is told"
    timers = await world.timers(ticket["number"])
    assert timers["feedback_acknowledgement"]["state"] == "running"
    # The link of one ticket is none of another desk's or kind's.
    token = link.rpartition("/")[2]
    for wrong in (f"/ratings/vircom/{token}", f"/offers/infocyte/{token}", "/ratings/infocyte/x"):
        answer = await world.http.get(world.url("intake") + wrong)
        assert answer.status_code == 404


async def signed_in(world: World, client: httpx.AsyncClient, desk: str, address: str) -> None:
    page = await client.get(f"/my/{desk}")
    await client.post(f"/my/{desk}/link", data={"email": address, "csrf_token": code_of(page)})
    await world.settle()
    link = link_in((await mails_to(world, address))[-1])
    form = {"token": link.partition("token=")[2], "csrf_token": code_of(await client.get(link))}
    assert (await client.post(f"/my/{desk}/enter", data=form)).is_success


@pytest.mark.promise("INF-09")
async def test_messages_that_can_wait_do_so_until_the_customers_maintenance_is_over(
    world: World,
) -> None:
    finn = "finn@fabrikam.example"
    words = "Product: Hunt 3.2, build 17\nOS: Windows 11\nSurveys hang since Monday, at noon."
    await world.mail(INFOCYTE, "Surveys hang", words, f"Finn <{finn}>")
    ticket = await world.newest("infocyte")
    at = f"/tickets/{ticket['id']}"
    async with world.browser("intake") as client:
        await signed_in(world, client, "infocyte", finn)
        page = await client.get("/my/infocyte/maintenance")
        assert "No maintenance lies ahead" in page.text
        # From 10:00 to 14:00 at the desk, where it is 10:00 now.
        form = {
            "starts": "2026-03-04T10:00", "ends": "2026-03-04T14:00", "note": "New switches",
            "csrf_token": code_of(page),
        }  # fmt: skip
        await client.post("/my/infocyte/maintenance", data=form)
        await world.settle()
        page = await client.get("/my/infocyte/maintenance")
        assert "New switches" in page.text
        wrong = await client.post("/my/infocyte/maintenance", data={**form, "ends": "2026-03-03"})
        assert wrong.status_code == 422
    assert [each["note"] for each in (await ticket_now(world, ticket))["windows"]] == [
        "New switches"
    ]
    agents = await world.http.get(
        world.url("intake") + f"/ticket/{ticket['id']}", headers=world.authorization()
    )
    assert "New switches" in agents.text
    # A request that comes meanwhile knows of it from its beginning.
    await world.mail(INFOCYTE, "And reports fail", words, f"Finn <{finn}>")
    assert len((await world.newest("infocyte"))["windows"]) == 1
    inside = {"starts_at": "2026-03-04T18:00:00Z", "ends_at": "2026-03-04T18:30:00Z"}
    shown = await world.http.post(
        world.url("intake") + f"{at}/propose-meeting", json=inside, headers=world.authorization()
    )
    assert shown.status_code == 409
    assert "2026-03-04 10:00 to 2026-03-04 14:00" in shown.json()["detail"]
    before = len(await mails_to(world, finn))
    # What a person wrote goes out at once; that it is resolved, and the question how it was, wait.
    await world.post("intake", f"{at}/reply", text="It is a pool.", is_initial_response=True)
    assert len(await mails_to(world, finn)) == before + 1
    await world.post("intake", f"{at}/resolve", resolution="Upgraded.")
    await world.post("intake", f"{at}/close")
    assert len(await mails_to(world, finn)) == before + 1
    await world.advance(4 * HOUR - timedelta(minutes=1))
    assert len(await mails_to(world, finn)) == before + 1
    await world.advance(timedelta(minutes=2))
    arrived = [each["subject"] for each in (await mails_to(world, finn))[before + 1 :]]
    assert len(arrived) == 2
    assert any("Resolved" in each for each in arrived)
    assert any("How did we do" in each for each in arrived)
    # One that is taken back stands on no ticket any more.
    async with world.browser("intake") as client:
        await signed_in(world, client, "infocyte", finn)
        page = await client.get("/my/infocyte/maintenance")
        form = {
            "starts": "2026-03-05T10:00", "ends": "2026-03-05T14:00", "note": "By mistake",
            "csrf_token": code_of(page),
        }  # fmt: skip
        await client.post("/my/infocyte/maintenance", data=form)
        await world.settle()
        other = await world.newest("infocyte")
        assert "By mistake" in [each["note"] for each in other["windows"]]
        page = await client.get("/my/infocyte/maintenance")
        window = page.text.partition('name="window" value="')[2].partition('"')[0]
        gone = {"window": window, "csrf_token": code_of(page)}
        await client.post("/my/infocyte/maintenance/withdraw", data=gone)
        await world.settle()
        assert "By mistake" not in (await client.get("/my/infocyte/maintenance")).text
        again = await client.post("/my/infocyte/maintenance/withdraw", data=gone)
        assert again.status_code == 404
    now = await ticket_now(world, other)
    assert "By mistake" not in [each["note"] for each in now["windows"]]


@pytest.mark.promise("VIR-16")
async def test_the_definitions_stand_beside_the_choice_of_the_severity(world: World) -> None:
    await world.mail(VIRCOM, "Mail is slow", "Since nine.")
    ticket = await world.newest("vircom")
    page = await world.http.get(
        world.url("intake") + f"/ticket/{ticket['id']}", headers=world.authorization()
    )
    for words in ("No mail flow at all.", "No quarantine digests are sent.", "A cosmetic fault."):
        assert words in page.text
