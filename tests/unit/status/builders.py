"""Builders of what the status tests talk about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from status.domain.components import Component, ComponentStatus
from status.domain.decisions import Command, Decision, DecisionContext, Open, PostUpdate, decide
from status.domain.desk import Page
from status.domain.incidents import Incident, IncidentStatus, Window
from status.domain.page_state import PageState

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_987, tzinfo=UTC)
INCIDENT = UUID(int=1)
OPERATIONAL = ComponentStatus.OPERATIONAL
MAINTAINED = ComponentStatus.UNDER_MAINTENANCE
DEGRADED = ComponentStatus.DEGRADED_PERFORMANCE
PARTIAL = ComponentStatus.PARTIAL_OUTAGE
MAJOR = ComponentStatus.MAJOR_OUTAGE


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def a_component(
    code: str,
    status: ComponentStatus = OPERATIONAL,
    *,
    position: int = 1,
    group: str | None = None,
    is_group: bool = False,
) -> Component:
    return Component(
        id=code,
        key=code,
        desk="demo",
        name=code.upper(),
        status=status,
        created_at=NOON - timedelta(days=9),
        updated_at=NOON - timedelta(days=1),
        position=position,
        group_id=group,
        is_group=is_group,
    )


def a_context(*components: Component, **others: ComponentStatus) -> DecisionContext:
    return DecisionContext(components, others)


def opening(
    statuses: Mapping[str, ComponentStatus] | None = None,
    *,
    uid: UUID = INCIDENT,
    status: IncidentStatus = IncidentStatus.INVESTIGATING,
    window: Window | None = None,
) -> Open:
    return Open(
        uid=uid,
        desk="demo",
        name="Mail is late",
        body="We are looking into it.",
        by="ada",
        status=status,
        statuses=statuses or {},
        window=window,
    )


def maintenance(statuses: Mapping[str, ComponentStatus] | None = None) -> Open:
    window = Window(NOON + minutes(60), NOON + minutes(120))
    return opening(statuses, status=IncidentStatus.SCHEDULED, window=window)


def saying(status: IncidentStatus | None = None, **statuses: ComponentStatus) -> PostUpdate:
    return PostUpdate(body="FactDetail.", by="ada", status=status, statuses=statuses)


class Story:
    """Commands one after another on one incident, with what they change on the page."""

    def __init__(self, *components: Component) -> None:
        self.components = {component.id: component for component in components}
        self.incident: Incident | None = None
        self.others: dict[str, ComponentStatus] = {}
        self.now = NOON

    def then(self, command: Command) -> Decision:
        context = DecisionContext(list(self.components.values()), self.others)
        decision = decide(self.incident, command, context, self.now)
        self.incident = decision.incident
        for component in decision.components:
            self.components[component.id] = component
        self.now += minutes(1)
        return decision

    def status(self, code: str) -> ComponentStatus:
        return self.components[code].status

    @property
    def current(self) -> Incident:
        assert self.incident is not None
        return self.incident


def a_page(zone: str = "Etc/UTC") -> Page:
    return Page("page00000001", "demo", "Demo", "https://status.example.com", ZoneInfo(zone))


def a_state(
    *components: Component, incidents: tuple[Incident, ...] = (), zone: str = "Etc/UTC"
) -> PageState:
    return PageState(a_page(zone), components, incidents, NOON)
