"""A unit of work: what one transaction changes, collected in memory and written in few statements.

The consumer, the escalation loop and the people who acknowledge all decide through it, so that a
page's decision, its deliveries and its events are always written together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from notify.delivery.dispatcher import Dispatcher
from notify.domain.desk import Desk
from notify.domain.page import (
    Acknowledged,
    Decision,
    EscalationPolicy,
    PageEvent,
    addresses,
    announcements,
    decide,
    is_silenced,
    raise_page,
)
from notify.messages.compose import Composer
from notify.messages.page_messages import PageComposer
from notify.metrics import NotifyMetrics
from notify.publishing import EventDraft, number, page_event
from notify.storage import deliveries, store
from notify.storage.rows import Draft, PageFacts, PageRecord
from pledge.events import Actor
from pledge.runtime.clock import Clock
from pledge.runtime.records import Message


@dataclass(slots=True)
class Saved:
    """What to do once the transaction is committed."""

    messages: list[Message]
    drafts: list[Draft]
    claims: list[deliveries.Claim]
    steps: list[tuple[datetime | None, UUID]]  # when each changed page's step runs out
    at: datetime


@dataclass(frozen=True, slots=True)
class Office:
    """What every unit of work of a service instance needs."""

    desks: Mapping[str, Desk]
    composer: Composer
    paging: PageComposer
    metrics: NotifyMetrics
    clock: Clock

    def begin(self) -> "Work":
        """A unit of work whose decisions are made now."""
        return Work(self.desks, self.paging, self.metrics, self.clock.now())


@dataclass(slots=True)
class Work:
    """Everything one transaction decides. `now` is the instant of all its decisions."""

    desks: Mapping[str, Desk]
    paging: PageComposer
    metrics: NotifyMetrics
    now: datetime
    new_pages: dict[UUID, PageRecord] = field(default_factory=dict)
    changed_pages: dict[UUID, PageRecord] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)
    _silenced: set[UUID] = field(default_factory=set)

    def raise_page(
        self, page_id: UUID, facts: PageFacts, policy: EscalationPolicy, *, late: bool
    ) -> PageRecord:
        """Raise a page and address its first step."""
        decision = raise_page(str(page_id), policy, self.now, late=late)
        self.metrics.raised(facts.desk, facts.occurred_at, self.now, late=late)
        record = PageRecord(decision.page, facts)
        self.new_pages[page_id] = record
        self._carry_out(record, record, decision, Actor(kind="system", id="notify"), "web")
        return record

    def tell(
        self,
        record: PageRecord,
        event: PageEvent,
        *,
        actor: Actor | None = None,
        method: str = "web",
    ) -> Decision:
        """Let the page decide about an event, and carry the decision out."""
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
        """Write it all. The caller publishes the messages and calls `offer` after the commit."""
        inserted = await store.insert_pages(connection, list(self.new_pages.values()))
        doubled = set(self.new_pages) - inserted
        await store.update_pages(connection, list(self.changed_pages.values()))
        await deliveries.cancel_unsent(connection, sorted(self._silenced), self.now)
        drafts = [draft for draft in self.drafts if self._is_wanted(draft, doubled)]
        claims = dispatcher.claim_new(drafts, self.now)
        rows = [
            deliveries.delivery_row(draft, claim, self.now)
            for draft, claim in zip(drafts, claims, strict=True)
        ]
        new = await deliveries.insert_deliveries(connection, rows)
        kept = [pair for pair in zip(drafts, claims, strict=True) if pair[0].id in new]
        events = [
            each for each in self.events if getattr(each.event, "page_id", None) not in doubled
        ]
        messages = await number(connection, events)
        changed = {**self.changed_pages, **self.new_pages}
        return Saved(
            messages=messages,
            drafts=[draft for draft, _ in kept],
            claims=[claim for _, claim in kept],
            steps=[(record.page.next_step_at, page_id) for page_id, record in changed.items()],
            at=self.now,
        )

    def _is_wanted(self, draft: Draft, doubled: set[UUID]) -> bool:
        return draft.page_id is None or (
            draft.page_id not in self._silenced and draft.page_id not in doubled
        )

    def _carry_out(
        self, before: PageRecord, after: PageRecord, decision: Decision, by: Actor, method: str
    ) -> None:
        desk = self.desks.get(after.facts.desk)
        self.metrics.decided(after.facts.desk, decision.reason)
        responders: list[str] = []
        for address in addresses(decision.effects):
            if desk is not None:
                self.drafts += self.paging.drafts(desk, after, address, self.now)
                responders += self.paging.responders(desk, after, address, self.now)
        if is_silenced(decision.effects):
            self._silenced.add(after.id)
        for change in announcements(decision.effects):
            self.events.append(
                page_event(
                    after,
                    change,
                    self.now,
                    actor=by,
                    method=method,
                    previous_step=before.page.step,
                    responders=tuple(responders),
                )
            )


def acknowledge(work: Work, record: PageRecord, by: str, *, method: str) -> Decision:
    """A person takes the page, by the API or by a link."""
    actor = Actor(kind="responder", id=by)
    return work.tell(record, Acknowledged(by), actor=actor, method=method)
