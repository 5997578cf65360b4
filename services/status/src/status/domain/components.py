"""Components: the parts of a product whose condition a page shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class ComponentStatus(StrEnum):
    """The condition of one component, named as in the Statuspage API, best first."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def rank(self) -> int:
        """How bad it is, from 0 for operational to 4 for a major outage."""
        return _RANKS[self]

    @property
    def words(self) -> str:
        """The status as a visitor of the page reads it."""
        return self.value.replace("_", " ").capitalize()


_RANKS = {status: rank for rank, status in enumerate(ComponentStatus)}


def worst(statuses: Iterable[ComponentStatus]) -> ComponentStatus:
    """The worst of `statuses`; operational if there are none."""
    return max(statuses, key=lambda status: status.rank, default=ComponentStatus.OPERATIONAL)


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a page. A group has no status of its own: see `group_status`.

    `id` is public, `key` its slug in the desk's file. `position` counts from 1 among the components
    of the same parent. `updated_at` is when its status last changed; `revision` counts the changes.
    """

    id: str
    key: str
    desk: str
    name: str
    status: ComponentStatus
    created_at: datetime
    updated_at: datetime
    position: int
    description: str | None = None
    showcase: bool = False
    start_date: date | None = None
    group_id: str | None = None
    is_group: bool = False
    only_show_if_degraded: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ComponentDefinition:
    """A component as the desk's file defines it; its status is the database's."""

    id: str
    key: str
    name: str
    position: int
    description: str | None
    showcase: bool
    start_date: date | None
    group_id: str | None
    is_group: bool
    only_show_if_degraded: bool


def children(group: Component, components: Sequence[Component]) -> list[Component]:
    """The components of `group`, in the page's order."""
    return [component for component in components if component.group_id == group.id]


def group_status(group: Component, components: Sequence[Component]) -> ComponentStatus:
    """A group is as bad as its worst child."""
    return worst(child.status for child in children(group, components))


def full_name(component: Component, components: Iterable[Component]) -> str:
    """`Group - Component`, or the bare name for a component at the top level."""
    for candidate in components:
        if candidate.is_group and candidate.id == component.group_id:
            return f"{candidate.name} - {component.name}"
    return component.name
