"""A mail of ours that comes back stands on the ticket whose mail it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from integration.intake.harness import Intake, a_mail
from integration.intake.test_queue_pages import agent
from pledge.events import (
    AgentReplyFailed,
    EmailBounced,
    EmailFailed,
    EmailRequested,
    EmailSent,
    NotifyEvent,
    Topic,
)
from support import topics
from support.waiting import eventually

INFOCYTE = "support@infocyte.example"
MINUTE = timedelta(minutes=1)


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


async def told(intake: Intake, event: NotifyEvent) -> None:
    """Have notify say so, and wait until intake has read it."""
    await topics.publish(intake.kafka, [intake.message(event)])

    async def is_read() -> bool:
        return await topics.is_read(intake.kafka, intake.pool, [Topic.NOTIFY_EVENTS])

    await eventually(is_read, what="reading what notify says")


async def states(intake: Intake, ticket: dict[str, str]) -> list[tuple[str, str, str]]:
    async with intake.http("reader") as client:
        items = (await client.get(f"/tickets/{ticket['id']}/mails")).json()["items"]
    return [(each["recipient"], each["state"], each["reason"]) for each in items]


async def test_the_state_of_each_mail_stands_on_its_ticket(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        answer = await client.post(f"/tickets/{ticket['id']}/reply", json={"text": "We are on it"})
        assert answer.is_success
    (mail,) = [
        each["data"] for each in await intake.facts(ticket["id"])
        if each["type"] == EmailRequested.TYPE
    ]  # fmt: skip
    page, now = f"/ticket/{ticket['id']}", intake.clock.now()
    about: dict[str, Any] = {
        "desk": "vircom", "recorded_at": now, "ticket_id": UUID(ticket["id"]),
        "ticket_number": ticket["number"], "message_id": UUID(mail["email_id"]),
        "recipient": "Ann@contoso.example",
    }  # fmt: skip
    async with agent(intake) as client:
        assert "not sent yet" in (await client.get(page)).text
        assert await states(intake, ticket) == []
        # Of mails from before there was a word on them nothing is said.
        then = now - timedelta(days=3)
        kept = await intake.pool.fetchval(
            "SELECT occurred_at FROM facts WHERE type = $1", EmailRequested.TYPE
        )
        set_to = "UPDATE facts SET occurred_at = $2 WHERE type = $1"
        await intake.pool.execute(set_to, EmailRequested.TYPE, then)
        assert "not sent yet" not in (await client.get(page)).text
        await intake.pool.execute(set_to, EmailRequested.TYPE, kept)
        sent_id = f"<{mail['email_id']}@vircom.example>"
        taken = EmailSent(**about, occurred_at=now, mail_message_id=sent_id)
        await told(intake, taken)
        assert await states(intake, ticket) == [("ann@contoso.example", "sent", "")]
        shown = (await client.get(page)).text
        assert "not sent yet" not in shown
        assert "does not arrive" not in shown
        # Bounces may say what they like of others, and of mails that there are not.
        for changes in ({"recipient": "eve@x.example"}, {"message_id": intake.ids.new()}):
            await told(intake, EmailBounced(**{**about, **changes}, occurred_at=now + MINUTE))
        assert await states(intake, ticket) == [("ann@contoso.example", "sent", "")]
        await intake.mail(a_bounce(sent_id, 1), sender="")
        await intake.recorded(
            ticket["id"], "opened", "agent_replied", "email_requested", "noted",
            "agent_reply_failed",
        )  # fmt: skip
        assert await states(intake, ticket) == [("ann@contoso.example", "returned", "5.1.1")]
        shown = (await client.get(page)).text
        assert "does not arrive" in shown
        assert (
            "came back (5.1.1): smtp; 550 no mailbox" in shown or "came back (5.1.1): 550" in shown
        )
        # What was told before comes again: the newest word counts.
        await told(intake, taken)
        assert await states(intake, ticket) == [("ann@contoso.example", "returned", "5.1.1")]
    async with agent(intake, desks=["demo"]) as stranger:
        assert (await stranger.get(f"/tickets/{ticket['id']}/mails")).status_code == 404


async def test_a_refused_acknowledgement_stands_on_its_ticket_until_a_mail_arrives(
    intake: Intake,
) -> None:
    await intake.mail(
        a_mail("Surveys fail", "Severity: 2", sender="ann@fabrikam.example", to=INFOCYTE), INFOCYTE
    )
    (ticket,) = await intake.tickets(1)
    (asked,) = [
        each["data"] for each in await intake.facts(ticket["id"])
        if each["type"] == EmailRequested.TYPE
    ]  # fmt: skip
    now = intake.clock.now()
    about: dict[str, Any] = {
        "desk": "infocyte", "recorded_at": now, "ticket_id": UUID(ticket["id"]),
        "ticket_number": ticket["number"], "recipient": "ann@fabrikam.example",
    }  # fmt: skip
    refused = EmailFailed(
        **about, message_id=UUID(asked["email_id"]), occurred_at=now, reason="unknown_recipient",
        detail="550 5.1.1 <ann@fabrikam.example>: no such user\r\nhere",
    )  # fmt: skip
    await told(intake, refused)
    async with agent(intake) as client:
        shown = (await client.get(f"/ticket/{ticket['id']}")).text
        assert "Mail to <bdi>ann@fabrikam.example</bdi> does not arrive" in shown
        assert "not taken (unknown recipient): 550 5.1.1 &lt;ann@fabrikam.example&gt;" in shown
        async with intake.http("agent") as api:
            path = f"/tickets/{ticket['id']}/reply"
            assert (await api.post(path, json={"text": "Try this"})).is_success
        mails = [
            each["data"]["email_id"] for each in await intake.facts(ticket["id"])
            if each["type"] == EmailRequested.TYPE
        ]  # fmt: skip
        await told(
            intake,
            EmailSent(
                **about,
                message_id=UUID(mails[-1]),
                occurred_at=now + MINUTE,
                mail_message_id="<later@infocyte.example>",
            ),
        )
        shown = (await client.get(f"/ticket/{ticket['id']}")).text
        assert "does not arrive" not in shown
        assert "not taken (unknown recipient)" in shown, "of that mail it is said for good"
