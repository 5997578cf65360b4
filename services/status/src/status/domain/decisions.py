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
    deliver_notifications: bool = True


@dataclass(frozen=True, slots=True)
class PostUpdate:
    """Say something more on an incident. What is None, or not in `statuses`, stays as it is."""

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
        """True when the command had no effect because it makes no sense here."""
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


class Happening(StrEnum):
    """What the rest of the world is told about an incident or a maintenance."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"
    STARTED = "started"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    """`incident` as it is after its newest update."""

    what: Happening
    incident: Incident


@dataclass(frozen=True, slots=True)
class ComponentChanged:
    """A component's status changed, through an incident's update or, without one, by hand."""

    component: Component
    old_status: ComponentStatus
    by: str
    incident: Incident | None = None


Effect = IncidentChanged | ComponentChanged


@dataclass(frozen=True, slots=True)
class Board:
    """What a decision needs to know around the incident.

    `elsewhere` is what other open incidents say about components: it holds when this one lets go.
    """

    components: Sequence[Component]
    elsewhere: Mapping[str, ComponentStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The incident after the command, the components that changed, what to publish, and why.

    `effects` are in the order of their publication; each carries the revision it is told under.
    """

    incident: Incident | None
    components: tuple[Component, ...]
    effects: tuple[Effect, ...]
    reason: Reason


def decide(incident: Incident | None, command: Command, board: Board, now: datetime) -> Decision:
    """Carry out `command` at `now`. Total: what makes no sense is refused with a reason."""
    refusal = _refusal(incident, command, board, now)
    if refusal is not None:
        return Decision(incident, (), (), refusal)
    if isinstance(command, Open):
        return _publish(_opened(command, now), command, board, now)
    assert incident is not None  # or `_refusal` would have said so
    return _publish(_continued(incident, command, now), command, board, now, before=incident)


def set_component(
    component: Component, status: ComponentStatus, by: str, now: datetime
) -> Decision:
    """Set a component's status by hand, outside any incident."""
    if component.is_group:
        return Decision(None, (), (), Reason.COMPONENT_IS_GROUP)
    if component.status is status:
        return Decision(None, (), (), Reason.UNCHANGED)
    changed = _moved_to(component, status, now)
    effect = ComponentChanged(changed, component.status, by)
    return Decision(None, (changed,), (effect,), Reason.CHANGED)


def claims_of_others(incidents: Sequence[Incident], but: UUID | None) -> dict[str, ComponentStatus]:
    """The worst that open incidents other than `but` say about each component now."""
    held: dict[str, ComponentStatus] = {}
    for incident in incidents:
        if incident.uid == but or not _holds(incident):
            continue
        for code, status in incident.claims.items():
            held[code] = worst([status, held.get(code, ComponentStatus.OPERATIONAL)])
    return held


def _holds(incident: Incident) -> bool:
    """An announced maintenance says nothing about today's condition yet."""
    return incident.is_open and incident.status is not IncidentStatus.SCHEDULED


def _refusal(
    incident: Incident | None, command: Command, board: Board, now: datetime
) -> Reason | None:
    known = {component.id: component for component in board.components}
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
    board: Board,
    now: datetime,
    before: Incident | None = None,
) -> Decision:
    """Add the update, move the components, and say what there is to tell."""
    said = _said(incident, command, board, before)
    update = Update(
        uid=derived_uuid("update", str(incident.uid), str(len(incident.updates) + 1)),
        status=incident.status,
        body=command.body,
        created_at=now,
        affected=_affected(said, board),
        by=command.by,
        deliver_notifications=command.deliver_notifications,
    )
    moved = _moved(said, board, now)
    incident = replace(
        incident,
        claims=incident.claims if incident.is_open else said,
        updates=(update, *incident.updates),
    )
    happened = _happened(incident, before)
    told: list[Effect] = []
    for what in happened:
        if what is not Happening.UPDATED or _is_told_of_updates(incident):
            incident = replace(incident, revision=incident.revision + 1)
            told.append(IncidentChanged(what, incident))
    told += [ComponentChanged(component, old, command.by, incident) for component, old in moved]
    components = tuple(component for component, _ in moved)
    return Decision(incident, components, tuple(told), Reason(happened[0].value))


def _is_told_of_updates(incident: Incident) -> bool:
    """The bus knows a maintenance planned anew, but no update on one under way."""
    return not incident.is_maintenance or incident.status is IncidentStatus.SCHEDULED


def _happened(incident: Incident, before: Incident | None) -> list[Happening]:
    if before is None:
        # Told when it was over: whoever waits for its end from its opening on hears of both.
        return [Happening.OPENED] if incident.is_open else [Happening.OPENED, Happening.RESOLVED]
    was_announced = before.status is IncidentStatus.SCHEDULED
    if before.is_open and not incident.is_open:
        return [Happening.CANCELLED if was_announced else Happening.RESOLVED]
    if was_announced and incident.status is not IncidentStatus.SCHEDULED:
        return [Happening.STARTED]
    return [Happening.UPDATED]


def _said(
    incident: Incident, command: Command, board: Board, before: Incident | None
) -> dict[str, ComponentStatus]:
    """The status of each of the incident's components after this update.

    A component is as bad as the worst open incident says. What the update does not mention stays,
    except when the incident begins to hold (its claims apply) or ends (it lets go).
    """
    current = {component.id: component.status for component in board.components}
    now_said = {code: current[code] for code in incident.claims if code in current}
    never_held = before is not None and not _holds(before) and not incident.is_open
    if incident.status is IncidentStatus.SCHEDULED or never_held:
        return now_said
    for code in now_said:
        elsewhere = board.elsewhere.get(code, ComponentStatus.OPERATIONAL)
        if not incident.is_open:
            now_said[code] = command.statuses.get(code, elsewhere)
        elif code in command.statuses or before is None or not _holds(before):
            now_said[code] = worst([incident.claims[code], elsewhere])
    return now_said


def _affected(said: Mapping[str, ComponentStatus], board: Board) -> tuple[Affected, ...]:
    """Every component of the incident, changed or not, in the page's order."""
    return tuple(
        Affected(
            code=component.id,
            name=full_name(component, board.components),
            old_status=component.status,
            new_status=said[component.id],
        )
        for component in board.components
        if component.id in said
    )


def _moved(
    said: Mapping[str, ComponentStatus], board: Board, now: datetime
) -> list[tuple[Component, ComponentStatus]]:
    """Components whose status the update changes, each with its old status."""
    return [
        (_moved_to(component, said[component.id], now), component.status)
        for component in board.components
        if component.id in said and component.status is not said[component.id]
    ]


def _moved_to(component: Component, status: ComponentStatus, now: datetime) -> Component:
    return replace(component, status=status, updated_at=now, revision=component.revision + 1)
