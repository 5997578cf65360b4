"""Incidents and maintenances: what happened, described in updates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from status.domain.components import ComponentStatus
from status.domain.identifiers import public_id


class IncidentStatus(StrEnum):
    """Where an incident, or a scheduled maintenance, stands."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"

    @property
    def is_final(self) -> bool:
        """True when nothing is wrong any more: `resolved_at` is set from here on."""
        return self in _FINAL

    @property
    def is_of_maintenance(self) -> bool:
        """True for the statuses that only a maintenance takes."""
        return self in _OF_MAINTENANCE

    @property
    def words(self) -> str:
        """The status as a visitor of the page reads it."""
        return self.value.replace("_", " ").capitalize()


_FINAL = frozenset({IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM, IncidentStatus.COMPLETED})
_OF_MAINTENANCE = frozenset(
    {
        IncidentStatus.SCHEDULED,
        IncidentStatus.IN_PROGRESS,
        IncidentStatus.VERIFYING,
        IncidentStatus.COMPLETED,
    }
)


class Impact(StrEnum):
    """How much an incident hurts, mildest first; `maintenance` belongs to maintenances."""

    NONE = "none"
    MAINTENANCE = "maintenance"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """How bad it is, from 0 for none to 4 for critical."""
        return _IMPACT_RANKS[self]


_IMPACT_RANKS = {impact: rank for rank, impact in enumerate(Impact)}

IMPACT_OF = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MAINTENANCE,
    ComponentStatus.DEGRADED_PERFORMANCE: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}
"""The impact of an incident without a stated one: that of its worst component."""


@dataclass(frozen=True, slots=True)
class Affected:
    """One component in an update."""

    code: str
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


@dataclass(frozen=True, slots=True)
class Update:
    """One message on an incident. `by` is the author's subject and stays off the public page."""

    uid: UUID
    status: IncidentStatus
    body: str
    created_at: datetime
    affected: tuple[Affected, ...]
    by: str
    deliver_notifications: bool = True

    @property
    def id(self) -> str:
        """Its public id."""
        return public_id("update", str(self.uid))


@dataclass(frozen=True, slots=True)
class Window:
    """When a maintenance is announced to take place: from `starts_at` up to `ends_at`."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident, or with a `window` a scheduled maintenance. `updates` are newest first.

    `claims` is what it says about each of its components now. `origin` names the rule that opened
    it without a person, so that a second confirmed ticket joins it instead of opening another.
    `severity` is that of the ticket it was opened for. `disproved_at` is when the breach that
    opened it was taken back after people had written on it, until they decide. `uid` names it on
    the bus, where `revision` counts its events from 1 and without gaps.
    """

    uid: UUID
    desk: str
    name: str
    status: IncidentStatus
    impact: Impact
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    updates: tuple[Update, ...]
    claims: Mapping[str, ComponentStatus] = field(default_factory=dict)
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    window: Window | None = None
    origin: str | None = None
    revision: int = 0
    severity: str | None = None
    disproved_at: datetime | None = None

    @property
    def id(self) -> str:
        """Its public id."""
        return public_id("incident", str(self.uid))

    @property
    def is_maintenance(self) -> bool:
        """True for a scheduled maintenance."""
        return self.window is not None

    @property
    def is_open(self) -> bool:
        """True until it is resolved or completed."""
        return not self.status.is_final
