"""Escalates pages that nobody acknowledges, when a step runs out; acknowledges pages."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from notify.application.context import NotifyContext
from notify.application.unit_of_work import Saved, UnitOfWork, acknowledge
from notify.delivery.dispatcher import WINDOW, Dispatcher
from notify.domain.page import Decision, StepRanOut
from notify.storage import store
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.scheduling.due_loop import DueLoop


class Escalator:
    """Wakes when a step of a page runs out, and escalates the page."""

    def __init__(
        self, pool: asyncpg.Pool, outbox: Outbox, context: NotifyContext, dispatcher: Dispatcher
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._context = context
        self._dispatcher = dispatcher
        self._due: DueLoop[UUID] = DueLoop(
            context.clock, load=self._load, fire=self._fire, window=WINDOW
        )

    def after_commit(self, saved: Saved) -> None:
        """Send the deliveries of a committed unit of work, and schedule the steps of its pages."""
        self._dispatcher.accept_committed(saved.drafts, saved.claims, saved.at)
        for at, page_id in saved.steps:
            if at is None:
                self._due.forget(page_id)
            else:
                self._due.schedule(at, page_id)

    async def acknowledge(self, page_id: UUID, by: str, method: str) -> Decision | None:
        """Acknowledge a page; None when there is no such page."""
        unit = self._context.begin()
        async with self._outbox.transaction() as transaction:
            record = await store.lock_page(transaction.connection, page_id)
            if record is None:
                return None
            decision = acknowledge(unit, record, by, method=method)
            saved = await unit.save(transaction.connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self.after_commit(saved)
        return decision

    async def commit(self, unit: UnitOfWork) -> None:
        """Write a unit of work in a transaction of its own, and send what it decided."""
        async with self._outbox.transaction() as transaction:
            saved = await unit.save(transaction.connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self.after_commit(saved)

    async def run(self) -> None:
        """Escalate until cancelled; a transaction under way is finished first."""
        await self._due.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        return await store.pages_due(self._pool, horizon, limit)

    async def _fire(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        await asyncio.shield(self._escalate([page_id for _, page_id in due]))

    async def _escalate(self, page_ids: Sequence[UUID]) -> None:
        unit = self._context.begin()
        async with self._outbox.transaction() as transaction:
            connection = transaction.connection
            for record in await store.lock_due_pages(connection, page_ids, unit.now):
                unit.apply(record, StepRanOut())
            saved = await unit.save(connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self.after_commit(saved)
