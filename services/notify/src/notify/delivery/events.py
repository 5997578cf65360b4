"""The events of deliveries: of attempts, and of the calls a provider reports on."""

from collections.abc import Mapping
from datetime import datetime
from zlib import crc32

from notify.domain.delivery import Delivered, Failed, Outcome, Retry
from notify.storage.published_events import EventDraft, position
from notify.storage.rows import Draft
from pledge.events import (
    ChatFailed,
    ChatPosted,
    EmailFailed,
    EmailSent,
    Event,
    PageDelivered,
    PageFailed,
    PageSent,
    WebhookDelivered,
    WebhookFailed,
)

# Kind of a message -> its events when it is sent, and when it is given up. Pages have their own,
# see `_page_attempt`. `deliveries_kind_check` in migrations/ lists the same kinds.
_MESSAGE_EVENTS: Mapping[str, tuple[type[Event], type[Event]]] = {
    "email": (EmailSent, EmailFailed),
    "chat": (ChatPosted, ChatFailed),
    "webhook": (WebhookDelivered, WebhookFailed),
}


def delivery_events(
    draft: Draft, outcome: Outcome, attempt: int, now: datetime, *, is_last: bool
) -> list[EventDraft]:
    """The events of one attempt. A retry of a message that is no page has none."""
    common = {
        "desk": draft.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": draft.about.ticket_id,
        "incident_id": draft.about.incident_id,
        "ticket_number": draft.about.number,
        **draft.context,
    }
    if draft.kind == "page":
        events = _page_attempt(common, draft, outcome, attempt, is_last=is_last)
    elif isinstance(outcome, Delivered):
        events = [_message_sent(common, draft)]
    else:
        events = [_message_failed(common, draft, outcome, attempt, now)] if is_last else []
    return [
        EventDraft(event, draft.cause, position(draft.id, attempt * 16 + index))
        for index, event in enumerate(events)
    ]


def _page_attempt(
    common: dict[str, object], draft: Draft, outcome: Outcome, attempt: int, *, is_last: bool
) -> list[Event]:
    values = {**common, "page_id": draft.page_id, "method": draft.channel, "attempt": attempt}
    if isinstance(outcome, Delivered):
        values["provider_id"] = outcome.provider_id
        sent: list[Event] = [PageSent.model_validate(values)]
        # A webhook's receiver is the page's destination; a mail server is only a relay, and
        # a phone's provider reports later.
        if draft.channel == "webhook":
            sent.append(PageDelivered.model_validate(values))
        return sent
    failure = {"reason": outcome.reason.value, "detail": outcome.detail, "is_permanent": is_last}
    return [PageFailed.model_validate({**values, **failure})]


def call_event(draft: Draft, call_id: str, outcome: str, attempt: int, now: datetime) -> EventDraft:
    """The event of a call's outcome: answered, or why not."""
    values: dict[str, object] = {
        "desk": draft.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": draft.about.ticket_id,
        "incident_id": draft.about.incident_id,
        "ticket_number": draft.about.number,
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
    # Unique per call of a delivery; the positions of its attempts are below.
    return EventDraft(event, draft.cause, position(draft.id, 1 << 31 | crc32(call_id.encode())))


def _message_sent(common: dict[str, object], draft: Draft) -> Event:
    values = {"message_id": draft.id, "recipient": draft.target, **common}
    sent, _ = message_events(draft.kind)
    if sent is EmailSent:
        values["mail_message_id"] = draft.content["message_id"]
    return sent.model_validate(values)


def _message_failed(
    common: dict[str, object], draft: Draft, outcome: Retry | Failed, attempt: int, now: datetime
) -> Event:
    _, failed = message_events(draft.kind)
    return failed.model_validate(
        {
            "message_id": draft.id,
            "recipient": draft.target,
            **common,
            "reason": outcome.reason.value,
            "detail": outcome.detail,
            "attempts": attempt,
            "gave_up_at": now,
        }
    )


def message_events(kind: str) -> tuple[type[Event], type[Event]]:
    """The events of a message of this kind: sent, and given up. Raises ValueError if unknown."""
    try:
        return _MESSAGE_EVENTS[kind]
    except KeyError:
        known = ", ".join(_MESSAGE_EVENTS)
        raise ValueError(
            f"deliveries of the kind {kind!r} have no events; known are {known}: add the kind to"
            " _MESSAGE_EVENTS in notify/delivery/events.py"
        ) from None
