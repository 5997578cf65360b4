"""What the service says on the bus when tickets come, wait, are answered, and are not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration.sla.harness import Sla, about, said
from integration.sla.stories import Story, minutes
from pledge.events import (
    BreachRetracted,
    IncidentOpened,
    IncidentResolved,
    IncidentUpdated,
    PromiseBreached,
    TimerStarted,
)
from support import topics


async def test_opened_ticket_has_its_timers(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)

    listed = (await sla.get("/timers"))["items"]
    assert {(each["metric"], each["state"]) for each in listed} == {
        ("first_response", "running"),
        ("resolution", "running"),
    }
    first = next(each for each in listed if each["metric"] == "first_response")
    assert first["number"] == story.number
    assert first["subject"] == "No mail flow"
    assert first["due_at"] == "2026-11-16T16:30:00.000Z"
    assert first["seconds_left"] == 1800

    events = await sla.timer_events()
    started = about(events, "started", "first_response")
    assert isinstance(started, TimerStarted)
    assert started.due_at == story.start + minutes(30)
    assert [each.envelope.sequence for each in events] == [1, 2]


async def test_missed_promise_is_published_once_with_all_there_is_to_know(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(45))

    (record,) = await topics.read(sla.kafka, "sla.breaches.v1")
    headers = dict(record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"pledge.promise.breached.v1"
    assert headers["ce_source"] == b"/sla"
    assert headers["ce_subject"] == str(story.ticket_id).encode()
    assert headers["ce_sequence"] == b"1"
    assert headers["content-type"] == b"application/json"
    assert record.key == str(story.ticket_id).encode()

    (breach,) = [each.event for each in await sla.breach_events()]
    assert isinstance(breach, PromiseBreached)
    assert breach.metric == "first_response"
    assert breach.due_at == breach.breached_at == story.start + minutes(30)
    assert breach.detected_at == breach.due_at
    assert breach.ticket_number == story.number
    assert breach.requester.email == "bea@example.com"
    assert breach.severity == "p1"
    assert not breach.is_late
    assert not breach.is_provisional


async def test_warning_comes_before_the_breach(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(29))

    kinds = said(await sla.timer_events(), story)
    assert ("at_risk", "first_response") in kinds
    assert await sla.breach_events() == []
    assert (await sla.get("/timers", state="at_risk"))["items"][0]["metric"] == "first_response"


async def test_attempt_to_reach_the_customer_meets_the_first_reaction(sla: Sla) -> None:
    story = Story().opened().attempted(10)
    await sla.deliver(story)
    await sla.advance(minutes(60))

    assert said(await sla.timer_events(), story).count(("met", "first_response")) == 1
    assert await sla.breach_events() == []


async def test_late_fact_takes_the_breach_back(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(45))
    await sla.deliver(story.attempted(20, known_after=45).last)

    breach, retraction = [each.event for each in await sla.breach_events()]
    assert isinstance(breach, PromiseBreached)
    assert isinstance(retraction, BreachRetracted)
    assert retraction.breach_id == breach.breach_id
    assert retraction.met_at == story.start + minutes(20)
    (listed,) = (await sla.get("/breaches"))["items"]
    assert listed["retracted_at"] is not None
    assert (await sla.get("/breaches", retracted=False))["items"] == []


async def test_what_is_done_late_stays_a_breach(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(45))
    await sla.deliver(story.attempted(45).last)

    assert said(await sla.breach_events()) == [("breached", "first_response")]


async def test_change_of_severity_moves_the_due_instant(sla: Sla) -> None:
    story = Story().opened(severity="p2").triaged(10, "p1")
    await sla.deliver(story)
    await sla.advance(minutes(30))

    (breach,) = [each.event for each in await sla.breach_events()]
    assert isinstance(breach, PromiseBreached)
    assert (breach.metric, breach.due_at) == ("first_response", story.start + minutes(30))


async def test_breaches_of_many_tickets_due_at_once_are_each_published_once(sla: Sla) -> None:
    stories = [Story(number).opened() for number in range(300)]
    await sla.deliver(*stories)
    await sla.advance(minutes(31))

    breaches = await sla.breach_events()
    assert len(breaches) == 300
    assert {each.envelope.subject for each in breaches} == {str(each.ticket_id) for each in stories}
    assert all(each.envelope.sequence == 1 for each in breaches)


async def test_days_pass_without_a_second_breach(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(timedelta(days=5))

    assert sorted(said(await sla.breach_events())) == [
        ("breached", "first_response"),
        ("breached", "resolution"),
    ]


@pytest.mark.promise("SIS-13")
async def test_update_that_the_status_page_owes_is_a_promise_of_the_incident(sla: Sla) -> None:
    incident = Story().incident(IncidentOpened, 0).incident(IncidentUpdated, 20)
    await sla.deliver(incident)
    await sla.advance(minutes(55))

    (breach,) = [each.event for each in await sla.breach_events()]
    assert isinstance(breach, PromiseBreached)
    assert (breach.incident_id, breach.ticket_id) == (incident.ticket_id, None)
    assert (breach.metric, breach.cycle) == ("public_update", 2)
    assert breach.due_at == incident.start + minutes(50)
    assert breach.ticket_number == breach.subject_line == "Mail is delayed"
    assert breach.severity == "critical", "its impact; the desk's default is for tickets"

    await sla.deliver(incident.incident(IncidentResolved, 60).last)
    await sla.advance(minutes(120))
    assert len(await sla.breach_events()) == 1


@pytest.mark.promise("SIS-13")
async def test_each_half_hour_without_an_update_is_a_breach_when_it_is_over(sla: Sla) -> None:
    incident = Story().incident(IncidentOpened, 0)
    await sla.deliver(incident)
    await sla.advance(minutes(95))

    breaches = [each.event for each in await sla.breach_events()]
    assert all(isinstance(each, PromiseBreached) and not each.is_late for each in breaches)
    assert [
        (each.cycle, each.due_at) for each in breaches if isinstance(each, PromiseBreached)
    ] == [(cycle, incident.start + minutes(30 * cycle)) for cycle in (1, 2, 3)]
    timers = (await sla.get("/timers"))["items"]
    assert [(each["cycle"], each["state"]) for each in timers if each["metric"] == "public_update"][
        -1
    ] == (4, "running")

    await sla.deliver(incident.incident(IncidentUpdated, 95).last)
    await sla.deliver(incident.incident(IncidentResolved, 110).last)
    await sla.advance(minutes(120))
    assert len(await sla.breach_events()) == 3
