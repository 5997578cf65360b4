"""Invitations as mail programs read them, and who is notified of feedback."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from uuid import UUID

import pytest

from notify.channels.smtp import build_message
from notify.desk_file.events import ROUTABLE_EVENTS
from notify.domain.delivery import Delivery
from notify.messages import render
from notify.messages.default_templates import BUILT_IN
from notify.messages.mails_and_chat import notice_values
from notify.routing import event_reader
from notify.storage.rows import Ticket
from pledge.events import (
    Actor,
    Closed,
    ComplaintFiled,
    Contact,
    FeedbackAcknowledged,
    Reopened,
    ReviewUpdated,
    TicketEvent,
)

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
ANN = Contact(name="Ann", email="ann@customer.example", zone="Europe/Paris")
BO = Contact(name="Bo", email="bo@customer.example")
TOM = Actor(kind="agent", id="tom")
COMMON = {
    "desk": "infocyte",
    "ticket_id": UUID(int=1),
    "number": "INF-1",
    "occurred_at": NOW,
    "recorded_at": NOW,
}
KNOWN = Ticket(
    UUID(int=1), "infocyte", "INF-1",
    {"title": "Surveys hang", "channel": "chat", "requester": ANN.model_dump(mode="json")},
)  # fmt: skip
CALENDAR = (
    "BEGIN:VCALENDAR\r\nMETHOD:{}\r\nBEGIN:VEVENT\r\nSUMMARY:Grüße\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_an_invitation_is_an_alternative_with_its_method_and_a_file(method: str) -> None:
    text = CALENDAR.format(method)
    content = {
        "from": "support@demo.example", "envelope_from": "support@demo.example",
        "from_name": "Demo", "subject": "A meeting",
        "text": "It is agreed.", "html": "<p>It is agreed.</p>", "date": NOW.isoformat(),
        "message_id": "<1@demo.example>", "auto_submitted": "auto-generated", "calendar": text,
    }  # fmt: skip
    delivery = Delivery(
        UUID(int=1), "demo", "demo/email", "email", "ann@customer.example", content, 1, NOW
    )
    raw = build_message(delivery).as_bytes()
    mail = message_from_bytes(raw, policy=policy.default)
    kinds = [each.get_content_type() for each in mail.walk() if not each.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    invitation = next(each for each in mail.walk() if each.get_content_type() == "text/calendar")
    assert invitation.get_param("method") == method
    body = invitation.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode() == text


@pytest.mark.parametrize(
    ("event", "to", "channel"),
    [
        (ComplaintFiled(**COMMON, complaint_id=UUID(int=2), by=BO, channel="email"), BO, "email"),
        (
            FeedbackAcknowledged(**COMMON, feedback_id=UUID(int=2), by=TOM, channel="phone", to=BO),
            BO,
            "phone",
        ),
        (ReviewUpdated(**COMMON, complaint_id=UUID(int=2), by=TOM, to=BO), BO, "chat"),
        (ReviewUpdated(**COMMON, complaint_id=UUID(int=2), by=TOM), ANN, "chat"),
    ],
)
def test_who_gave_feedback_is_told_of_it_whoever_opened_the_ticket(
    event: TicketEvent, to: Contact, channel: str
) -> None:
    found = event_reader.notice(event, KNOWN)
    assert found.requester is not None
    assert (found.requester.email, found.channel) == (to.email, channel)


def test_the_time_of_the_next_update_is_in_the_reader_s_zone() -> None:
    event = ReviewUpdated(
        **COMMON, complaint_id=UUID(int=2), by=TOM, text="Soon.",
        next_update_by=datetime(2026, 3, 9, 8, 0, tzinfo=UTC),
    )  # fmt: skip
    values = notice_values(event_reader.notice(event, KNOWN))
    given = {**values, "desk": {"title": "Infocyte"}, "recipient": {"name": "Ann"}}
    words = render.render(BUILT_IN["review_update"]["en"], given, "Europe/Paris")
    assert "by Mon 9 Mar 2026, 09:00:00 CET (Europe/Paris)." in words.text


def test_every_step_of_cases_can_be_routed() -> None:
    steps = {
        "merged", "absorbed", "split_off", "followed_up", "meeting_proposed", "meeting_agreed",
        "meeting_held", "meeting_cancelled", "feedback_received", "feedback_acknowledged",
        "complaint_filed", "review_opened", "review_updated", "review_concluded",
        "arbitration_requested",
    }  # fmt: skip
    assert {f"ticket.{each}" for each in steps} <= ROUTABLE_EVENTS


def test_what_comes_after_a_ticket_s_end_pages_and_what_its_end_overtook_does_not() -> None:
    closed = event_reader.apply_to_ticket(KNOWN, Closed(**COMMON, by=TOM, reason="resolved"))
    complaint = ComplaintFiled(**COMMON, complaint_id=UUID(int=2), by=BO, channel="email")
    before, after = (
        replace(event_reader.notice(complaint, closed), detected_at=NOW + timedelta(minutes=each))
        for each in (-1, 1)
    )
    assert event_reader.is_ticket_over(before, closed)
    assert not event_reader.is_ticket_over(after, closed)
    assert not event_reader.is_ticket_over(before, KNOWN), "it is not over"
    breach = replace(after, event="promise.breached", occurred_at=NOW)
    assert event_reader.is_ticket_over(breach, closed)
    assert not event_reader.is_ticket_over(
        replace(breach, occurred_at=NOW + timedelta(days=2)), closed
    )
    reopened = event_reader.apply_to_ticket(closed, Reopened(**COMMON, by=TOM))
    assert not event_reader.is_ticket_over(before, reopened)
