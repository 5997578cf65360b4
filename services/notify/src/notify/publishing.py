"""The events notify publishes, numbered per ticket or incident in the transaction of the change."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zlib import crc32

import asyncpg

from notify.channels import Delivered, Failed, Outcome, Retry
from notify.domain.page import Change
from notify.storage.rows import Draft, PageRecord
from pledge.events import (
    Actor,
    ChatFailed,
    ChatPosted,
    EmailFailed,
    EmailSent,
    Envelope,
    Event,
    PageAcknowledged,
    PageDelivered,
    PageEscalated,
    PageExhausted,
    PageFailed,
    PageResolved,
    PageSent,
    WebhookDelivered,
    WebhookFailed,
    caused_by,
    encode,
)
from pledge.runtime.records import Message

SOURCE = "/notify"


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before it has its sequence. `position` tells it from others of the same cause."""

    event: Event
    cause: Envelope
    position: int


_RESERVE = """
INSERT INTO published (subject, sequence)
SELECT subject, count FROM unnest($1::text[], $2::bigint[]) AS wanted(subject, count)
ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET sequence = published.sequence + excluded.sequence
RETURNING subject, sequence
"""


async def number(connection: asyncpg.Connection, drafts: Sequence[EventDraft]) -> list[Message]:
    """Give each event its sequence and encode it; locks the subjects until the commit.

    Subjects are locked in their order, so that two transactions never wait for each other.
    """
    if not drafts:
        return []
    counts = Counter(draft.event.subject() for draft in drafts)
    subjects = sorted(counts)
    rows = await connection.fetch(_RESERVE, subjects, [counts[each] for each in subjects])
    last = {row["subject"]: row["sequence"] - counts[row["subject"]] for row in rows}
    messages = []
    for draft in drafts:
        subject = draft.event.subject()
        last[subject] += 1
        envelope = caused_by(
            draft.event, draft.cause, draft.position, source=SOURCE, sequence=last[subject]
        )
        encoded = encode(draft.event, envelope)
        messages.append(Message(encoded.topic, encoded.key, encoded.value, encoded.headers))
    return messages


def _position(owner: UUID, number_: int) -> int:
    """A position no other event of any cause has: the owner's id and a number of its own."""
    return owner.int << 32 | number_


def page_event(
    record: PageRecord,
    change: Change,
    now: datetime,
    *,
    actor: Actor | None = None,
    method: str = "web",
    previous_step: int = 0,
    responders: tuple[str, ...] = (),
) -> EventDraft:
    """The event of a page's change."""
    page = record.page
    common = _page_common(record, now)
    by = actor or Actor(kind="system", id="notify")
    event: Event
    match change:
        case Change.ESCALATED:
            event = PageEscalated.model_validate(
                {**common, "previous_step": previous_step, "responders": responders}
            )
        case Change.EXHAUSTED:
            event = PageExhausted.model_validate(common)
        case Change.ACKNOWLEDGED:
            event = PageAcknowledged.model_validate({**common, "by": by, "method": method})
        case Change.RESOLVED:
            event = PageResolved.model_validate(
                {**common, "by": by, "reason": page.resolution or "resolved"}
            )
    kinds = list(Change)
    step = page.round * 1000 + page.step
    return EventDraft(
        event, record.facts.cause, _position(record.id, step * 16 + kinds.index(change))
    )


def _page_common(record: PageRecord, now: datetime) -> dict[str, object]:
    page, facts = record.page, record.facts
    return {
        "desk": facts.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": facts.about.ticket_id,
        "incident_id": facts.about.incident_id,
        "number": facts.about.number,
        "page_id": record.id,
        "policy": page.policy.name,
        "why": facts.summary,
        "breach_id": facts.breach_id,
        "step": page.step,
        "round": page.round,
    }


def delivery_events(
    draft: Draft, outcome: Outcome, attempt: int, now: datetime, *, is_last: bool
) -> list[EventDraft]:
    """The events of one attempt. A retry of a message that is no page says nothing yet."""
    common = {
        "desk": draft.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": draft.about.ticket_id,
        "incident_id": draft.about.incident_id,
        "number": draft.about.number,
        **draft.context,
    }
    if draft.kind == "page":
        events = _page_attempt(common, draft, outcome, attempt, is_last=is_last)
    elif isinstance(outcome, Delivered):
        events = [_message_sent(common, draft)]
    else:
        events = [_message_failed(common, draft, outcome, attempt, now)] if is_last else []
    return [
        EventDraft(event, draft.cause, _position(draft.id, attempt * 16 + index))
        for index, event in enumerate(events)
    ]


def _page_attempt(
    common: dict[str, object], draft: Draft, outcome: Outcome, attempt: int, *, is_last: bool
) -> list[Event]:
    values = {**common, "page_id": draft.page_id, "method": draft.channel, "attempt": attempt}
    if isinstance(outcome, Delivered):
        values["provider_id"] = outcome.provider_id
        sent: list[Event] = [PageSent.model_validate(values)]
        # A webhook's receiver is where the page was to go; a mail server is only on the way, and
        # a phone's provider tells later.
        if draft.channel == "webhook":
            sent.append(PageDelivered.model_validate(values))
        return sent
    failure = {"reason": outcome.reason.value, "detail": outcome.detail, "is_permanent": is_last}
    return [PageFailed.model_validate({**values, **failure})]


def call_event(draft: Draft, call_id: str, outcome: str, attempt: int, now: datetime) -> EventDraft:
    """What the provider says of a call: somebody answered, or why nobody did."""
    values: dict[str, object] = {
        "desk": draft.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": draft.about.ticket_id,
        "incident_id": draft.about.incident_id,
        "number": draft.about.number,
        **draft.context,
        "page_id": draft.page_id,
        "method": draft.channel,
        "attempt": attempt,
        "provider_id": call_id,
    }
    event: Event
    if outcome == "answered":
        event = PageDelivered.model_validate(values)
    else:
        event = PageFailed.model_validate({**values, "reason": outcome, "is_permanent": True})
    # Two calls of one delivery are told apart; the attempts' own positions are below.
    return EventDraft(event, draft.cause, _position(draft.id, 1 << 31 | crc32(call_id.encode())))


def _message_sent(common: dict[str, object], draft: Draft) -> Event:
    values = {"message_id": draft.id, "recipient": draft.target, **common}
    if draft.kind == "chat":
        return ChatPosted.model_validate(values)
    if draft.kind == "webhook":
        return WebhookDelivered.model_validate(values)
    return EmailSent.model_validate({**values, "mail_message_id": draft.content["message_id"]})


def _message_failed(
    common: dict[str, object], draft: Draft, outcome: Retry | Failed, attempt: int, now: datetime
) -> Event:
    values = {
        "message_id": draft.id,
        "recipient": draft.target,
        **common,
        "reason": outcome.reason.value,
        "detail": outcome.detail,
        "attempts": attempt,
        "gave_up_at": now,
    }
    kinds: dict[str, type[Event]] = {"chat": ChatFailed, "webhook": WebhookFailed}
    return kinds.get(draft.kind, EmailFailed).model_validate(values)
