"""Runs out the steps of pages that nobody takes, at their instant; lets people take them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from notify.delivery.dispatcher import WINDOW, Dispatcher
from notify.domain.page import Decision, StepRanOut
from notify.storage import store
from notify.unit_of_work import Office, Saved, acknowledge
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.scheduling.due_loop import DueLoop


class Escalator:
    """Wakes at the instant a step runs out, and lets the page decide what then."""

    def __init__(
        self, pool: asyncpg.Pool, outbox: Outbox, office: Office, dispatcher: Dispatcher
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._office = office
        self._dispatcher = dispatcher
        self._due: DueLoop[UUID] = DueLoop(
            office.clock, load=self._load, fire=self._fire, window=WINDOW
        )

    def settle(self, saved: Saved) -> None:
        """A unit of work is committed: send what it addressed, watch its steps."""
        self._dispatcher.offer(saved.drafts, saved.claims, saved.at)
        for at, page_id in saved.steps:
            if at is None:
                self._due.forget(page_id)
            else:
                self._due.schedule(at, page_id)

    async def acknowledge(self, page_id: UUID, by: str, method: str) -> Decision | None:
        """Let the page decide about an acknowledgement; None when there is no such page."""
        work = self._office.begin()
        async with self._outbox.transaction() as transaction:
            record = await store.lock_page(transaction.connection, page_id)
            if record is None:
                return None
            decision = acknowledge(work, record, by, method=method)
            saved = await work.save(transaction.connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self.settle(saved)
        return decision

    async def run(self) -> None:
        """Escalate until cancelled; a transaction under way is finished first."""
        await self._due.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        return await store.pages_due(self._pool, horizon, limit)

    async def _fire(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        await asyncio.shield(self._escalate([page_id for _, page_id in due]))

    async def _escalate(self, page_ids: Sequence[UUID]) -> None:
        work = self._office.begin()
        async with self._outbox.transaction() as transaction:
            connection = transaction.connection
            for record in await store.lock_due_pages(connection, page_ids, work.now):
                work.tell(record, StepRanOut())
            saved = await work.save(connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self.settle(saved)
