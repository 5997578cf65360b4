"""Replies that did not reach the requester."""

from __future__ import annotations

from uuid import UUID

import pytest

from intake.domain.failed_replies import MailedReply, reply_failed
from pledge.events import AgentReplyFailed, EmailBounced, EmailFailed
from unit.intake.builders import a_desk, a_ticket, at

MAIL = UUID("018f0000-0000-7000-8000-000000000009")
FAILED = EmailFailed(
    desk="acme",
    occurred_at=at(11),
    recorded_at=at(11),
    message_id=MAIL,
    recipient="Ann@Contoso.example",
    reason="refused",
    detail="SMTP 550 no such user",
)
BOUNCED = EmailBounced(
    desk="acme", occurred_at=at(11), recorded_at=at(11), message_id=MAIL,
    recipient="ann@contoso.example", status="5.1.1",
)  # fmt: skip


@pytest.mark.parametrize(("event", "reason"), [(FAILED, "refused"), (BOUNCED, "bounced")])
def test_reply_that_did_not_reach_the_requester_is_taken_back(
    event: EmailFailed | EmailBounced, reason: str
) -> None:
    ticket = a_ticket()
    reply = MailedReply(ticket.id, 7, frozenset(("ann@contoso.example",)))
    (failed,) = reply_failed(ticket, reply, event, a_desk(), now=at(12)).events
    assert isinstance(failed, AgentReplyFailed)
    assert (failed.takes_back, failed.email_id, failed.reason) == (7, MAIL, reason)
    assert failed.occurred_at == at(11)


def test_copy_that_was_lost_and_mail_that_may_still_arrive_take_nothing_back() -> None:
    ticket = a_ticket()
    others = MailedReply(ticket.id, 7, frozenset(("bob@contoso.example",)))
    assert reply_failed(ticket, others, FAILED, a_desk(), now=at(12)).events == ()
    own = MailedReply(ticket.id, 7, frozenset(("ann@contoso.example",)))
    late = BOUNCED.model_copy(update={"is_permanent": False})
    assert reply_failed(ticket, own, late, a_desk(), now=at(12)).events == ()
