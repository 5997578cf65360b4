"""Confirms new requests with what is promised on them.

sla learns of a request from intake, so that what is promised is known a moment after the opening:
the confirmation waits for it, for a bounded time. Without an answer in time it goes out without a
promise, and the portal shows the promise when it is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from intake.application.answer_limits import Counted, within_limits
from intake.application.ticket_commands import publications
from intake.domain.admission.rules import INTAKE, automatic_mail
from intake.domain.answer_limits import Unanswered
from intake.domain.desk import Desk
from intake.domain.promises_shown import variables_of
from intake.domain.ticket import CommandContext, Decision, Ticket, done, fact_fields
from intake.storage import acknowledgements, promises, store
from pledge.events import Decoded, EmailRequested, FeedbackReceived, TicketOpened, TimerStarted
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.postgres.errors import is_bug
from pledge.runtime.scheduling.due_loop import DueLoop

log = structlog.get_logger()

LOOK_AHEAD: Final = timedelta(seconds=30)
"""What a replica took and died with is found by another within half of it."""


def due_at(decision: Decision, desk: Desk, now: datetime) -> datetime | None:
    """When a new request is confirmed at the latest; None: it is not. One automatic answer at most:
    a question for what is missing, or a refusal, is one; feedback has an answer of its own."""
    ticket, rules = decision.ticket, desk.promises
    if rules.acknowledge_with is None or ticket.requester.email is None:
        return None
    for event in decision.events:
        if isinstance(event, EmailRequested | FeedbackReceived):
            return None
        if isinstance(event, TicketOpened) and not event.is_answerable:
            return None
    return now + rules.wait


def promised(decoded: Iterable[Decoded], desks: Mapping[str, Desk]) -> set[UUID]:
    """The tickets on which a promise began that their desk shows."""
    return {
        each.event.ticket_id
        for each in decoded
        if isinstance(each.event, TimerStarted)
        and each.event.ticket_id is not None
        and each.event.desk in desks
        and desks[each.event.desk].promises.is_shown(each.event.metric)
    }


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """Asks notify for the confirmations that are due."""

    pool: asyncpg.Pool
    outbox: Outbox
    desks: Mapping[str, Desk]
    clock: Clock
    ids: Ids
    on_held: Counted

    def loop(self) -> DueLoop[UUID]:
        """What runs: wakes at each confirmation that is due."""
        return DueLoop(self.clock, load=self._load, fire=self._fire, window=LOOK_AHEAD)

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        return await acknowledgements.waiting(self.pool, horizon, limit)

    async def _fire(self, due: Sequence[tuple[datetime, UUID]]) -> None:
        for _, ticket_id in due:
            try:
                await self._confirm(ticket_id)
            except Exception as error:
                if not is_bug(error):
                    raise
                log.exception("request_not_confirmed", ticket=str(ticket_id))
                await acknowledgements.give_up(self.pool, ticket_id)

    async def _confirm(self, ticket_id: UUID) -> None:
        """Confirm the ticket, unless another replica did: row and mail in one transaction."""
        now = self.clock.now()
        async with self.outbox.transaction() as transaction:
            connection = transaction.connection
            # The ticket first, as whoever learns of a promise locks it first, too.
            ticket = (await store.lock_tickets(connection, [ticket_id])).get(ticket_id)
            if not await acknowledgements.take(connection, ticket_id, now):
                return
            desk = self.desks.get(ticket.desk) if ticket else None
            if ticket is None or desk is None:
                return
            decision = _confirmation(
                ticket, desk, await promises.of_ticket(connection, ticket_id), now
            )
            whys: list[Unanswered] = []
            if ticket.channel == "email":  # no program answers by another
                kept, whys = await within_limits(connection, decision.events, desk.answers, now)
                decision = replace(decision, events=kept)
            news = publications(decision, ticket.sequence, self.ids)
            await store.update_tickets(connection, [decision.ticket])
            await store.insert_facts(connection, [each.fact for each in news])
            transaction.publish(*(each.message for each in news))
        for why in whys:
            self.on_held(desk.id, why.value)


def _confirmation(
    ticket: Ticket, desk: Desk, known: Sequence[promises.Promise], now: datetime
) -> Decision:
    context = CommandContext(desk, INTAKE, now, now)
    variables = {
        "priority": ticket.priority or "",
        "opened_at": ticket.opened_at.isoformat(),
        "help_centre": desk.help_centre or "",
        **variables_of(desk.promises, known),
    }
    template = desk.promises.acknowledge_with
    mails = automatic_mail(ticket, template, fact_fields(ticket, context), None, **variables)
    return done(ticket, context, "acknowledged", *mails)
