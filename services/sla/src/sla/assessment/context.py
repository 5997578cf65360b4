"""The context of every assessment: settings, policies, the cache of tickets, metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import structlog

from pledge.runtime.clock import Clock
from pledge.runtime.records import Partition
from sla.assessment.ledger import Ledger
from sla.assessment.policy_registry import Policies
from sla.domain.values import ChangeKind
from sla.metrics import SlaMetrics
from sla.settings import SlaSettings
from sla.storage import store
from sla.storage.ticket_cache import Ticket, TicketCache

T = TypeVar("T")

log = structlog.get_logger()


# Items processed before yielding to the event loop: some milliseconds.
CHUNK = 50


@dataclass(slots=True)
class AssessmentContext:
    """What consumer, timers and re-assessment share: settings, policies, cache, clock, metrics."""

    settings: SlaSettings
    policies: Policies
    cache: TicketCache
    clock: Clock
    metrics: SlaMetrics
    on_published: Callable[[Iterable[str]], None] = lambda desks: None

    async def open(
        self, connection: asyncpg.Connection, home: Partition, ticket_ids: Collection[UUID]
    ) -> Ledger:
        """A ledger on the tickets, from memory where they are there, else from the database."""
        self.cache.begin(home, ticket_ids)
        known: dict[UUID, Ticket] = {}
        missing: list[UUID] = []
        for ticket_id in ticket_ids:
            ticket = self.cache.get(ticket_id)
            if ticket is None:
                missing.append(ticket_id)
            else:
                known[ticket_id] = ticket
        known |= await store.load_tickets(connection, missing)
        await self.policies.fetch(connection, known.values())
        return Ledger(
            known, self.policies, now=self.clock.now(), late_after=self.settings.late_after
        )

    async def yield_to_loop(self) -> None:
        """Yield to the event loop in the middle of a large batch."""
        await self.clock.sleep(timedelta(0))

    def close(self, home: Partition, ledger: Ledger, *, keeps_new: bool = True) -> None:
        """The ledger's transaction was committed: remember the tickets and count.

        Without `keeps_new`, of tickets that were not in memory nothing is remembered.
        """
        self.cache.commit(home, ledger.tickets(), keeps_new=keeps_new)
        self.metrics.cached_tickets.set(len(self.cache))
        if ledger.messages:
            self.on_published(ticket.desk for _, ticket in ledger.published)
        self.metrics.count(ledger.published, ledger.now, late_after=ledger.late_after)
        if not logging.getLogger().isEnabledFor(logging.INFO):
            return  # during a burst, even lines that are not written take time
        for change, ticket in ledger.published:
            if change.kind in (ChangeKind.BREACHED, ChangeKind.BREACH_RETRACTED):
                log.info(
                    f"promise_{change.kind.value}",
                    desk=ticket.desk,
                    ticket=ticket.number,
                    metric=change.metric,
                    cycle=change.cycle,
                    due_at=(change.due_at or change.occurred_at).isoformat(),
                    event_id=ticket.cause.id,
                )


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in chunks, each short enough not to block the event loop."""
    return (items[start : start + size] for start in range(0, len(items), size))
