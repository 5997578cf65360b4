"""The promises of SightCall's support desk: who may ask, what is covered, and that times are only
measured, in virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pledge.events import EntitlementDecided, ScopeDecided
from support.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SUPPORT = "support@sightcall.example"
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
FORM = {"Pledge-Form-Key": "sightcall-public-form-key"}
ADMINISTRATOR = "Ada Admin <ada@adatum.example>"
END_USER = "Eve User <eve@adatum.example>"
STRANGER = "Stan <stan@elsewhere.example>"
FAULT = "Nobody in our company can sign in to the console since nine o'clock."


async def newest(world: World) -> dict[str, Any]:
    return max(
        await world.tickets("sightcall"), key=lambda each: int(each["number"].rpartition("-")[2])
    )


async def write(
    world: World, sender: str, text: str = FAULT, subject: str = "No sign-in", to: str = SUPPORT
) -> dict[str, Any]:
    """The ticket that a mail opens."""
    await world.mail(to, subject, text, sender)
    return await newest(world)


async def file(world: World, form: str, **fields: str) -> dict[str, Any]:
    """The ticket that a form of the help centre opens, filed by an administrator."""
    body = {
        "desk": "sightcall",
        "form": form,
        "subject": "A request",
        "text": FAULT,
        "requester": {"email": "ada@adatum.example", "name": "Ada Admin"},
        "fields": fields,
    }
    answer = await world.http.post(world.url("intake") + "/cases", json=body, headers=FORM)
    assert answer.is_success, answer.text
    await world.settle()
    return await newest(world)


async def ticket_now(world: World, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await world.get("intake", f"/tickets/{ticket['id']}")
    return found


async def mails_to(world: World, address: str) -> list[str]:
    return [str(each) for each in await world.arrived() if address in str(each.get("to"))]


async def facts(world: World, kind: type[Any]) -> list[Any]:
    return [each for each in await world.events("ticket.events.v1") if isinstance(each, kind)]


@pytest.mark.promise("SIG-01")
async def test_an_end_user_is_shown_the_way_to_the_administrator_who_takes_the_request_over(
    world: World,
) -> None:
    ticket = await write(world, END_USER)
    assert (ticket["entitled"], ticket["state"]) == (False, "closed")
    [refusal] = await facts(world, EntitlementDecided)
    assert (refusal.entitled, refusal.answer) == (False, "to-your-administrator")
    [answer] = await mails_to(world, "eve@adatum.example")
    assert "Ada Admin <ada@adatum.example>" in answer
    assert ticket["number"] in answer
    assert await world.timers(ticket["number"]) == {}, "nothing is timed"
    # The end user writes once more: still nothing is timed, and nothing is lost.
    await world.mail(ticket["reply_to"], "Re: No sign-in", "But it is urgent!", END_USER)
    assert await world.timers(ticket["number"]) == {}
    # The administrator answers the mail that the end user forwarded: now it is theirs.
    await world.advance(HOUR)
    await world.mail(ticket["reply_to"], "Re: No sign-in", "Please help Eve.", ADMINISTRATOR)
    taken = await ticket_now(world, ticket)
    assert (taken["entitled"], taken["state"]) == (True, "open")
    assert taken["customer"] == "Adatum Field Service"
    assert (await world.timers(ticket["number"]))["resolution"]["state"] == "running"
    assert [each.entitled for each in await facts(world, EntitlementDecided)] == [False, True]


@pytest.mark.promise("SIG-01", "SIG-02")
async def test_a_mail_without_the_tenants_name_is_asked_back_and_decided_with_the_answer(
    world: World,
) -> None:
    administrator = await write(world, ADMINISTRATOR, f"{FAULT}\n\nAda, Adatum Field Service")
    assert (administrator["entitled"], administrator["missing"]) == (True, [])
    assert "We have your request" in (await mails_to(world, "ada@adatum.example"))[0]
    nameless = await write(world, ADMINISTRATOR)
    assert (nameless["entitled"], nameless["missing"]) == (True, ["tenant"])
    assert "name of your organisation" in (await mails_to(world, "ada@adatum.example"))[1]
    await world.mail(nameless["reply_to"], "Re:", "Tenant: Adatum Field Service", ADMINISTRATOR)
    assert (await ticket_now(world, nameless))["missing"] == []
    # A stranger names a tenant: nobody tells them who administers it.
    unknown = await write(world, STRANGER)
    assert (unknown["entitled"], unknown["missing"]) == (None, ["tenant"])
    await world.mail(unknown["reply_to"], "Re:", "Tenant: Wingtip Insurance", STRANGER)
    decided = await ticket_now(world, unknown)
    assert (decided["entitled"], decided["customer"]) == (False, "Wingtip Insurance")
    [question, answer] = await mails_to(world, "stan@elsewhere.example")
    assert "name of your organisation" in question
    assert "ask the administrator" in answer
    assert "wanda@wingtip.example" not in answer


@pytest.mark.promise("SIG-10", "SIG-11", "SIG-12")
async def test_what_is_out_of_scope_has_its_own_answer_and_may_be_helped_with_all_the_same(
    world: World,
) -> None:
    told = {"device": "Pixel 9", "use_case": "guidance"}
    training = await file(world, "training")
    account = await file(world, "account")
    contract = await file(world, "contract")
    services = await file(world, "professional-services")
    old = await file(world, "ios-sdk", ios_sdk_version="6.1.3")
    latest = await file(world, "ios-sdk", ios_sdk_version="6.2.1")
    covered = await file(world, "fault", **told)
    answers = await mails_to(world, "ada@adatum.example")
    for ticket, words in (
        (training, "success@sightcall.example"),
        (account, "success@sightcall.example"),
        (contract, "sales@sightcall.example"),
        (services, "sales@sightcall.example"),
        (old, "covers the latest version of the iOS SDK, which is 6.2"),
    ):
        assert ticket["scope"] == "out_of_scope"
        assert any(ticket["number"] in each and words in each for each in answers), words
    assert (latest["scope"], covered["scope"]) == (None, None)
    assert {each.rule for each in await facts(world, ScopeDecided)} == {
        "training", "basic-account-tasks", "contract-change", "professional-services", "ios-sdk",
    }  # fmt: skip
    # An engineer helps with the old version at their discretion: recorded, and still no promise.
    at = f"/tickets/{old['id']}"
    await world.post("intake", f"{at}/scope", scope="best_effort", why="a one-line fix")
    assert (await ticket_now(world, old))["scope"] == "best_effort"
    await world.post("intake", f"{at}/reply", text="Set this flag.")
    for ticket in (training, account, contract, services, old):
        assert await world.timers(ticket["number"]) == {}
    # What is covered is measured, from the opening to the reply, and nothing ever breaches.
    await world.advance(timedelta(days=40))
    timers = await world.timers(covered["number"])
    assert timers["first_response"]["due_at"] is None
    await world.post("intake", f"/tickets/{covered['id']}/reply", text="At last.")
    timers = await world.timers(covered["number"])
    assert timers["first_response"]["state"] == "met"
    assert await world.events("sla.breaches.v1") == []
    await world.advance(MINUTE)
    report = await world.get("sla", "/reports/attainment", desk="sightcall", by="customer")
    [measured] = [each for each in report["items"] if each["metric"] == "first_response"]
    assert (measured["customer"], measured["measured"]) == ("Adatum Field Service", 1)
    assert (measured["kept"], measured["missed"]) == (0, 0)
    assert measured["median_seconds"] == timedelta(days=40).total_seconds()
