"""Maintenance windows of customers: taken from the portal, told to the tickets (INF-09)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import structlog

from intake.application.ticket_commands import TicketCommands, TicketUnknown
from intake.domain.admission.rules import INTAKE
from intake.domain.commands.maintenance import SetWindow
from intake.domain.desk import Desk
from intake.domain.maintenance import MOST, refusal_of
from intake.domain.thread_matching import Delivery
from intake.storage import queries, windows
from intake.storage.windows import CustomersWindow
from pledge.events import MaintenanceWindowSubmitted
from pledge.runtime.clock import Clock
from pledge.runtime.postgres.errors import is_bug
from pledge.runtime.scheduling.due_loop import DueLoop

log = structlog.get_logger()

PAGE: Final = 200
"""So many tickets are looked up at once while a window is told to them."""
AGAIN_AFTER: Final = timedelta(minutes=1)
"""The tickets are gone through once more after this: one may have been opening the first time."""
LOOK_AHEAD: Final = timedelta(seconds=30)
"""What a replica took and died with is found by another within half of it."""


async def take(connection: asyncpg.Connection, delivery: Delivery, now: datetime) -> str:
    """Keep what the delivery says of a window; gives the outcome by a named reason."""
    event, desk = delivery.event, delivery.desk
    assert isinstance(event, MaintenanceWindowSubmitted)
    refusal = refusal_of(event, desk, now)
    if refusal is not None:
        return refusal
    if event.is_withdrawn:
        is_there = await windows.withdraw(
            connection, event.window_id, desk.id, event.customer, now,
            event.starts_at, event.ends_at,
        )  # fmt: skip
        return "window_withdrawn" if is_there else "unknown_window"
    window = CustomersWindow(
        # Derived, so that a delivery that comes twice is one window.
        id=event.window_id or uuid5(UUID(bytes=delivery.key), "window"),
        desk=desk.id,
        customer=event.customer,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        note=event.note,
        set_by=(event.requester.email or event.requester.name or "")[:320],
        set_at=now,
    )
    is_kept = await windows.keep(connection, window, MOST)
    return "window_set" if is_kept else "too_many_windows"


def command_of(window: CustomersWindow) -> SetWindow:
    """What the window does to a ticket of its customer."""
    return SetWindow(
        window.id, window.starts_at, window.ends_at, window.note,
        is_withdrawn=window.withdrawn_at is not None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Announcements:
    """Tells the unfinished tickets of a customer of its windows, each in a transaction."""

    pool: asyncpg.Pool
    desks: Mapping[str, Desk]
    commands: TicketCommands
    clock: Clock

    def loop(self) -> DueLoop[UUID]:
        """What runs: wakes at each window that tickets are to be told of."""
        return DueLoop(self.clock, load=self._load, fire=self._fire, window=LOOK_AHEAD)

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        return await windows.to_announce(self.pool, horizon, limit)

    async def _fire(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        for _, window_id in due:
            window = await windows.by_id(self.pool, window_id)
            if window is not None:
                await self._announce(window)

    async def _announce(self, window: CustomersWindow) -> None:
        now = self.clock.now()
        changed_at = window.withdrawn_at or window.set_at
        is_first = now < changed_at + AGAIN_AFTER
        if window.desk in self.desks:
            await self._tell_tickets(window)
        await windows.announced(self.pool, window, changed_at + AGAIN_AFTER if is_first else None)

    async def _tell_tickets(self, window: CustomersWindow) -> None:
        after: UUID | None = None
        while True:
            async with self.pool.acquire() as connection:
                found = await queries.open_of_customer(
                    connection, window.desk, window.customer, after, PAGE
                )
            for ticket in found:
                await self._tell(ticket.id, window)
            if len(found) < PAGE:
                return
            after = found[-1].id

    async def _tell(self, ticket_id: UUID, window: CustomersWindow) -> None:
        """A ticket that can't be told is left out: the others are told all the same."""
        try:
            await self.commands.do(ticket_id, command_of(window), INTAKE, None)
        except TicketUnknown:
            return
        except Exception as error:
            if not is_bug(error):
                raise
            log.exception("window_not_announced", ticket=str(ticket_id), window=str(window.id))
