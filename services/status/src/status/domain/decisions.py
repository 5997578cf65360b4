"""What a command does to an incident: the new state, what changed, and a named reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from status.domain.components import Component, ComponentStatus, full_name, worst
from status.domain.identifiers import derived_uuid
from status.domain.incidents import (
    IMPACT_OF,
    Affected,
    Impact,
    Incident,
    IncidentStatus,
    Update,
    Window,
)


@dataclass(frozen=True, slots=True)
class Open:
    """Open an incident, or announce a maintenance when a `window` is given."""

    uid: UUID
    desk: str
    name: str
    body: str
    by: str
    status: IncidentStatus = IncidentStatus.INVESTIGATING
    impact: Impact | None = None
    statuses: Mapping[str, ComponentStatus] = field(default_factory=dict)
    started_at: datetime | None = None
    window: Window | None = None
    origin: str | None = None
    severity: str | None = None
    deliver_notifications: bool = True


@dataclass(frozen=True, slots=True)
class PostUpdate:
    """Post an update on an incident. What is None, or not in `statuses`, stays as it is."""

    body: str
    by: str
    status: IncidentStatus | None = None
    impact: Impact | None = None
    name: str | None = None
    statuses: Mapping[str, ComponentStatus] = field(default_factory=dict)
    deliver_notifications: bool = True


Command = Open | PostUpdate


class Reason(StrEnum):
    """Why a command had the effect it had; the names become metric labels."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"
    STARTED = "started"
    CANCELLED = "cancelled"
    ALREADY_OPEN = "already_open"
    NO_SUCH_INCIDENT = "no_such_incident"
    NO_SUCH_COMPONENT = "no_such_component"
    COMPONENT_IS_GROUP = "component_is_group"
    CLOSED = "closed"
    WRONG_STATUS = "wrong_status"
    EMPTY_WINDOW = "empty_window"
    BEGINS_LATER = "begins_later"
    UNCHANGED = "unchanged"
    CHANGED = "changed"

    @property
    def is_refusal(self) -> bool:
        """True when the command was refused: it had no effect."""
        return self not in _EFFECTS


_EFFECTS = frozenset(
    {
        Reason.OPENED,
        Reason.UPDATED,
        Reason.RESOLVED,
        Reason.STARTED,
        Reason.CANCELLED,
        Reason.UNCHANGED,
        Reason.CHANGED,
    }
)


class ChangeKind(StrEnum):
    """How an incident or a maintenance changed, as its event says."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"
    STARTED = "started"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    """`incident` as it is after its newest update."""

    kind: ChangeKind
    incident: Incident


@dataclass(frozen=True, slots=True)
class ComponentChanged:
    """A component's status changed, by an incident's update or directly."""

    component: Component
    old_status: ComponentStatus
    by: str
    incident: Incident | None = None


Effect = IncidentChanged | ComponentChanged


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What a decision needs to know of the rest of the page.

    `others` is what other open incidents say about components: it applies when this one ends.
    """

    components: Sequence[Component]
    others: Mapping[str, ComponentStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The incident after the command, the components that changed, what to publish, and why.

    `effects` are in the order of their publication; each carries the revision it is published with.
    """

    incident: Incident | None
    components: tuple[Component, ...]
    effects: tuple[Effect, ...]
    reason: Reason


def decide(
    incident: Incident | None, command: Command, context: DecisionContext, now: datetime
) -> Decision:
    """Carry out `command` at `now`. Total: an impossible command is refused with a reason."""
    refusal = _refusal(incident, command, context, now)
    if refusal is not None:
        return Decision(incident, (), (), refusal)
    if isinstance(command, Open):
        return _publish(_opened(command, now), command, context, now)
    assert incident is not None  # `_refusal` refuses it otherwise
    return _publish(_continued(incident, command, now), command, context, now, before=incident)


def set_component(
    component: Component, status: ComponentStatus, by: str, now: datetime
) -> Decision:
    """Set a component's status, outside any incident."""
    if component.is_group:
        return Decision(None, (), (), Reason.COMPONENT_IS_GROUP)
    if component.status is status:
        return Decision(None, (), (), Reason.UNCHANGED)
    changed = _with_status(component, status, now)
    effect = ComponentChanged(changed, component.status, by)
    return Decision(None, (changed,), (effect,), Reason.CHANGED)


def claims_of_others(incidents: Sequence[Incident], but: UUID | None) -> dict[str, ComponentStatus]:
    """The worst that open incidents other than `but` say about each component now."""
    held: dict[str, ComponentStatus] = {}
    for incident in incidents:
        if incident.uid == but or not _applies(incident):
            continue
        for code, status in incident.claims.items():
            held[code] = worst([status, held.get(code, ComponentStatus.OPERATIONAL)])
    return held


def _applies(incident: Incident) -> bool:
    """An announced maintenance has no claims on today's condition yet."""
    return incident.is_open and incident.status is not IncidentStatus.SCHEDULED


def _refusal(
    incident: Incident | None, command: Command, context: DecisionContext, now: datetime
) -> Reason | None:
    known = {component.id: component for component in context.components}
    for code in command.statuses:
        if code not in known:
            return Reason.NO_SUCH_COMPONENT
        if known[code].is_group:
            return Reason.COMPONENT_IS_GROUP
    if isinstance(command, Open):
        return _refusal_to_open(incident, command, now)
    return _refusal_to_continue(incident, command)


def _refusal_to_open(incident: Incident | None, command: Open, now: datetime) -> Reason | None:
    if incident is not None:
        return Reason.ALREADY_OPEN
    if command.started_at is not None and command.started_at > now:
        return Reason.BEGINS_LATER
    if command.window is None:
        return Reason.WRONG_STATUS if command.status.is_of_maintenance else None
    if command.window.ends_at <= command.window.starts_at:
        return Reason.EMPTY_WINDOW
    return None if command.status is IncidentStatus.SCHEDULED else Reason.WRONG_STATUS


def _refusal_to_continue(incident: Incident | None, command: PostUpdate) -> Reason | None:
    if incident is None:
        return Reason.NO_SUCH_INCIDENT
    status = command.status or incident.status
    if status.is_of_maintenance != incident.is_maintenance:
        return Reason.WRONG_STATUS
    if not incident.is_open and not status.is_final:
        # What comes back later is a new incident: clients have closed this one for good.
        return Reason.CLOSED
    if status is IncidentStatus.POSTMORTEM and incident.is_open:
        return Reason.WRONG_STATUS
    if status is IncidentStatus.SCHEDULED and incident.status is not IncidentStatus.SCHEDULED:
        return Reason.WRONG_STATUS
    return None


def _opened(command: Open, now: datetime) -> Incident:
    return Incident(
        uid=command.uid,
        desk=command.desk,
        name=command.name,
        status=command.status,
        impact=impact_of(command),
        started_at=command.started_at or now,
        created_at=now,
        updated_at=now,
        updates=(),
        claims=dict(command.statuses),
        monitoring_at=now if command.status is IncidentStatus.MONITORING else None,
        resolved_at=now if command.status.is_final else None,
        window=command.window,
        origin=command.origin,
        severity=command.severity,
    )


def _continued(incident: Incident, command: PostUpdate, now: datetime) -> Incident:
    status = command.status or incident.status
    reaches_monitoring = status is IncidentStatus.MONITORING and incident.monitoring_at is None
    return replace(
        incident,
        name=command.name or incident.name,
        status=status,
        impact=command.impact or incident.impact,
        updated_at=now,
        claims={**incident.claims, **command.statuses},
        monitoring_at=now if reaches_monitoring else incident.monitoring_at,
        resolved_at=incident.resolved_at or (now if status.is_final else None),
        disproved_at=None,  # whoever writes has decided
    )


def impact_of(command: Open) -> Impact:
    """The stated impact, else `maintenance` for one, else that of the worst component."""
    if command.impact is not None:
        return command.impact
    if command.window is not None:
        return Impact.MAINTENANCE
    return IMPACT_OF[worst(command.statuses.values())]


def _publish(
    incident: Incident,
    command: Command,
    context: DecisionContext,
    now: datetime,
    before: Incident | None = None,
) -> Decision:
    """Add the update, change the components, and collect the effects."""
    statuses = _new_statuses(incident, command, context, before)
    update = Update(
        uid=derived_uuid("update", str(incident.uid), str(len(incident.updates) + 1)),
        status=incident.status,
        body=command.body,
        created_at=now,
        affected=_affected(statuses, context),
        by=command.by,
        deliver_notifications=command.deliver_notifications,
    )
    changed = _changed_components(statuses, context, now)
    incident = replace(
        incident,
        claims=incident.claims if incident.is_open else statuses,
        updates=(update, *incident.updates),
    )
    happened = _happened(incident, before)
    effects: list[Effect] = []
    for kind in happened:
        if kind is not ChangeKind.UPDATED or _publishes_updates(incident):
            incident = replace(incident, revision=incident.revision + 1)
            effects.append(IncidentChanged(kind, incident))
    effects += [
        ComponentChanged(component, old, command.by, incident) for component, old in changed
    ]
    components = tuple(component for component, _ in changed)
    return Decision(incident, components, tuple(effects), Reason(happened[0].value))


def _publishes_updates(incident: Incident) -> bool:
    """The bus gets the plan of a maintenance when it changes, but no update on one under way."""
    return not incident.is_maintenance or incident.status is IncidentStatus.SCHEDULED


def _happened(incident: Incident, before: Incident | None) -> list[ChangeKind]:
    if before is None:
        # Opened when it was over: consumers that wait for its end need both events.
        return [ChangeKind.OPENED] if incident.is_open else [ChangeKind.OPENED, ChangeKind.RESOLVED]
    was_announced = before.status is IncidentStatus.SCHEDULED
    if before.is_open and not incident.is_open:
        return [ChangeKind.CANCELLED if was_announced else ChangeKind.RESOLVED]
    if was_announced and incident.status is not IncidentStatus.SCHEDULED:
        return [ChangeKind.STARTED]
    return [ChangeKind.UPDATED]


def _new_statuses(
    incident: Incident, command: Command, context: DecisionContext, before: Incident | None
) -> dict[str, ComponentStatus]:
    """The status of each of the incident's components after this update.

    A component is as bad as the worst claim of an open incident. What the update does not name
    stays, except when the incident's claims begin or cease to apply.
    """
    current = {component.id: component.status for component in context.components}
    statuses = {code: current[code] for code in incident.claims if code in current}
    never_applied = before is not None and not _applies(before) and not incident.is_open
    if incident.status is IncidentStatus.SCHEDULED or never_applied:
        return statuses
    for code in statuses:
        others = context.others.get(code, ComponentStatus.OPERATIONAL)
        if not incident.is_open:
            statuses[code] = command.statuses.get(code, others)
        elif code in command.statuses or before is None or not _applies(before):
            statuses[code] = worst([incident.claims[code], others])
    return statuses


def _affected(
    statuses: Mapping[str, ComponentStatus], context: DecisionContext
) -> tuple[Affected, ...]:
    """Every component of the incident, changed or not, in the page's order."""
    return tuple(
        Affected(
            code=component.id,
            name=full_name(component, context.components),
            old_status=component.status,
            new_status=statuses[component.id],
        )
        for component in context.components
        if component.id in statuses
    )


def _changed_components(
    statuses: Mapping[str, ComponentStatus], context: DecisionContext, now: datetime
) -> list[tuple[Component, ComponentStatus]]:
    """Components whose status the update changes, each with its old status."""
    return [
        (_with_status(component, statuses[component.id], now), component.status)
        for component in context.components
        if component.id in statuses and component.status is not statuses[component.id]
    ]


def _with_status(component: Component, status: ComponentStatus, now: datetime) -> Component:
    return replace(component, status=status, updated_at=now, revision=component.revision + 1)
