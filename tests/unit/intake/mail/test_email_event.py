"""What a mail is stands in the event of it."""

from __future__ import annotations

import pytest

from intake.gateways.email import email_event
from intake.mail.parse import Delivery, read_mail
from pledge.events import EmailMessageReceived
from unit.intake.builders import ADDRESSES, NINE, a_desk

BORDER = "mx.vircom.example"
OURS = f"Authentication-Results: {BORDER}; dmarc=%s header.from=contoso.example"


def event_of(*fields: str, body: str = "It is down.") -> EmailMessageReceived:
    raw = "\r\n".join((*fields, "", body.replace("\n", "\r\n"))).encode()
    mail = read_mail(raw, Delivery(authserv_ids=(BORDER,)))
    return email_event(mail, a_desk(), ["support@vircom.example"], (), ADDRESSES, NINE)


@pytest.mark.parametrize(("word", "result"), [("pass", "passed"), ("fail", "failed")])
def test_the_borders_finding_is_in_the_event(word: str, result: str) -> None:
    event = event_of("From: Ann <ann@contoso.example>", OURS % word)

    assert event.authentication.result == result
    assert event.authentication.method == "dmarc"
    assert f"our border {BORDER} says dmarc={word}" in event.authentication.detail


def test_what_others_found_is_not_believed() -> None:
    theirs = (OURS % "pass").replace(BORDER, "mx.other.example")

    assert event_of("From: ann@contoso.example", theirs).authentication.result == "none"


def test_a_form_speaks_for_a_person_whom_nobody_vouches_for() -> None:
    event = event_of(
        "From: Form <noreply@contoso.example>",
        "Reply-To: Eve <eve@customer.example>",
        OURS % "pass",
    )

    assert (event.sender.email, event.kind) == ("eve@customer.example", "human")
    assert event.submitted_by is not None
    assert event.submitted_by.email == "noreply@contoso.example"
    assert event.authentication.result == "none"


def test_a_form_that_names_the_desk_itself_speaks_for_nobody() -> None:
    event = event_of("From: noreply@contoso.example", "Reply-To: support@vircom.example")

    assert event.sender.email == "noreply@contoso.example"


def test_the_text_is_in_parts_and_whole() -> None:
    event = event_of(
        "From: ann@contoso.example",
        body="Yes.\n\n-- \nAnn\n\nOn 30 Nov 2026, Tom <tom@vircom.example> wrote:\n> Is it?",
    )

    assert event.visible_text == "Yes."
    assert event.signature == "Ann"
    assert event.quoted_text.endswith("> Is it?")
    assert event.text.startswith("Yes.")


@pytest.mark.parametrize("fields", [("In-Reply-To: <1@vircom.example>",), ()])
def test_thanks_are_marked_where_they_answer(fields: tuple[str, ...]) -> None:
    event = event_of("From: Ann <ann@contoso.example>", *fields, body="Thank you!\n\nAnn")

    assert ("x-pledge-thanks" in event.headers) is bool(fields)


def test_a_bounce_says_what_did_not_arrive() -> None:
    body = """--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; eve@customer.example
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <reply-1@vircom.example>
--b--"""
    event = event_of(
        "From: mailer-daemon@customer.example",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        body=body,
    )

    assert event.kind == "bounce"
    assert event.is_auto_submitted
    (report,) = event.reports
    assert report.recipient == "eve@customer.example"
    assert report.returned_message_id == "<reply-1@vircom.example>"


def test_monitoring_is_a_machine_that_says_something_new() -> None:
    event = event_of("From: noreply@customer.example", "Subject: PROBLEM mail queue")

    assert (event.kind, event.is_auto_submitted) == ("other_machine", True)


def test_a_forward_names_whom_it_is_from() -> None:
    original = "---------- Forwarded message ---------\nFrom: Rita <rita@customer.example>\n"
    fields = "Date: Monday\nSubject: Digest\nTo: Maya <maya@x.example>\n\nIt is empty."
    event = event_of("From: maya@x.example", "Subject: Fwd: Digest", body=original + fields)

    assert event.forwarded is not None
    assert event.forwarded.sender.email == "rita@customer.example"
    assert (event.forwarded.subject_line, event.forwarded.text) == ("Digest", "It is empty.")


def test_an_answer_to_an_invitation_is_read() -> None:
    calendar = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REPLY
BEGIN:VEVENT
UID:meeting-1@vircom.example
DTSTAMP:20261130T100000Z
ATTENDEE;PARTSTAT=DECLINED:mailto:ann@contoso.example
END:VEVENT
END:VCALENDAR"""
    event = event_of(
        "From: ann@contoso.example",
        "Content-Type: text/calendar; method=REPLY; charset=utf-8",
        body=calendar,
    )

    assert event.meeting_answer is not None
    assert (event.meeting_answer.uid, event.meeting_answer.answer) == (
        "meeting-1@vircom.example", "declined",
    )  # fmt: skip
