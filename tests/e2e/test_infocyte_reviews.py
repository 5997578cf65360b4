"""Feedback and complaints at Infocyte's desk: answered, reviewed, arbitrated, each step in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pledge.events import PromiseBreached, ReviewOpened
from support.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ANN = "Ann Example <ann@contoso-security.example>"
ANNS = "ann@contoso-security.example"
MANAGER = "grace@infocyte-staff.example"
VP = "victor@infocyte-staff.example"
CHIEF = "irene@infocyte-staff.example"
# The world starts on Wednesday 2026-03-04 at 15:00 UTC, 10:00 in GMT-5.
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


async def do(world: World, ticket: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
    return await world.post("intake", f"/tickets/{ticket['id']}/{action}", **body)


async def newest(world: World) -> dict[str, Any]:
    return (await world.tickets("infocyte"))[0]


async def timer(world: World, ticket: dict[str, Any], metric: str) -> dict[str, Any]:
    return (await world.timers(ticket["number"]))[metric]


async def due(world: World, ticket: dict[str, Any], metric: str) -> datetime:
    return datetime.fromisoformat((await timer(world, ticket, metric))["due_at"])


async def mails(world: World, to: str) -> list[dict[str, Any]]:
    return [each for each in await world.arrived() if each["kind"] == "email" and to in each["to"]]


async def breached(world: World) -> list[tuple[str, datetime]]:
    found = await world.events("sla.breaches.v1")
    return [(each.metric, each.due_at) for each in found if isinstance(each, PromiseBreached)]


async def a_closed_ticket(world: World) -> tuple[dict[str, Any], str]:
    """A ticket that is closed, and the Message-ID of the mail that opened it."""
    words = "Product: Hunt 3.2, build 17\nOS: Windows Server 2022\nSurveys hang since Monday noon."
    message = await world.mail("support@infocyte.example", "Surveys hang", words, sender=ANN)
    ticket = await newest(world)
    await do(world, ticket, "reply", text="A plan: upgrade.", is_initial_response=True)
    await do(world, ticket, "resolve", resolution="Upgraded.")
    await do(world, ticket, "close")
    return ticket, message


@pytest.mark.promise("INF-11")
async def test_feedback_on_a_closed_ticket_is_acknowledged_by_the_channel_it_came_by(
    world: World,
) -> None:
    ticket, message = await a_closed_ticket(world)
    await world.mail(
        "feedback@infocyte.example",
        "Re: Surveys hang",
        "It took you long.",
        sender=ANN,
        In_Reply_To=message,
    )
    now = await newest(world)
    assert (now["id"], now["state"]) == (ticket["id"], "closed"), "it reopens nothing"
    assert now["feedback"][0]["channel"] == "email"
    assert "It took you long." in str(await mails(world, MANAGER)), "somebody has to answer"
    # Two working days: by Friday's close, 17:00 in GMT-5.
    assert await due(world, ticket, "feedback_acknowledgement") == datetime(
        2026, 3, 6, 22, 0, tzinfo=UTC
    )
    await world.advance(DAY)
    # A call that nobody thanks her for is another piece of feedback, with a promise of its own.
    await do(world, ticket, "feedback", channel="phone", text="And rude.", rating=1)
    first, second = (await newest(world))["feedback"]
    wrong = await world.http.post(
        world.url("intake") + f"/tickets/{ticket['id']}/acknowledge-feedback",
        json={"feedback_id": first["id"], "channel": "phone"},
        headers=world.authorization(),
    )
    assert wrong.status_code == 422
    assert "it came by email" in wrong.json()["detail"]
    before = len(await mails(world, ANNS))
    await do(
        world, ticket, "acknowledge-feedback", feedback_id=first["id"], text="We are sorry, Ann."
    )
    [answer] = (await mails(world, ANNS))[before:]
    assert "We are sorry, Ann." in answer["text"]
    await do(world, ticket, "acknowledge-feedback", feedback_id=second["id"])
    assert len(await mails(world, ANNS)) == before + 1, "the caller was answered on the phone"
    assert (await timer(world, ticket, "feedback_acknowledgement"))["state"] == "met"
    await world.advance(5 * DAY)
    assert await breached(world) == []
    # What nobody acknowledges breaks the promise, of which its owner is warned before.
    await world.mail("feedback@infocyte.example", "Your portal", "I like it.", sender=ANN)
    other = await newest(world)
    assert "first_response" not in await world.timers(other["number"]), "it is no request"
    late = datetime(2026, 3, 12, 22, 0, tzinfo=UTC)
    assert await due(world, other, "feedback_acknowledgement") == late
    await world.advance_to(late + HOUR)
    assert await breached(world) == [("feedback_acknowledgement", late)]
    told = [each for each in await mails(world, MANAGER) if other["number"] in each["subject"]]
    assert ["at risk" in each["subject"] for each in told] == [False, True, False]


@pytest.mark.promise("INF-12", "INF-13")
async def test_a_complaint_is_reviewed_with_updates_in_time_and_may_go_to_arbitration(
    world: World,
) -> None:
    ticket, message = await a_closed_ticket(world)
    complaint = {"sender": ANN, "In_Reply_To": message}
    await world.mail("complaints@infocyte.example", "Re: Surveys hang", "Unbearable!", **complaint)
    # The VP of customer success owns the review and is told at once; it begins in two working days.
    assert "Unbearable!" in str(await mails(world, VP))
    assert await due(world, ticket, "review_opening") == datetime(2026, 3, 6, 22, 0, tzinfo=UTC)
    await world.advance(DAY)
    await do(world, ticket, "acknowledge-feedback", text="We have read it, Ann.")
    await do(world, ticket, "open-review")
    opened_at = world.clock.now()
    assert "began on" in (await mails(world, ANNS))[-1]["text"]
    assert (await timer(world, ticket, "review_opening"))["state"] == "met"
    # A review of more than a week: an update by then, which promises the next.
    assert await due(world, ticket, "review_update") == opened_at + 7 * DAY
    await world.advance(6 * DAY)
    following = world.clock.now() + 3 * DAY
    await do(
        world,
        ticket,
        "update-review",
        text="We have talked to the engineers.",
        next_update_by=following.isoformat(),
    )
    [*_, update] = await mails(world, ANNS)
    assert "We have talked to the engineers." in update["text"]
    due_text = "Sat 14 Mar 2026, 10:00:00 UTC-05 (Etc/GMT+5)"
    assert f"You hear from us again by {due_text}" in update["text"]
    assert await due(world, ticket, "review_update") == following
    await world.advance(3 * DAY + HOUR)
    assert await breached(world) == [("review_update", following)]
    assert "review update missed" in (await mails(world, MANAGER))[-1]["subject"]
    # The outcome is told; still dissatisfied, she asks for the chief executive.
    await do(world, ticket, "conclude-review", outcome="We were too slow, and pay you a month.")
    assert "pay you a month" in (await mails(world, ANNS))[-1]["text"]
    assert (await timer(world, ticket, "review_outcome"))["state"] == "met"
    await do(world, ticket, "request-arbitration", why="A month is nothing.")
    assert "A month is nothing." in (await mails(world, CHIEF))[-1]["text"]
    expected = (await timer(world, ticket, "arbitration"))["expect_at"]
    assert datetime.fromisoformat(expected) == world.clock.now() + 14 * DAY
    await do(world, ticket, "open-review")
    reviews = [
        (each.stage, each.owner)
        for each in await world.events("ticket.events.v1")
        if isinstance(each, ReviewOpened)
    ]
    assert reviews == [("review", "vp-customer-success"), ("arbitration", "chief-executive")]
    await do(world, ticket, "conclude-review", outcome="Half a year for free.")
    assert "outcome of the arbitration" in (await mails(world, ANNS))[-1]["subject"]
    assert (await timer(world, ticket, "arbitration"))["state"] == "met"
    assert (await newest(world))["feedback"][0]["stage"] == "settled"
