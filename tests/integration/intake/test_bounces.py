"""A mail of ours that comes back stands on the ticket whose mail it is."""

from __future__ import annotations

from uuid import UUID

from integration.intake.harness import Intake, a_mail
from pledge.events import AgentReplyFailed, EmailRequested, EmailSent
from support import topics
from support.waiting import eventually


def a_bounce(returned: str, number: int, *, status: str = "5.1.1", action: str = "failed") -> bytes:
    return f"""From: Mail System <mailer-daemon@mx.contoso.example>
To: support@vircom.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce-{number}@mx.contoso.example>
Date: Sat, 21 Nov 2026 11:00:00 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=part

--part
Content-Type: text/plain

This mail could not be delivered.
--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.contoso.example

Final-Recipient: rfc822; ann@contoso.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no mailbox of this name

--part
Content-Type: message/rfc822

From: support@vircom.example
To: ann@contoso.example
Message-ID: {returned}
Subject: Re: No mail flow

We are on it.
--part--
""".replace("\n", "\r\n").encode()


async def sent(intake: Intake, ticket: dict[str, str], mail_id: UUID) -> str:
    """Have notify say that it sent the mail; gives the mail's Message-ID."""
    now, message_id = intake.clock.now(), f"<{mail_id}@vircom.example>"
    event = EmailSent(
        desk="vircom",
        occurred_at=now,
        recorded_at=now,
        ticket_id=UUID(ticket["id"]),
        ticket_number=ticket["number"],
        message_id=mail_id,
        recipient="ann@contoso.example",
        mail_message_id=message_id,
    )
    known = await intake.pool.fetchval("SELECT count(*) FROM threads")
    await topics.publish(intake.kafka, [intake.message(event)])

    async def is_known() -> bool:
        return bool(await intake.pool.fetchval("SELECT count(*) FROM threads") > known)

    await eventually(is_known, what="the Message-ID being known")
    return message_id


async def test_a_returned_acknowledgement_is_told_on_its_ticket(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    acknowledgement = await sent(intake, ticket, intake.ids.new())
    await intake.mail(a_bounce(acknowledgement, 1), sender="")
    await intake.recorded(ticket["id"], "opened", "noted")
    note = (await intake.facts(ticket["id"]))[1]["data"]["text"]
    assert note.startswith("A mail to ann@contoso.example did not arrive.")
    assert "5.1.1" in note
    assert "no mailbox of this name" in note
    (ticket,) = await intake.tickets(1)
    assert ticket["state"] == "open"


async def test_a_returned_reply_is_taken_back_once(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        body = {"text": "We are on it.", "is_initial_response": True}
        assert (await client.post(f"/tickets/{ticket['id']}/reply", json=body)).is_success
    mail = (await intake.published())[2].event
    assert isinstance(mail, EmailRequested)
    returned = await sent(intake, ticket, mail.email_id)
    await intake.mail(a_bounce(returned, 1, status="4.2.2", action="delayed"), sender="")
    await intake.mail(a_bounce(returned, 2), sender="")
    await intake.mail(a_bounce(returned, 3), sender="")

    async def are_there() -> list[str]:
        found = await intake.types(ticket["id"])
        assert len(found) == 7
        return found

    found = await eventually(are_there, what="the bounces being noted")
    assert sorted(found[3:]) == ["agent_reply_failed", "noted", "noted", "noted"]
    (failed,) = [
        each.event for each in await intake.published() if isinstance(each.event, AgentReplyFailed)
    ]
    assert (failed.takes_back, failed.recipient) == (2, "ann@contoso.example")
    assert failed.reason == "bounced"
    await intake.tickets(1)


async def test_a_bounce_of_another_desks_mail_changes_nothing_there(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    acknowledgement = await sent(intake, ticket, intake.ids.new())
    await intake.mail(a_bounce(acknowledgement, 1), "support@demo.example", sender="")

    async def is_filed() -> bool:
        return bool(
            await intake.pool.fetchval(
                "SELECT count(*) = 1 FROM delivery_ledger WHERE desk = 'demo' AND ending = 'filed'"
                " AND ticket_id IS NULL"
            )
        )

    await eventually(is_filed, what="the bounce being filed")
    assert await intake.types(ticket["id"]) == ["opened"]
