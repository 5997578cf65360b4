"""The promises of Infocyte's support desk, from the request to the clock, in virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pledge.events import InformationRequested
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
    return (await world.tickets("infocyte"))[0]


async def write(world: World, text: str, sender: str = FABRIKAM) -> dict[str, Any]:
    """The ticket that a mail opens."""
    await world.mail(SUPPORT, "Surveys fail", text, sender)
    return (await world.tickets("infocyte"))[0]


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
