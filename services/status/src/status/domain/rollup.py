"""The one line at the top of a page, computed from components and open incidents."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from status.domain.components import Component, ComponentStatus
from status.domain.incidents import Impact, Incident


class Indicator(StrEnum):
    """The page's condition for machines, as clients of the Statuspage API know it."""

    NONE = "none"
    MAINTENANCE = "maintenance"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


_RANKS = {indicator: rank for rank, indicator in enumerate(Indicator)}


@dataclass(frozen=True, slots=True)
class Overall:
    """The page's condition for machines and in words."""

    indicator: Indicator
    description: str


OPERATIONAL = Overall(Indicator.NONE, "All Systems Operational")
MAINTENANCE = Overall(Indicator.MAINTENANCE, "Service Under Maintenance")
PARTIALLY_DEGRADED = Overall(Indicator.MINOR, "Partially Degraded Service")
DEGRADED = Overall(Indicator.MINOR, "Degraded System Service")
MINOR_OUTAGE = Overall(Indicator.MINOR, "Minor Service Outage")
PARTIAL_OUTAGE = Overall(Indicator.MAJOR, "Partial System Outage")
MAJOR_OUTAGE = Overall(Indicator.CRITICAL, "Major System Outage")

_BY_IMPACT = {
    Impact.NONE: OPERATIONAL,
    Impact.MAINTENANCE: MAINTENANCE,
    Impact.MINOR: MINOR_OUTAGE,
    Impact.MAJOR: PARTIAL_OUTAGE,
    Impact.CRITICAL: MAJOR_OUTAGE,
}


def overall(components: Sequence[Component], incidents: Sequence[Incident]) -> Overall:
    """The condition of the page.

    Components decide. An open incident that names none of them counts by its impact, else a page
    without components, or one whose trouble is outside them, would claim that all is well.
    """
    present = {component.id for component in components}
    statuses = [component.status for component in components if not component.is_group]
    unplaced = [
        _BY_IMPACT[incident.impact]
        for incident in incidents
        if incident.is_open and present.isdisjoint(incident.claims) and not incident.is_maintenance
    ]
    return max([_of_components(statuses), *unplaced], key=lambda line: _RANKS[line.indicator])


def _of_components(statuses: Sequence[ComponentStatus]) -> Overall:
    present = frozenset(statuses)
    if present == {ComponentStatus.MAJOR_OUTAGE}:
        return MAJOR_OUTAGE
    if ComponentStatus.MAJOR_OUTAGE in present or present == {ComponentStatus.PARTIAL_OUTAGE}:
        return PARTIAL_OUTAGE
    if ComponentStatus.PARTIAL_OUTAGE in present:
        return MINOR_OUTAGE
    if present == {ComponentStatus.DEGRADED_PERFORMANCE}:
        return DEGRADED
    if ComponentStatus.DEGRADED_PERFORMANCE in present:
        return PARTIALLY_DEGRADED
    if ComponentStatus.UNDER_MAINTENANCE in present:
        return MAINTENANCE
    return OPERATIONAL
