"""What became of a mail about a ticket, and what an agent does where it did not arrive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from intake.domain.text import one_line
from pledge.events import EmailBounced, EmailFailed, EmailSent

MAX_DETAIL: Final = 300


class MailState(StrEnum):
    """`sent`: a mail server took it. `failed`: none took it. `returned`: it came back."""

    SENT = "sent"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class SentMail:
    """The newest word on one mail to one recipient. `reason` is a named one or an RFC 3463 code,
    `detail` what the other side said."""

    desk: str
    ticket_id: UUID
    email_id: UUID
    recipient: str
    state: MailState
    reason: str
    detail: str
    at: datetime

    @property
    def is_lost(self) -> bool:
        """Whether it did not reach its recipient."""
        return self.state is not MailState.SENT


def state_of(event: EmailSent | EmailFailed | EmailBounced) -> SentMail | None:
    """What the event says of its mail; None for one of no ticket, or a bounce that may pass."""
    if event.ticket_id is None:
        return None
    state, reason, detail = MailState.SENT, "", ""
    if isinstance(event, EmailBounced):
        if not event.is_permanent:
            return None
        state, reason, detail = MailState.RETURNED, event.status, event.detail
    elif isinstance(event, EmailFailed):
        state, reason, detail = MailState.FAILED, event.reason, event.detail
    return SentMail(
        desk=event.desk,
        ticket_id=event.ticket_id,
        email_id=event.message_id,
        recipient=event.recipient.casefold(),
        state=state,
        reason=reason,
        detail=one_line(detail, MAX_DETAIL),
        at=event.occurred_at,
    )


def not_reached(mails: Iterable[SentMail]) -> Sequence[SentMail]:
    """Of each recipient the newest mail, where that did not arrive."""
    newest: dict[str, SentMail] = {}
    for each in mails:
        known = newest.get(each.recipient)
        if known is None or known.at <= each.at:
            newest[each.recipient] = each
    return [each for each in newest.values() if each.is_lost]
