"""All that a desk's page shows at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from status.domain.components import Component, ComponentStatus, children, group_status
from status.domain.desk import Page
from status.domain.incidents import Incident, IncidentStatus
from status.domain.rollup import Overall, overall


@dataclass(frozen=True, slots=True)
class PageState:
    """All that a page shows. `components` in the page's order, `incidents` newest first.

    `incidents` holds maintenances too; the properties below separate them.
    """

    page: Page
    components: tuple[Component, ...]
    incidents: tuple[Incident, ...]
    updated_at: datetime

    @property
    def overall(self) -> Overall:
        """The line at the top."""
        return overall(self.components, self.incidents)

    @property
    def unresolved(self) -> list[Incident]:
        """Open incidents, newest first, without maintenances."""
        return [one for one in self.incidents if one.is_open and not one.is_maintenance]

    @property
    def history(self) -> list[Incident]:
        """Incidents in any state, newest first, without maintenances."""
        return [one for one in self.incidents if not one.is_maintenance]

    @property
    def maintenances(self) -> list[Incident]:
        """Maintenances in any state, newest first."""
        return [one for one in self.incidents if one.is_maintenance]

    @property
    def upcoming(self) -> list[Incident]:
        """Announced maintenances, the next one first."""
        return sorted(
            (one for one in self.incidents if one.status is IncidentStatus.SCHEDULED), key=_start
        )

    @property
    def under_way(self) -> list[Incident]:
        """Maintenances in progress or being verified."""
        return [one for one in self.maintenances if one.status in _UNDER_WAY]

    @property
    def shown_components(self) -> list[Component]:
        """The components that visitors see: some show only while they are not well."""
        return [
            one
            for one in self.components
            if not one.only_show_if_degraded
            or self.status_of(one) is not ComponentStatus.OPERATIONAL
        ]

    def incident(self, incident_id: str) -> Incident | None:
        """The incident or maintenance of that id, if the page shows it."""
        return next((one for one in self.incidents if one.id == incident_id), None)

    def children(self, group: Component) -> list[Component]:
        """The components of a group, in order."""
        return children(group, self.components)

    def status_of(self, component: Component) -> ComponentStatus:
        """The component's status, or the worst of its children for a group."""
        if component.is_group:
            return group_status(component, self.components)
        return component.status

    def components_of(self, incident: Incident) -> list[Component]:
        """The components that an incident names, as they are now."""
        return [one for one in self.components if one.id in incident.claims]


_UNDER_WAY = frozenset({IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING})


def _start(maintenance: Incident) -> datetime:
    return maintenance.window.starts_at if maintenance.window else maintenance.started_at


def in_page_order(components: Sequence[Component]) -> tuple[Component, ...]:
    """Top level by position, each group followed at once by its children."""
    top = sorted((one for one in components if one.group_id is None), key=lambda one: one.position)
    ordered: list[Component] = []
    for component in top:
        ordered.append(component)
        within = [one for one in components if one.group_id == component.id]
        ordered.extend(sorted(within, key=lambda one: one.position))
    return tuple(ordered)
