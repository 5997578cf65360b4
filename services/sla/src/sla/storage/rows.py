"""Rows that one transaction adds to or changes in the tables, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sla.storage.ticket_cache import LONG_AGO, Ticket

Wake = tuple[UUID, str]
"""A ticket that is due to be assessed, and its desk."""


class FactRow(NamedTuple):
    """A row of `facts`; `data` is JSON text."""

    ticket_id: UUID
    sequence: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    data: str


class TimerRow(NamedTuple):
    """A row of `timers`."""

    ticket_id: UUID
    metric: str
    cycle: int
    desk: str
    state: str
    started_at: datetime
    due_at: datetime | None
    expect_at: datetime | None
    met_at: datetime | None
    at_risk_sent: int
    target: str
    reason: str
    left_for: timedelta | None


class BreachRow(NamedTuple):
    """A row of `breaches` as it is when the breach is published."""

    breach_id: UUID
    ticket_id: UUID
    desk: str
    metric: str
    cycle: int
    severity: str | None
    priority: str | None
    target: str
    policy_version: str
    due_at: datetime
    detected_at: datetime
    is_late: bool
    is_provisional: bool


class RetractionRow(NamedTuple):
    """What a retraction changes in a row of `breaches`."""

    breach_id: UUID
    retracted_at: datetime
    reason: str
    met_at: datetime | None


@dataclass(slots=True)
class Rows:
    """Everything one transaction writes."""

    new_tickets: list[Ticket] = field(default_factory=list)
    changed_tickets: list[Ticket] = field(default_factory=list)
    taken_over: list[Ticket] = field(default_factory=list)  # those with another version than before
    objectives: list[Ticket] = field(default_factory=list)  # those that other objectives count
    facts: list[FactRow] = field(default_factory=list)
    new_timers: list[TimerRow] = field(default_factory=list)
    changed_timers: list[TimerRow] = field(default_factory=list)
    breaches: list[BreachRow] = field(default_factory=list)
    retractions: list[RetractionRow] = field(default_factory=list)
    # Tickets of which nobody can tell what is promised, and why.
    waiting: Mapping[UUID, str] = field(default_factory=dict)
    waiting_since: datetime = LONG_AGO
