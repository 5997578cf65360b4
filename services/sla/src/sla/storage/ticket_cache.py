"""A ticket as the owner of its partition knows it, and the memory that keeps such tickets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from pledge.events import Topic
from pledge.runtime.records import Partition
from sla.domain.calendar.calendar import FIRST_US
from sla.domain.calendar.zones import from_us
from sla.domain.facts import OPENINGS
from sla.domain.policy_versions import EarlierVersion
from sla.domain.replay.assess import Assessor
from sla.domain.values import Fact, PublishedState

INCIDENT_TOPIC = Topic.STATUS_EVENTS.value

NOTHING_PUBLISHED = PublishedState()
LONG_AGO = from_us(FIRST_US)


class Cause(NamedTuple):
    """The newest event that changed a ticket: what is published next names it as its cause."""

    id: str
    correlation_id: str
    traceparent: str | None


@dataclass(slots=True)
class Ticket:
    """Facts of one ticket, its published state, and its sequences in and out.

    Changed only by the `Ledger`, on a copy; what the cache holds is as committed.
    """

    ticket_id: UUID
    home: Partition
    desk: str
    number: str
    policy_version: str | None
    sequence: int
    cause: Cause
    timer_sequence: int = 0
    breach_sequence: int = 0
    newest_at: datetime = LONG_AGO  # the newest `recorded_at` of its facts
    wake_at: datetime | None = None
    severity: str | None = None
    priority: str | None = None
    customer: str | None = None
    is_closed: bool = False
    facts: tuple[Fact, ...] = ()
    published: PublishedState = NOTHING_PUBLISHED
    objectives: tuple[str, ...] = ()  # which count its promises
    earlier: tuple[EarlierVersion, ...] = ()  # the versions it was under before, oldest first
    # Shared by all copies: it only remembers, and looks first whether that still holds.
    assessor: Assessor = field(default_factory=Assessor, repr=False, compare=False)

    def draft(self) -> Ticket:
        """A copy to change; facts and published state are replaced as a whole, never mutated."""
        return Ticket(*_values(self))

    def has(self, sequence: int) -> bool:
        """Whether that fact is there. Dead letters leave gaps; replays fill them."""
        if sequence > self.sequence:
            return False
        is_whole = len(self.facts) == self.sequence
        return is_whole or any(fact.sequence == sequence for fact in self.facts)

    @property
    def opened(self) -> Fact:
        """The fact that opened it: there is no ticket without."""
        return next(fact for fact in self.facts if fact.type in OPENINGS)

    @property
    def is_incident(self) -> bool:
        """Whether it is an incident of the status page, and no ticket."""
        return self.home.topic == INCIDENT_TOPIC


# Every fact and every timer that fires makes a draft: this is several times faster than copy.copy.
_values = attrgetter(*(each.name for each in fields(Ticket)))


class TicketCache:
    """The tickets last worked on, at most `limit`, by the partition that owns them.

    Valid while the partitions are ours: nobody else writes their rows. A transaction whose end is
    unknown leaves its tickets marked in doubt; they are read again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tickets: OrderedDict[UUID, Ticket] = OrderedDict()
        self._in_doubt: dict[Partition, set[UUID]] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def begin(self, home: Partition, ticket_ids: Iterable[UUID]) -> None:
        """A transaction on these tickets begins; forget those an earlier one left in doubt."""
        for ticket_id in self._in_doubt.pop(home, ()):
            self._tickets.pop(ticket_id, None)
        self._in_doubt[home] = set(ticket_ids)

    def get(self, ticket_id: UUID) -> Ticket | None:
        """The ticket as committed, or None when it must be read."""
        ticket = self._tickets.get(ticket_id)
        if ticket is not None:
            self._tickets.move_to_end(ticket_id)
        return ticket

    def commit(self, home: Partition, tickets: Iterable[Ticket], *, keeps_new: bool = True) -> None:
        """The transaction begun last for `home` was committed and left these tickets so.

        Without `keeps_new` only those that were here stay: work on very many tickets, once, must
        not crowd out those that people work on.
        """
        self._in_doubt.pop(home, None)
        for ticket in tickets:
            if keeps_new:
                self._tickets[ticket.ticket_id] = ticket
                self._tickets.move_to_end(ticket.ticket_id)
            elif ticket.ticket_id in self._tickets:
                self._tickets[ticket.ticket_id] = ticket
        while len(self._tickets) > self._limit:
            self._tickets.popitem(last=False)

    def drop(self, homes: frozenset[Partition]) -> None:
        """Forget everything of partitions that are ours no longer."""
        for home in homes:
            self._in_doubt.pop(home, None)
        for ticket_id in [each.ticket_id for each in self._held_by(homes)]:
            del self._tickets[ticket_id]

    def _held_by(self, homes: frozenset[Partition]) -> Iterator[Ticket]:
        return (ticket for ticket in self._tickets.values() if ticket.home in homes)
