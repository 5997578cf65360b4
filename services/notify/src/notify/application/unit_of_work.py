"""A unit of work: what one transaction changes, collected in memory and written in few statements.

The consumer, the escalation loop and acknowledgements all use it, so that a page's decision, its
deliveries and its events are always written together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from notify.application.page_effects import carry_out
from notify.delivery.dispatcher import Dispatcher
from notify.domain.desk import Desk
from notify.domain.page import (
    Acknowledged,
    Decision,
    EscalationPolicy,
    PageEvent,
    decide,
    raise_page,
)
from notify.messages.page_messages import PageComposer
from notify.metrics import NotifyMetrics
from notify.storage import deliveries, store
from notify.storage.published_events import EventDraft, number_events
from notify.storage.rows import Draft, PageFacts, PageRecord
from pledge.events import Actor
from pledge.runtime.records import Message


@dataclass(slots=True)
class Saved:
    """What to do once the transaction is committed."""

    messages: list[Message]
    drafts: list[Draft]
    claims: list[deliveries.Claim]
    steps: list[tuple[datetime | None, UUID]]  # when each changed page's step runs out
    at: datetime


@dataclass(slots=True)
class UnitOfWork:
    """Everything one transaction decides. `now` is the instant of all its decisions."""

    desks: Mapping[str, Desk]
    pages: PageComposer
    metrics: NotifyMetrics
    now: datetime
    new_pages: dict[UUID, PageRecord] = field(default_factory=dict)
    changed_pages: dict[UUID, PageRecord] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)
    _cancelled: set[UUID] = field(default_factory=set)

    def raise_page(
        self, page_id: UUID, facts: PageFacts, policy: EscalationPolicy, *, late: bool
    ) -> PageRecord:
        """Raise a page and send its first step."""
        decision = raise_page(str(page_id), policy, self.now, late=late)
        self.metrics.raised(facts.desk, facts.occurred_at, self.now, late=late)
        record = PageRecord(decision.page, facts)
        self.new_pages[page_id] = record
        self._carry_out(record, record, decision, Actor(kind="system", id="notify"), "web")
        return record

    def apply(
        self,
        record: PageRecord,
        event: PageEvent,
        *,
        actor: Actor | None = None,
        method: str = "web",
    ) -> Decision:
        """Decide what the event does to the page, and carry the decision out."""
        decision = decide(record.page, event, self.now)
        after = replace(record, page=decision.page)
        if decision.effects:
            pages = self.new_pages if record.id in self.new_pages else self.changed_pages
            pages[record.id] = after
        by = actor or Actor(kind="system", id="notify")
        self._carry_out(record, after, decision, by, method)
        return decision

    def current(self, record: PageRecord) -> PageRecord:
        """The page as this unit of work has made it."""
        return self.new_pages.get(record.id) or self.changed_pages.get(record.id) or record

    async def save(self, connection: asyncpg.Connection, dispatcher: Dispatcher) -> Saved:
        """Write it all. The caller publishes the messages, and after the commit calls
        `Escalator.after_commit`."""
        inserted = await store.insert_pages(connection, list(self.new_pages.values()))
        already_known = set(self.new_pages) - inserted
        await store.update_pages(connection, list(self.changed_pages.values()))
        await deliveries.cancel_unsent(connection, sorted(self._cancelled), self.now)
        drafts = [draft for draft in self.drafts if self._is_wanted(draft, already_known)]
        claims = dispatcher.claim_new(drafts, self.now)
        rows = [
            deliveries.delivery_row(draft, claim, self.now)
            for draft, claim in zip(drafts, claims, strict=True)
        ]
        new = await deliveries.insert_deliveries(connection, rows)
        kept = [pair for pair in zip(drafts, claims, strict=True) if pair[0].id in new]
        events = [
            each
            for each in self.events
            if getattr(each.event, "page_id", None) not in already_known
        ]
        messages = await number_events(connection, events)
        changed = {**self.changed_pages, **self.new_pages}
        return Saved(
            messages=messages,
            drafts=[draft for draft, _ in kept],
            claims=[claim for _, claim in kept],
            steps=[(record.page.next_step_at, page_id) for page_id, record in changed.items()],
            at=self.now,
        )

    def _is_wanted(self, draft: Draft, already_known: set[UUID]) -> bool:
        return draft.page_id is None or (
            draft.page_id not in self._cancelled and draft.page_id not in already_known
        )

    def _carry_out(
        self, before: PageRecord, after: PageRecord, decision: Decision, by: Actor, method: str
    ) -> None:
        desk = self.desks.get(after.facts.desk)
        self.metrics.decided(after.facts.desk, decision.reason)
        effects = carry_out(
            decision, before, after, desk, self.pages, self.now, actor=by, method=method
        )
        self.drafts += effects.drafts
        self.events += effects.events
        if effects.cancels_unsent:
            self._cancelled.add(after.id)


def acknowledge(unit: UnitOfWork, record: PageRecord, by: str, *, method: str) -> Decision:
    """A person acknowledges the page, by API, link or phone."""
    actor = Actor(kind="responder", id=by)
    return unit.apply(record, Acknowledged(by), actor=actor, method=method)
