"""Who may add to a ticket by mail, and which copies of a mail count."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

from integration.intake.harness import Intake, a_mail
from pledge.events import (
    AgentReplied,
    EmailRequested,
    Escalated,
    Noted,
    RequesterReplied,
    TicketEvent,
    TicketOpened,
)
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases

NOTICE = "<notice-7@list.example>"


async def told(intake: Intake, ticket: dict[str, Any]) -> list[TicketEvent]:
    """What was published of the ticket."""
    events = [each.event for each in await intake.published()]
    return [
        each
        for each in events
        if isinstance(each, TicketEvent) and str(each.ticket_id) == ticket["id"]
    ]


async def by_requester(intake: Intake, count: int) -> dict[str, dict[str, Any]]:
    found = await intake.tickets(count)
    return {each["requester"]["email"]: each for each in found}


async def test_two_strangers_who_answer_one_notice_share_no_ticket(intake: Intake) -> None:
    for name in ("ann", "bob"):
        await intake.mail(
            a_mail(
                text=f"{name} asks",
                sender=f"{name}@{name}.example",
                message_id=f"<{name}-1@{name}.example>",
                references=[NOTICE],
            )
        )
    tickets = await by_requester(intake, 2)
    assert set(tickets) == {"ann@ann.example", "bob@bob.example"}
    # Each goes on where they began, though both name nothing but the notice.
    for name in ("bob", "ann"):
        await intake.mail(
            a_mail(
                text=f"{name} asks again",
                sender=f"{name}@{name}.example",
                message_id=f"<{name}-2@{name}.example>",
                references=[NOTICE],
            )
        )
    await intake.mail(a_mail(sender="eve@eve.example", message_id="<last@eve.example>"))
    tickets = await by_requester(intake, 3)
    for name in ("ann", "bob"):
        events = await told(intake, tickets[f"{name}@{name}.example"])
        words = [each.text for each in events if isinstance(each, RequesterReplied)]
        assert words == [f"{name} asks again\n"] or words == [f"{name} asks again"]
    linked = tickets["bob@bob.example"]["links"]
    assert [each["kind"] for each in linked] == ["speaks_of"]
    assert tickets["ann@ann.example"]["links"] == []


async def test_a_stranger_who_knows_an_id_or_a_number_opens_a_ticket_of_their_own(
    intake: Intake,
) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        path = f"/tickets/{ticket['id']}"
        tried = {"channel": "phone", "reached": False}
        assert (await client.post(f"{path}/contact-attempts", json=tried)).status_code == 200
        assert (await client.post(f"{path}/wait", json={"waiting_for": "customer"})).is_success
    await intake.mail(
        a_mail(
            sender="mallory@other.example",
            message_id="<m-1@other.example>",
            references=["<one@contoso.example>"],
        )
    )
    await intake.mail(
        a_mail(
            f"[{ticket['number']}] mine too",
            sender="oscar@third.example",
            message_id="<o-1@third.example>",
        )
    )
    tickets = await by_requester(intake, 3)
    now = tickets["ann@contoso.example"]
    assert (now["state"], now["unanswered_attempts"]) == ("waiting_on_customer", 1)
    for stranger in ("mallory@other.example", "oscar@third.example"):
        assert [each["number"] for each in tickets[stranger]["links"]] == [ticket["number"]]
        events = await told(intake, tickets[stranger])
        (note,) = [each for each in events if isinstance(each, Noted)]
        assert ticket["number"] in note.text


async def test_the_number_in_the_subject_leads_participants_to_their_ticket(
    intake: Intake,
) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    await intake.mail(
        a_mail(
            f"[{ticket['number'].lower()}] more about it",
            to="escalation@vircom.example",
            message_id="<two@contoso.example>",
        )
    )
    await intake.recorded(ticket["id"], "opened", "requester_replied", "escalated")
    assert len(await intake.tickets(1)) == 1
    events = await told(intake, ticket)
    assert [type(each) for each in events if isinstance(each, Escalated)] == [Escalated]


async def test_a_copy_to_the_emergency_address_makes_the_ticket_urgent_once(
    intake: Intake,
) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    assert not ticket["is_urgent"]
    for _ in range(2):
        await intake.mail(a_mail(), "emergency@vircom.example", sender="ann@contoso.example")
    await intake.mail(a_mail(), "support@vircom.example", sender="ann@contoso.example")
    await intake.recorded(ticket["id"], "opened", "requester_replied")
    (now,) = await intake.tickets(1)
    assert now["is_urgent"]
    reply = (await told(intake, ticket))[1]
    assert isinstance(reply, RequesterReplied)
    assert reply.is_urgent


async def test_the_common_copy_that_comes_after_the_urgent_one_says_nothing_new(
    intake: Intake,
) -> None:
    await intake.mail(a_mail(), "emergency@vircom.example", sender="ann@contoso.example")
    await intake.mail(a_mail(), "support@vircom.example", sender="ann@contoso.example")
    await intake.mail(a_mail("Other", message_id="<x@y.example>"), sender="eve@eve.example")
    tickets = await intake.tickets(2)
    assert sorted(each["sequence"] for each in tickets) == [1, 1]
    assert sorted(each["is_urgent"] for each in tickets) == [False, True]


async def test_equal_words_without_an_id_by_two_people_are_two_requests(intake: Intake) -> None:
    mail = EmailMessage()
    mail["To"] = "support@vircom.example"
    mail["Subject"] = "Please call"
    mail.set_content("Please call me back.")
    for sender in ("carl@customer.example", "dora@customer.example", "carl@customer.example"):
        await intake.mail(mail, sender=sender)
    tickets = await by_requester(intake, 2)
    assert set(tickets) == {"carl@customer.example", "dora@customer.example"}
    await intake.pool.execute("UPDATE deliveries SET taken_at = taken_at - interval '7 hours'")
    await intake.mail(mail, sender="carl@customer.example")
    assert len(await intake.tickets(3)) == 3


async def test_a_sender_that_the_border_calls_forged_joins_nothing(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    domain = "header.from=contoso.example"
    border = {"authserv_ids": "mx.vircom.example"}
    async with Intake(kafka, database("intake"), tmp_path, **border) as intake:
        await intake.mail(a_mail())
        (ticket,) = await intake.tickets(1)
        for number, to in enumerate((ticket["reply_to"], "support@vircom.example")):
            await intake.mail(
                a_mail(
                    to=to,
                    message_id=f"<forged-{number}@contoso.example>",
                    references=["<one@contoso.example>"],
                    Authentication_Results=f"mx.vircom.example; dmarc=fail {domain}",
                )
            )
        tickets = await intake.tickets(3)
        assert [each["sequence"] for each in tickets if each["id"] == ticket["id"]] == [1]
        for each in tickets:
            opened = (await told(intake, each))[0]
            assert isinstance(opened, TicketOpened)
            assert opened.authentication is not None
            assert opened.authentication.result == (
                "none" if each["id"] == ticket["id"] else "failed"
            )


async def test_staff_answer_and_note_with_their_own_mail_program(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    for number, to in enumerate((ticket["reply_to"], "support@vircom.example")):
        await intake.mail(
            a_mail(
                text="Restart the relay.",
                sender="Maya <maya@vircom-staff.example>",
                to=to,
                message_id=f"<staff-{number}@vircom-staff.example>",
                references=["<one@contoso.example>"],
            )
        )
    await intake.recorded(ticket["id"], "opened", "agent_replied", "email_requested", "noted")
    _, reply, mail, _ = await told(intake, ticket)
    assert isinstance(reply, AgentReplied)
    assert isinstance(mail, EmailRequested)
    assert (reply.by.id, reply.text.strip()) == ("maya@vircom-staff.example", "Restart the relay.")
    assert [each.email for each in mail.to] == ["ann@contoso.example"]
    (now,) = await intake.tickets(1)
    assert now["participants"] == []


async def test_what_staff_pass_on_is_the_request_of_whoever_wrote_it(intake: Intake) -> None:
    passed_on = (
        "Please take this one.\n\n---------- Forwarded message ---------\n"
        "From: Rita Example <rita@customer.example>\n"
        "Date: Mon, Nov 30, 2026 at 9:12 AM\nSubject: Digest is empty\n"
        "To: Maya <maya@vircom-staff.example>\n\nThe digest has been empty since Friday.\n"
    )
    for sender in ("maya@vircom-staff.example", "mallory@other.example"):
        mail = a_mail("Fwd: Digest is empty", passed_on, sender=sender, message_id=f"<1.{sender}>")
        await intake.mail(mail, sender=sender)
    tickets = await by_requester(intake, 2)
    assert tickets.keys() == {"rita@customer.example", "mallory@other.example"}
    ticket = tickets["rita@customer.example"]
    assert ticket["subject"] == "Digest is empty"
    opened, note, *_ = await told(intake, ticket)
    assert isinstance(opened, TicketOpened)
    assert isinstance(note, Noted)
    assert opened.opened_by is not None
    assert opened.opened_by.id == "maya@vircom-staff.example"
    assert opened.text.strip() == "The digest has been empty since Friday."
    assert note.text.strip() == "Please take this one."
