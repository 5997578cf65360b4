"""The events of a page's changes."""

from datetime import datetime

from notify.domain.page import Change
from notify.storage.published_events import EventDraft, position
from notify.storage.rows import PageRecord
from pledge.events import (
    Actor,
    Event,
    PageAcknowledged,
    PageEscalated,
    PageExhausted,
    PageResolved,
)


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
        event, record.facts.cause, position(record.id, step * 16 + kinds.index(change))
    )


def _page_common(record: PageRecord, now: datetime) -> dict[str, object]:
    page, facts = record.page, record.facts
    return {
        "desk": facts.desk,
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": facts.about.ticket_id,
        "incident_id": facts.about.incident_id,
        "ticket_number": facts.about.number,
        "page_id": record.id,
        "policy": page.policy.name,
        "why": facts.summary,
        "breach_id": facts.breach_id,
        "step": page.step,
        "round": page.round,
    }
