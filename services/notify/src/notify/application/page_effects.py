"""Carries out what was decided of a page: deliveries to send and to cancel, events to publish."""

from dataclasses import dataclass
from datetime import datetime

from notify.application.page_events import page_event
from notify.domain.desk import Desk
from notify.domain.page import Decision, cancels_unsent, changes_to_publish, steps_to_send
from notify.messages.page_messages import PageComposer
from notify.storage.published_events import EventDraft
from notify.storage.rows import Draft, PageRecord
from pledge.events import Actor


@dataclass(frozen=True, slots=True)
class PageEffects:
    """What a unit of work writes for one decision. `cancels_unsent`: the page's deliveries that
    are not sent yet are cancelled."""

    drafts: list[Draft]
    events: list[EventDraft]
    cancels_unsent: bool


def carry_out(
    decision: Decision,
    before: PageRecord,
    after: PageRecord,
    desk: Desk | None,
    pages: PageComposer,
    now: datetime,
    *,
    actor: Actor,
    method: str,
) -> PageEffects:
    """The effects of the decision on the page. Nothing is sent for a desk that has no file."""
    drafts: list[Draft] = []
    responders: list[str] = []
    if desk is not None:
        for step in steps_to_send(decision.effects):
            drafts += pages.drafts(desk, after, step, now)
            responders += pages.responders(desk, after, step, now)
    events = [
        page_event(
            after,
            change,
            now,
            actor=actor,
            method=method,
            previous_step=before.page.step,
            responders=tuple(responders),
        )
        for change in changes_to_publish(decision.effects)
    ]
    return PageEffects(drafts, events, cancels_unsent(decision.effects))
