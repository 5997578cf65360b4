"""Who calls the same line again within minutes goes on with the open ticket of the call before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from integration.intake.harness import Intake
from pledge.events import CHANNEL_TOPICS, Authentication, CallReceived, Contact, VoicemailLeft
from support import topics
from support.waiting import eventually

LINE = "+15550110"


def a_call(intake: Intake, call: str, minutes: float = 0, **changes: Any) -> CallReceived:
    """A call that came in so many minutes after the first, which was two hours ago."""
    now = intake.clock.now()
    fields: dict[str, Any] = {
        "desk": "vircom",
        "occurred_at": now - timedelta(hours=2) + timedelta(minutes=minutes),
        "recorded_at": now,
        "delivery": f"{call}:received",
        "conversation": call,
        "authentication": Authentication(result="none"),
        "call_id": call,
        "line": LINE,
        "caller": Contact(phone="+15550199"),
    }
    return CallReceived(**{**fields, **changes})


async def has_read(intake: Intake) -> bool:
    return await topics.is_read(intake.kafka, intake.pool, CHANNEL_TOPICS)


async def in_order(intake: Intake, *calls: Any, tickets: int) -> list[dict[str, Any]]:
    """The tickets, with each call taken in before the next one comes."""
    for each in calls[:-1]:
        await intake.publish(each)
        await eventually(lambda: has_read(intake), what="the call being taken in")
    await intake.publish(calls[-1])
    return await intake.tickets(tickets)


async def test_a_redial_within_minutes_is_told_on_the_open_ticket(intake: Intake) -> None:
    voicemail = VoicemailLeft(
        **{
            **a_call(intake, "two", 9).model_dump(exclude={"type"}),
            "delivery": "two:voicemail",
            "duration": timedelta(seconds=9),
        }
    )
    (ticket,) = await in_order(
        intake,
        a_call(intake, "one"),
        a_call(intake, "two", 8, menu_choice="1"),
        voicemail,
        a_call(intake, "three", 17),
        tickets=1,
    )
    assert await intake.types(ticket["id"]) == [
        "opened", "requester_replied", "callback_requested", "noted", "requester_replied",
    ]  # fmt: skip
    facts = await intake.facts(ticket["id"])
    assert facts[1]["data"]["text"] == "Called again."
    assert facts[1]["data"]["is_urgent"] is True, "the choice of the second call counts"


async def test_other_lines_callers_and_later_calls_are_tickets_of_their_own(
    intake: Intake,
) -> None:
    await in_order(
        intake,
        a_call(intake, "one"),
        a_call(intake, "late", 12),
        a_call(intake, "other line", 1, line="+15550111"),
        a_call(intake, "other caller", 1, caller=Contact(phone="+15550198")),
        a_call(intake, "withheld", 1, caller=Contact()),
        a_call(intake, "withheld too", 1, caller=Contact()),
        tickets=6,
    )


async def test_a_redial_after_the_ticket_was_resolved_opens_another(intake: Intake) -> None:
    (ticket,) = await in_order(intake, a_call(intake, "one"), tickets=1)
    async with intake.http("agent") as client:
        answer = await client.post(
            f"/tickets/{ticket['id']}/resolve", json={"resolution": "Emptied relay 2."}
        )
        assert answer.status_code == 200, answer.text
    tickets = await in_order(intake, a_call(intake, "two", 5), tickets=2)
    assert sorted(each["state"] for each in tickets) == ["open", "resolved"]
