"""What events say of a mail, and who is not reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from intake.domain.mail_states import MailState, SentMail, not_reached, state_of
from pledge.events import EmailBounced, EmailFailed, EmailSent

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAIL, TICKET = UUID(int=1), UUID(int=2)
ABOUT: dict[str, Any] = {
    "desk": "vircom", "occurred_at": NOON, "recorded_at": NOON, "message_id": MAIL,
    "ticket_id": TICKET, "ticket_number": "VIR-1", "recipient": "Ann@Contoso.example",
}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "state", "reason", "detail"),
    [
        (EmailSent(**ABOUT, mail_message_id="<1@x>"), MailState.SENT, "", ""),
        (
            EmailFailed(**ABOUT, reason="refused", detail="550 no\nsuch user"),
            MailState.FAILED,
            "refused",
            "550 no such user",
        ),
        (
            EmailBounced(**ABOUT, status="5.1.1", detail="x" * 900),
            MailState.RETURNED,
            "5.1.1",
            "x" * 299 + "…",
        ),
    ],
)
def test_an_event_says_what_became_of_its_mail(
    event: EmailSent | EmailFailed | EmailBounced, state: MailState, reason: str, detail: str
) -> None:
    found = state_of(event)
    assert found is not None
    assert (found.state, found.reason, found.detail) == (state, reason, detail)
    assert (found.recipient, found.email_id, found.at) == ("ann@contoso.example", MAIL, NOON)
    assert found.is_lost == (state is not MailState.SENT)


def test_what_may_still_arrive_and_what_is_of_no_ticket_says_nothing() -> None:
    assert state_of(EmailBounced(**ABOUT, is_permanent=False)) is None
    of_none = {**ABOUT, "ticket_id": None, "ticket_number": None}
    assert state_of(EmailSent(**of_none, mail_message_id="<1@x>")) is None


def a_mail(who: str, state: MailState, minute: int) -> SentMail:
    at = NOON + timedelta(minutes=minute)
    return SentMail("vircom", TICKET, UUID(int=minute), who, state, "", "", at)


def test_somebody_is_not_reached_whose_newest_mail_did_not_arrive() -> None:
    lost = a_mail("bob", MailState.FAILED, 3)
    mails = [
        a_mail("ann", MailState.RETURNED, 1),
        a_mail("ann", MailState.SENT, 2),
        a_mail("bob", MailState.SENT, 1),
        lost,
    ]
    assert not_reached(mails) == [lost]
    assert not_reached(reversed(mails)) == [lost]
    assert not_reached([]) == []
