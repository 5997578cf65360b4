"""Tickets and broken promises open incidents, each exactly once."""

from __future__ import annotations

from pathlib import Path

from integration.status.harness import Status, Ticket, an_incident, names
from integration.status.test_staff_pages import signed_in
from pledge.events import IncidentOpened, IncidentResolved
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from support import topics
from support.databases import Databases
from support.waiting import eventually


async def test_a_confirmed_critical_ticket_is_on_the_page_and_on_the_bus(status: Status) -> None:
    ticket = Ticket()
    await status.publish(ticket.opened(), ticket.triaged())

    async def is_shown() -> bool:
        return bool((await status.summary())["incidents"])

    await eventually(is_shown, what="the incident on the page")
    summary = await status.summary()

    assert summary["status"] == {"indicator": "major", "description": "Partial System Outage"}
    (incident,) = summary["incidents"]
    assert incident["name"] == "Mail is not delivered"
    assert incident["impact"] == "critical"
    assert incident["incident_updates"][0]["body"] == "We know &lt;b&gt;about&lt;/b&gt; it."
    assert [one["name"] for one in incident["components"]] == ["Mail"]

    async def is_told() -> bool:
        return len(await status.events()) == 2

    await eventually(is_told, what="the events")
    events = await status.events()
    assert names(events) == ["component.changed.v1", "incident.opened.v1"]
    opened = next(each for each in events if isinstance(each.event, IncidentOpened))
    assert isinstance(opened.event, IncidentOpened)
    assert opened.event.ticket_ids == (ticket.id,)
    assert opened.event.next_update_by is not None
    assert opened.envelope.sequence == 1
    assert opened.envelope.causation_id is not None


async def test_tickets_confirmed_at_the_same_time_share_one_incident(status: Status) -> None:
    # Of different partitions, in one go: their batches run side by side.
    tickets = [Ticket(number=f"ACM-{number}") for number in range(20)]
    await status.publish_and_settle(*(ticket.triaged() for ticket in tickets))

    (incident,) = await status.incidents()
    assert len(incident["tickets"]) == 20
    assert names(await status.events()) == ["component.changed.v1", "incident.opened.v1"]


async def test_a_repeated_event_opens_nothing_again(status: Status) -> None:
    confirmation = Ticket().triaged()
    await status.publish_and_settle(confirmation, confirmation)
    (incident,) = await status.incidents()
    async with status.staff() as client:
        path = f"/incidents/{incident['id']}/updates"
        answer = await client.post(path, json={"body": "Done.", "status": "resolved"})
        assert answer.status_code == 201
    await status.publish_and_settle(confirmation)

    assert [one["status"] for one in await status.incidents()] == ["resolved"]


async def test_what_is_not_critical_or_not_confirmed_stays_off_the_page(status: Status) -> None:
    await status.publish_and_settle(
        Ticket().triaged("normal"),
        Ticket().triaged(known=False),
        Ticket().broken("resolution"),
        Ticket(desk="others").triaged(),
        Ticket(desk="bolt").triaged(),
    )

    assert await status.incidents() == []
    assert await status.events() == []


async def test_a_ticket_linked_to_an_open_incident_joins_it(status: Status) -> None:
    async with status.staff() as client:
        opened = (await client.post("/incidents", json=an_incident())).json()
    ticket = Ticket(number="ACM-7")
    await status.publish_and_settle(ticket.linked(opened["uid"]))

    (incident,) = await status.incidents()
    assert incident["tickets"] == ["ACM-7"]


async def test_critical_tickets_linked_to_one_unknown_incident_share_a_new_one(
    status: Status,
) -> None:
    known = Ticket().id
    first, second = Ticket(number="ACM-1"), Ticket(number="ACM-2")
    await status.publish_and_settle(first.opened("critical"), first.linked(known))
    await status.publish_and_settle(second.opened("critical"), second.linked(known))

    (incident,) = await status.incidents()
    assert incident["name"] == "A known problem"
    assert incident["opened_by_rule"] == "linked"
    assert sorted(incident["tickets"]) == ["ACM-1", "ACM-2"]


async def test_a_broken_promise_opens_an_incident_where_the_desk_says_so(status: Status) -> None:
    ticket = Ticket()
    await status.publish_and_settle(ticket.broken())

    (incident,) = await status.incidents()
    assert (incident["name"], incident["impact"]) == ("Slow answers", "minor")


async def test_a_provisional_breach_opens_no_public_incident(status: Status) -> None:
    ticket = Ticket()
    await status.publish_and_settle(ticket.broken(is_provisional=True))
    assert await status.incidents() == []
    await status.publish_and_settle(ticket.taken_back(), ticket.broken())
    assert [one["status"] for one in await status.incidents()] == ["investigating"]


async def test_an_incident_whose_breach_is_taken_back_ends_by_itself(status: Status) -> None:
    ticket = Ticket()
    await status.publish_and_settle(ticket.broken())
    await status.publish_and_settle(ticket.taken_back())

    (incident,) = await status.incidents()
    assert (incident["status"], incident["severity"]) == ("resolved", "urgent")
    assert incident["updates"][0]["by"] == "system:retraction"
    assert incident["updates"][0]["body"].startswith("This was opened by mistake")
    events = await status.events()
    assert names(events) == ["incident.opened.v1", "incident.resolved.v1"]
    opened, resolved = (each.event for each in events)
    assert isinstance(opened, IncidentOpened)
    assert isinstance(resolved, IncidentResolved)
    assert opened.severity == resolved.severity == "urgent"

    # What is broken later is another incident.
    await status.publish_and_settle(ticket.broken())
    assert sorted(one["status"] for one in await status.incidents()) == [
        "investigating",
        "resolved",
    ]


async def test_a_breach_and_its_retraction_read_at_once_open_and_end_one_incident(
    status: Status,
) -> None:
    ticket = Ticket()
    await status.publish_and_settle(ticket.broken(), ticket.taken_back(), ticket.broken())
    found = await status.incidents()
    assert sorted(one["status"] for one in found) == ["investigating", "resolved"]


async def test_an_incident_that_others_share_or_that_people_write_on_stays_open(
    status: Status,
) -> None:
    first, second = Ticket(number="ACM-1"), Ticket(number="ACM-2")
    await status.publish_and_settle(first.broken())
    await status.publish_and_settle(second.broken())
    await status.publish_and_settle(first.taken_back())
    (incident,) = await status.incidents()
    assert (incident["status"], incident["disproved_at"]) == ("investigating", None)
    async with status.staff() as client:
        await client.post(
            f"/incidents/{incident['id']}/updates", json={"body": "Over.", "status": "resolved"}
        )

    third = Ticket(number="ACM-3")
    await status.publish_and_settle(third.broken())
    incident = (await status.incidents())[0]
    path = f"/incidents/{incident['id']}"
    async with status.staff() as client:
        await client.post(f"{path}/updates", json={"body": "We look into it."})
        await status.publish_and_settle(third.taken_back())
        found = (await status.incidents())[0]
        assert (found["status"], len(found["updates"])) == ("investigating", 2)
        assert found["disproved_at"] is not None
        async with signed_in(status) as browser:
            page = await browser.get(f"/staff{path}")
            assert "turned out to be none" in page.text
            assert '<option value="resolved" selected>' in page.text
        answer = await client.post(f"{path}/updates", json={"body": "But it goes on."})
        assert answer.json()["disproved_at"] is None, "people have decided"


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(status: Status) -> None:
    good = Ticket().triaged()
    bad = Message(good.topic, good.key, b"{not json", good.headers)
    uncounted = Message(
        good.topic,
        good.key,
        good.value,
        tuple(header for header in good.headers if header[0] != "ce_sequence"),
    )
    await status.publish_and_settle(bad, uncounted, good)

    assert len(await status.incidents()) == 1
    dead = await topics.read(status.kafka, "ticket.events.v1.dlq")
    assert len(dead) == 2


async def test_a_crash_between_commit_and_publishing_loses_and_doubles_nothing(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    dsn = database("status")
    tickets = [Ticket(number=f"ACM-{number}") for number in range(30)]
    first = Status(kafka, dsn, tmp_path / "first")
    async with first:
        await first.publish(*(ticket.triaged() for ticket in tickets))
        await eventually(first.has_begun, what="the first report")
        await first.kill()
    async with Status(kafka, dsn, tmp_path / "second") as second:
        await second.publish_and_settle()

        (incident,) = await second.incidents()
        assert len(incident["tickets"]) == 30
        events = await second.events()
        assert len({each.envelope.id for each in events}) == 2
