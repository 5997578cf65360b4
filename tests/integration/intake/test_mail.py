"""Mails over SMTP become tickets, once each, in the right thread and at the right desk."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest

from integration.intake.harness import Intake, a_mail, short
from pledge.events import AgentReplied, AgentReplyFailed, EmailFailed, EmailRequested, TicketOpened
from support import topics
from support.waiting import eventually


async def test_a_mail_becomes_a_numbered_ticket_with_its_event(intake: Intake) -> None:
    await intake.mail(a_mail("[P1] No mail flow"))
    (ticket,) = await intake.tickets(1)
    assert ticket["number"] == "VIR-10001"
    assert (ticket["severity"], ticket["state"], ticket["channel"]) == ("p1", "open", "email")
    assert ticket["requester"]["email"] == "ann@contoso.example"
    assert ticket["customer"] == "Contoso"
    (told,) = await intake.published()
    assert isinstance(told.event, TicketOpened)
    assert told.envelope.sequence == 1
    assert told.event.text == "Nothing comes in since nine."
    assert told.event.reply_to == ticket["reply_to"]
    assert told.envelope.causation_id


async def test_a_resent_mail_is_one_ticket(intake: Intake) -> None:
    mail = a_mail()
    await intake.mail(mail)
    await intake.mail(mail)
    again = EmailMessage()
    again["Received"] = "from elsewhere by another way; Sat, 21 Nov 2026 10:00:05 +0000"
    await intake.mail(b"Received: by another way\r\n" + mail.as_bytes())
    await intake.tickets(1)


async def test_different_mails_with_one_message_id_are_two_tickets(intake: Intake) -> None:
    await intake.mail(a_mail("First", message_id="<same@broken.example>"))
    await intake.mail(a_mail("Second", message_id="<same@broken.example>"))
    found = await intake.tickets(2)
    assert {each["number"] for each in found} == {"VIR-10001", "VIR-10002"}


async def test_a_reply_to_the_signed_address_joins_the_ticket(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    reply = a_mail(
        "Quite another subject", sender="bob@contoso.example", message_id="<two@contoso.example>"
    )
    await intake.mail(reply, ticket["reply_to"].upper())
    (ticket,) = await intake.tickets(1)
    assert await intake.types(ticket["number"]) == [
        "opened", "requester_replied", "participants_changed",
    ]  # fmt: skip
    assert [each["email"] for each in ticket["participants"]] == ["bob@contoso.example"]


async def test_a_forged_reply_address_opens_a_ticket_of_its_own(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    token = ticket["reply_to"].partition("@")[0].partition("+")[2]
    forged = ("b" if token[0] == "a" else "a") + token[1:]
    await intake.mail(
        a_mail("Forged", message_id="<three@evil.example>"), f"support+{forged}@vircom.example"
    )
    await intake.tickets(2)


async def test_the_reply_address_of_one_desk_means_nothing_at_another(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    token = ticket["reply_to"].partition("@")[0]
    await intake.mail(a_mail("Elsewhere", message_id="<x@y.example>"), f"{token}@demo.example")
    found = await intake.tickets(2)
    assert [each["desk"] for each in found] == ["vircom", "demo"]
    assert await intake.types(ticket["id"]) == ["opened"]


async def test_a_reply_threads_by_message_ids_within_the_desk_only(intake: Intake) -> None:
    await intake.mail(a_mail())
    await intake.tickets(1)
    thread = ["<one@contoso.example>"]
    await intake.mail(a_mail("Re: No mail flow", message_id="<2@x.example>", references=thread))
    (ticket,) = await intake.tickets(1)
    await intake.mail(
        a_mail("Re: No mail flow", message_id="<3@x.example>", references=thread),
        "support@demo.example",
    )
    found = await intake.tickets(2)
    assert found[1]["desk"] == "demo"
    assert await intake.types(ticket["id"]) == ["opened", "requester_replied"]


async def test_a_mail_to_two_desks_is_a_ticket_at_each(intake: Intake) -> None:
    await intake.mail(a_mail(), "support@vircom.example", "support@demo.example")
    found = await intake.tickets(2)
    assert {each["number"] for each in found} == {"VIR-10001", "DEMO-10001"}


async def test_a_mail_to_two_addresses_of_a_desk_is_one_urgent_ticket(intake: Intake) -> None:
    mail = a_mail(to="support@vircom.example, emergency@vircom.example")
    await intake.mail(mail, "support@vircom.example")
    await intake.mail(mail, "emergency@vircom.example")
    (ticket,) = await intake.tickets(1)
    assert ticket["is_urgent"] is True
    assert ticket["line"] == "emergency@vircom.example"


async def test_an_unknown_recipient_is_refused_and_told_what_to_do(intake: Intake) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await intake.mail(a_mail(), "suport@vircom.example")
    code, words = refused.value.recipients["suport@vircom.example"]
    assert code == 550
    assert b"check the spelling" in words
    refusals = await intake.mail(a_mail(), "nobody@vircom.example", "support@vircom.example")
    assert list(refusals) == ["nobody@vircom.example"]
    await intake.tickets(1)


async def test_a_bounce_opens_nothing_and_is_noted_on_its_ticket(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    bounce = a_mail(
        "Undelivered Mail Returned to Sender",
        sender="MAILER-DAEMON@contoso.example",
        message_id="<bounce@contoso.example>",
        Auto_Submitted="auto-replied",
    )
    await intake.mail(bounce, "support@vircom.example", sender="")
    vacation = a_mail("Out of office", message_id="<v@x.example>", Auto_Submitted="auto-replied")
    await intake.mail(vacation, ticket["reply_to"])
    await intake.recorded(ticket["id"], "opened", "noted")
    async with intake.http("agent") as client:
        await client.post(f"/tickets/{ticket['id']}/close", json={})
    await intake.mail(
        a_mail("Automatic reply: x", message_id="<w@x.example>", Auto_Submitted="auto-replied"),
        ticket["reply_to"],
    )
    await intake.recorded(ticket["id"], "opened", "noted", "closed", "noted")
    (ticket,) = await intake.tickets(1)
    assert ticket["state"] == "closed"


async def test_a_reply_on_a_closed_ticket_reopens_it(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        assert (await client.post(f"/tickets/{ticket['id']}/resolve", json={})).is_success
        assert (await client.post(f"/tickets/{ticket['id']}/close", json={})).is_success
    await intake.mail(a_mail("Still broken", message_id="<2@x.example>"), ticket["reply_to"])

    async def reopened() -> bool:
        (now,) = await intake.tickets(1)
        return bool(now["state"] == "open")

    await eventually(reopened)
    assert await intake.types(ticket["id"]) == [
        "opened", "resolved", "closed", "reopened", "requester_replied",
    ]  # fmt: skip


async def test_an_agents_reply_asks_for_the_mail_to_the_requester(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        body = {"text": "We are on it.", "is_initial_response": True}
        assert (await client.post(f"/tickets/{ticket['id']}/reply", json=body)).is_success
    told = await intake.published()
    assert [short(each.envelope.type) for each in told] == [
        "opened", "agent_replied", "email_requested",
    ]  # fmt: skip
    reply, mail = told[1].event, told[2].event
    assert isinstance(reply, AgentReplied)
    assert reply.is_initial_response
    assert isinstance(mail, EmailRequested)
    assert mail.text == "We are on it."
    assert mail.in_reply_to == "<one@contoso.example>"
    assert mail.reply_to == ticket["reply_to"]
    assert [each.envelope.sequence for each in told] == [1, 2, 3]


async def test_mail_that_is_hard_to_read_is_taken_and_readable(intake: Intake) -> None:
    html = a_mail(message_id="<html@x.example>")
    html.set_content("<p>Hello <b>desk</b></p><script>alert(1)</script>", subtype="html")
    mails: tuple[EmailMessage | bytes, ...] = (
        b"\r\nno header at all\x00 and a NUL\r\n",
        b"Subject: =?utf-8?b?8J+YgOKAig==?=\r\nFrom: <\xff\xfe>\r\n\r\n\xe4\xf6\r\n",
        b"Subject: " + b"x" * 20_000 + b"\r\n\r\n" + b"y" * 500_000 + b"\r\n",
        html,
    )
    found: list[dict[str, Any]] = []
    for number, mail in enumerate(mails, start=1):
        await intake.mail(mail)
        # One after the other: mails of different conversations are read side by side.
        found = await intake.tickets(number)
    opened = [(await intake.facts(each["id"]))[0]["data"] for each in found]
    assert opened[0]["text"] == "no header at all\N{REPLACEMENT CHARACTER} and a NUL"
    assert opened[1]["text"] == "äö"
    assert found[2]["subject"] == "x" * 7_999 + "…"
    assert opened[3]["text"] == "Hello desk"


async def test_a_too_large_mail_is_refused(intake: Intake) -> None:
    with pytest.raises(smtplib.SMTPException):
        await intake.mail(a_mail(text="z" * 70 + "\n").as_bytes() + b"z\r\n" * 9_000_000)
    await intake.tickets(0)


async def test_attachments_are_kept_and_can_be_fetched(intake: Intake) -> None:
    mail = a_mail()
    mail.add_attachment(b"log lines", maintype="text", subtype="plain", filename="server.log")
    await intake.mail(mail)
    await intake.tickets(1)
    row = await intake.pool.fetchrow(
        "SELECT desk, sha256, name FROM ticket_files WHERE kind = 'files'"
    )
    assert (row["desk"], row["name"]) == ("vircom", "server.log")
    async with intake.http("reader") as client:
        answer = await client.get(f"/attachments/vircom/{row['sha256']}")
        assert answer.content.rstrip() == b"log lines"
        assert answer.headers["content-disposition"].startswith("attachment")
    async with intake.http("reader", desks=["demo"]) as client:
        assert (await client.get(f"/attachments/vircom/{row['sha256']}")).status_code == 404


async def test_many_mails_at_once_are_numbered_without_gaps(intake: Intake) -> None:
    mails = [a_mail(f"Mail {n}", message_id=f"<{n}@x.example>") for n in range(40)]
    await asyncio.gather(*(intake.mail(each) for each in mails))
    found = await intake.tickets(40)
    assert sorted(each["number"] for each in found) == [f"VIR-{10001 + n}" for n in range(40)]


async def test_a_reply_that_could_not_be_sent_is_taken_back_once_and_marked(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        for _ in range(2):
            body = {"text": "We are on it."}
            assert (await client.post(f"/tickets/{ticket['id']}/reply", json=body)).is_success
    told = await intake.published()
    mail = told[2].event
    assert isinstance(mail, EmailRequested)
    now = intake.clock.now()
    failed = EmailFailed(
        desk="vircom",
        occurred_at=now,
        recorded_at=now,
        ticket_id=UUID(ticket["id"]),
        ticket_number=ticket["number"],
        message_id=mail.email_id,
        template=mail.template,
        recipient=str(mail.to[0].email),
        reason="refused",
    )
    await topics.publish(intake.kafka, [intake.message(failed), intake.message(failed)])
    await intake.recorded(
        ticket["id"], "opened", "agent_replied", "email_requested", "agent_replied",
        "email_requested", "agent_reply_failed",
    )  # fmt: skip
    event = (await intake.published())[-1].event
    assert isinstance(event, AgentReplyFailed)
    assert event.takes_back == 2
    async with intake.http("agent") as client:
        page = (await client.get(f"/ticket/{ticket['id']}")).text
    assert page.count("this reply did not reach the requester") == 1
