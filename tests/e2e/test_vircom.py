"""The promises of Vircom's support desk, from the mail to the page, in virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pledge.events import BreachRetracted, PromiseBreached
from support.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SUPPORT = "support@vircom.example"
# The world starts on Wednesday 2026-03-04 at 10:00 in Montreal (15:00 UTC).
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


async def a_ticket(world: World, subject: str, to: str = SUPPORT, **more: str) -> dict[str, Any]:
    """The ticket that a mail opens."""
    await world.mail(to, subject, **more)
    return (await world.tickets("vircom"))[0]


async def breaches(world: World) -> list[PromiseBreached]:
    found = await world.events("sla.breaches.v1")
    return [each for each in found if isinstance(each, PromiseBreached)]


async def due(world: World, ticket: dict[str, Any], metric: str) -> datetime:
    timer = (await world.timers(ticket["number"]))[metric]
    return datetime.fromisoformat(timer["due_at"])


async def state(world: World, ticket: dict[str, Any], metric: str) -> str:
    return str((await world.timers(ticket["number"]))[metric]["state"])


async def webhooks(world: World) -> list[dict[str, Any]]:
    return [each for each in await world.arrived() if each["kind"] == "webhook"]


@pytest.mark.promise("VIR-01")
async def test_four_business_hours_skip_the_night_and_the_weekend(world: World) -> None:
    # Friday 16:30 in Montreal: an hour and a half is left of the day, the rest is on Monday.
    await world.advance_to(datetime(2026, 3, 6, 21, 30, tzinfo=UTC))
    ticket = await a_ticket(world, "How do I add a user?")
    # On Sunday the clocks went ahead: 11:00 in Montreal is 15:00 UTC by then.
    assert await due(world, ticket, "first_response") == datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


@pytest.mark.promise("VIR-01")
async def test_canadian_and_american_holidays_do_not_count(world: World) -> None:
    # Friday 2026-07-03 is the observed Independence Day; Canada Day was on Wednesday.
    await world.advance_to(datetime(2026, 6, 30, 21, 0, tzinfo=UTC))  # Tuesday 17:00
    ticket = await a_ticket(world, "How do I add a user?")
    # One hour on Tuesday, none on Wednesday, three on Thursday from 08:30.
    assert await due(world, ticket, "first_response") == datetime(2026, 7, 2, 15, 30, tzinfo=UTC)


@pytest.mark.promise("VIR-02", "VIR-04")
async def test_a_p1_that_nobody_answers_pages_at_night_too(world: World) -> None:
    await world.advance_to(datetime(2026, 3, 8, 8, 0, tzinfo=UTC))  # Sunday, 03:00
    ticket = await a_ticket(world, "[P1] No mail flows")
    start = world.clock.now()
    assert await state(world, ticket, "first_response") == "running"
    await world.advance(29 * MINUTE)
    assert await breaches(world) == []
    await world.advance(2 * MINUTE)
    [breach] = await breaches(world)
    assert (breach.metric, breach.severity) == ("first_response", "p1")
    assert breach.ticket_number == ticket["number"]
    assert breach.due_at == breach.detected_at == start + 30 * MINUTE
    assert not breach.is_late
    assert not breach.is_provisional
    assert await webhooks(world)


@pytest.mark.promise("VIR-04", "VIR-06")
async def test_what_is_found_out_later_counts_from_the_opening_and_wakes_nobody_for_what_is_done(
    world: World,
) -> None:
    tickets = []
    for name, subject in (("ada", "It seems slow"), ("bo", "No mail"), ("cy", "[P1] A typo")):
        await world.mail(SUPPORT, subject, sender=f"{name} <{name}@{name}.example>")
        tickets.append(await world.newest("vircom"))
    answered, open_still, none = tickets
    start = world.clock.now()
    await world.advance(20 * MINUTE)
    assert await state(world, answered, "first_response") == "running"
    await world.advance(20 * MINUTE)
    [breach] = await breaches(world)
    assert breach.ticket_number == none["number"]
    await world.post(
        "intake", f"/tickets/{answered['id']}/contact-attempts", channel="phone", reached=True
    )
    told = len(await webhooks(world))

    # It was none: the breach is taken back, and its page ends.
    await world.post("intake", f"/tickets/{none['id']}/triage", severity="p3")
    found = await world.events("sla.breaches.v1")
    [retracted] = [each for each in found if isinstance(each, BreachRetracted)]
    assert (retracted.breach_id, retracted.reason) == (breach.breach_id, "severity_changed")
    pages = {each["breach_id"]: each for each in await world.pages("vircom")}
    page = pages[str(breach.breach_id)]
    assert (page["state"], page["resolution"]) == ("resolved", "retracted")
    assert await due(world, none, "first_response") == start + 4 * HOUR

    # Those two were P1, due 30 minutes after they came; one was answered after 40.
    for ticket in (answered, open_still):
        await world.post("intake", f"/tickets/{ticket['id']}/triage", severity="p1")
    further = [each for each in await breaches(world) if each.breach_id != breach.breach_id]
    by_ticket = {each.ticket_number: each for each in further}
    assert by_ticket.keys() == {answered["number"], open_still["number"]}
    for late in by_ticket.values():
        assert (late.metric, late.severity) == ("first_response", "p1")
        assert late.breached_at == start + 30 * MINUTE
        assert late.detected_at == world.clock.now()
    done = by_ticket[answered["number"]]
    assert done.met_at == start + 40 * MINUTE
    pages = {each["breach_id"]: each for each in await world.pages("vircom")}
    assert pages[str(done.breach_id)]["resolution"] == "met_late"
    assert pages[str(by_ticket[open_still["number"]].breach_id)]["state"] == "triggered"
    # Two for a new P1 each, and one for the breach of what is still to be answered.
    assert len(await webhooks(world)) == told + 3


@pytest.mark.promise("VIR-03")
async def test_an_urgent_mail_at_night_is_to_be_called_back_in_half_an_hour(world: World) -> None:
    await world.advance_to(datetime(2026, 3, 5, 3, 0, tzinfo=UTC))  # Wednesday, 22:00
    ticket = await a_ticket(world, "Everything is down", to="emergency@vircom.example")
    assert await due(world, ticket, "callback") == world.clock.now() + 30 * MINUTE
    assert await webhooks(world), "somebody is paged at once"
    await world.advance(20 * MINUTE)
    await world.post(
        "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=False
    )
    assert await state(world, ticket, "callback") == "met"
    # A further mail to the same address is urgent again, another one is not.
    assert len(await world.pages("vircom")) == 1
    tag = f"Re: [{ticket['number']}]"
    await world.mail("support@vircom.example", f"{tag} thanks")
    [page] = await world.pages("vircom")
    # While nobody has taken the page, what comes further is part of it.
    await world.post("notify", f"/pages/{page['id']}/acknowledge")
    await world.mail("emergency@vircom.example", f"{tag} down again")
    assert len(await world.pages("vircom")) == 2


@pytest.mark.promise("VIR-03")
async def test_a_voicemail_at_night_is_to_be_called_back_in_half_an_hour(world: World) -> None:
    by_day = await world.voicemail("vircom", "+15550110")
    assert "callback" not in await world.timers(by_day["number"])
    assert not await world.pages("vircom")
    await world.advance_to(datetime(2026, 3, 5, 3, 0, tzinfo=UTC))  # Wednesday, 22:00
    ticket = await world.voicemail("vircom", "+15550110")
    assert await due(world, ticket, "callback") == world.clock.now() + 30 * MINUTE
    [page] = await world.pages("vircom")
    assert page["ticket_number"] == ticket["number"]


@pytest.mark.promise("VIR-03")
async def test_an_urgent_mail_in_support_hours_promises_no_call_back(world: World) -> None:
    ticket = await a_ticket(world, "Everything is down", to="emergency@vircom.example")
    assert "callback" not in await world.timers(ticket["number"])


@pytest.mark.promise("VIR-04")
async def test_a_workaround_keeps_the_promise_of_a_p1s_resolution(world: World) -> None:
    ticket = await a_ticket(world, "[P1] No mail flows")
    assert await due(world, ticket, "resolution") == START + 4 * HOUR
    await world.advance(3 * HOUR)
    await world.post("intake", f"/tickets/{ticket['id']}/workaround", text="Use the other relay.")
    assert await state(world, ticket, "resolution") == "met"


@pytest.mark.promise("VIR-05")
async def test_a_p2_has_one_business_hour_and_a_day(world: World) -> None:
    ticket = await a_ticket(world, "[P2] No digests")
    assert await due(world, ticket, "first_response") == START + HOUR
    assert await due(world, ticket, "resolution") == START + 24 * HOUR


@pytest.mark.promise("VIR-06")
async def test_a_p3_may_end_in_a_future_release(world: World) -> None:
    ticket = await a_ticket(world, "The colour of a button")
    timer = (await world.timers(ticket["number"]))["resolution"]
    assert datetime.fromisoformat(timer["due_at"]) == START + 72 * HOUR
    assert datetime.fromisoformat(timer["expect_at"]) == START + 48 * HOUR
    await world.advance(HOUR)
    await world.post(
        "intake",
        f"/tickets/{ticket['id']}/resolve",
        resolution="Will be blue.",
        fixed_in_release=True,
        release="6.2",
    )
    assert await state(world, ticket, "resolution") == "met"


@pytest.mark.promise("VIR-07")
async def test_a_trial_customer_is_at_least_p2(world: World) -> None:
    ticket = await a_ticket(world, "A question", sender="Bo <bo@northwind.example>")
    assert await due(world, ticket, "first_response") == START + HOUR


@pytest.mark.promise("VIR-08")
async def test_an_attempt_counts_as_a_response_even_if_nobody_answers(world: World) -> None:
    ticket = await a_ticket(world, "[P2] No digests")
    await world.advance(40 * MINUTE)
    await world.post(
        "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=False
    )
    assert await state(world, ticket, "first_response") == "met"
    await world.advance(3 * HOUR)
    assert await breaches(world) == []


@pytest.mark.promise("VIR-08")
async def test_a_call_that_is_logged_late_takes_the_breach_back(world: World) -> None:
    ticket = await a_ticket(world, "[P1] No mail flows")
    await world.advance(45 * MINUTE)
    assert len(await breaches(world)) == 1
    await world.post(
        "intake",
        f"/tickets/{ticket['id']}/contact-attempts",
        channel="phone",
        reached=True,
        occurred_at=(START + 10 * MINUTE).isoformat(),
    )
    [_, retracted] = await world.events("sla.breaches.v1")
    assert isinstance(retracted, BreachRetracted)
    assert retracted.met_at == START + 10 * MINUTE
    assert await state(world, ticket, "first_response") == "met"


@pytest.mark.promise("VIR-09")
async def test_the_resolution_waits_while_the_customer_is_unavailable(world: World) -> None:
    ticket = await a_ticket(world, "[P2] No digests")
    await world.post(
        "intake", f"/tickets/{ticket['id']}/wait", waiting_for="unavailable", why="on holiday"
    )
    assert await state(world, ticket, "resolution") == "paused"
    await world.advance(48 * HOUR)
    await world.mail(
        ticket["reply_to"], "Re: [P2] No digests", "I am back", in_reply_to="<none@x.example>"
    )
    assert await due(world, ticket, "resolution") == START + (48 + 24) * HOUR


async def test_a_page_escalates_until_somebody_acknowledges(world: World) -> None:
    await a_ticket(world, "[P1] No mail flows")
    first = len(await webhooks(world))
    await world.advance(6 * MINUTE)
    second = await webhooks(world)
    assert len(second) > first
    [page] = (await world.get("notify", "/pages", desk="vircom"))["items"]
    await world.post("notify", f"/pages/{page['id']}/acknowledge")
    await world.advance(15 * MINUTE)
    assert len(await webhooks(world)) == len(second)


async def test_a_known_critical_incident_shows_on_the_status_page(world: World) -> None:
    ticket = await a_ticket(world, "[P1] No mail flows")
    await world.post(
        "intake",
        f"/tickets/{ticket['id']}/triage",
        severity="p1",
        known_incident=True,
        why="seen by us too",
    )
    summary = await world.get("status", "/vircom/api/v2/summary.json")
    assert len(summary["incidents"]) == 1
    assert summary["status"]["indicator"] != "none"


async def _attempts(world: World, ticket: dict[str, Any], count: int) -> None:
    for _ in range(count):
        await world.advance(HOUR)
        await world.post(
            "intake", f"/tickets/{ticket['id']}/contact-attempts", channel="phone", reached=False
        )


async def _state_of(world: World, ticket: dict[str, Any]) -> str:
    return str((await world.get("intake", f"/tickets/{ticket['id']}"))["state"])


@pytest.mark.promise("VIR-10")
async def test_three_attempts_and_five_silent_days_close_a_ticket_and_a_reply_reopens_it(
    world: World,
) -> None:
    ticket = await a_ticket(world, "The colour of a button")
    await _attempts(world, ticket, 3)
    await world.advance(timedelta(days=3))
    assert await _state_of(world, ticket) not in {"closed", "resolved"}
    await world.advance(timedelta(days=1))
    told = [each for each in await world.events("ticket.events.v1") if "announced" in each.type]
    assert len(told) == 1, "the customer is told before"
    await world.advance(timedelta(days=1, hours=4))
    assert await _state_of(world, ticket) == "closed"
    await world.mail(ticket["reply_to"], "Re: The colour of a button", "Still here!")
    assert await _state_of(world, ticket) == "open"


@pytest.mark.promise("VIR-10")
async def test_two_attempts_are_not_enough_to_close(world: World) -> None:
    ticket = await a_ticket(world, "The colour of a button")
    await _attempts(world, ticket, 2)
    await world.advance(timedelta(days=8))
    assert await _state_of(world, ticket) != "closed"


@pytest.mark.promise("VIR-10")
async def test_a_p1_never_closes_by_itself(world: World) -> None:
    ticket = await a_ticket(world, "[P1] No mail flows")
    await _attempts(world, ticket, 4)
    await world.advance(timedelta(days=8))
    assert await _state_of(world, ticket) != "closed"


@pytest.mark.promise("VIR-11")
async def test_a_mail_to_the_escalation_address_reaches_the_manager(world: World) -> None:
    ticket = await a_ticket(world, "[P2] No digests")
    await world.mail(
        "escalation@vircom.example", f"{ticket['number']}: nobody calls us back", "Please."
    )
    events = [each.type for each in await world.events("ticket.events.v1")]
    assert "pledge.ticket.escalated.v1" in events
    mails = await world.arrived()
    assert any("claire@vircom-staff.example" in str(each) for each in mails)


@pytest.mark.promise("VIR-05", "VIR-08")
async def test_answer_that_the_mail_server_refuses_is_no_answer_and_an_attempt_is_one(
    world: World,
) -> None:
    ticket = await a_ticket(world, "[P2] Half of the phones are silent")
    await world.http.put(f"{world.url('sink')}/faults/smtp", json={"count": 1, "answer": 550})
    await world.post("intake", f"/tickets/{ticket['id']}/reply", text="Please restart the switch.")
    await world.settle()
    facts = (await world.get("intake", f"/tickets/{ticket['id']}/facts"))["items"]
    failed = facts[-1]
    assert failed["type"] == "pledge.ticket.agent_reply_failed.v1"
    taken_back = next(each for each in facts if each["sequence"] == failed["data"]["takes_back"])
    assert taken_back["type"] == "pledge.ticket.agent_replied.v1"
    assert await state(world, ticket, "first_response") == "running"
    explanation = await world.get("sla", f"/tickets/{ticket['number']}/explanation")
    assert any("taken back" in note["rule"] for note in explanation["notes"])

    await world.advance(2 * HOUR)
    assert [each.metric for each in await breaches(world)] == ["first_response"]
    other = await a_ticket(world, "[P2] The other half, too")
    await world.post("intake", f"/tickets/{other['id']}/contact-attempts", reached=False)
    assert await state(world, other, "first_response") == "met"
