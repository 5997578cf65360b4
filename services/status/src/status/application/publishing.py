"""Effects of the domain as events of the contract."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pledge.events import (
    Actor,
    ComponentState,
    Envelope,
    Event,
    IncidentOpened,
    IncidentResolved,
    IncidentUpdated,
    MaintenanceCancelled,
    MaintenanceCompleted,
    MaintenanceScheduled,
    MaintenanceStarted,
    caused_by,
    encode,
    originate,
    storable,
)
from pledge.events import ComponentChanged as ComponentChangedEvent
from pledge.runtime.ids import Ids
from pledge.runtime.records import Message
from status.domain.components import Component
from status.domain.decisions import ChangeKind, ComponentChanged, Effect, IncidentChanged
from status.domain.incidents import Incident

SOURCE = "/status"

MOST_TICKETS = 500
"""How many of an incident's tickets its events name, so that no record grows without bound."""

_MAINTENANCE = {
    ChangeKind.OPENED: MaintenanceScheduled,
    ChangeKind.UPDATED: MaintenanceScheduled,
    ChangeKind.STARTED: MaintenanceStarted,
    ChangeKind.RESOLVED: MaintenanceCompleted,
    ChangeKind.CANCELLED: MaintenanceCancelled,
}


def event_of(
    effect: Effect,
    components: Sequence[Component],
    tickets: Sequence[UUID],
    update_within: timedelta | None,
    now: datetime,
) -> tuple[Event, int]:
    """The event of `effect`, and its sequence under its subject.

    `components` are the desk's as they are after the change, `tickets` those that belong to the
    incident. `now` is when Pledge recorded it.
    """
    if isinstance(effect, ComponentChanged):
        return _component(effect, now), effect.component.revision
    incident = effect.incident
    if incident.is_maintenance:
        return _maintenance(effect, components, now), incident.revision
    return _incident(effect, components, tickets, update_within, now), incident.revision


def caused_message(event: Event, sequence: int, cause: Envelope, position: int) -> Message:
    """The message of an event that the event `cause` led to."""
    return _message(event, caused_by(event, cause, position, source=SOURCE, sequence=sequence))


def requested_message(event: Event, sequence: int, ids: Ids, traceparent: str | None) -> Message:
    """The message of an event that a request led to."""
    envelope = originate(
        event, source=SOURCE, id=str(ids.new()), sequence=sequence, traceparent=traceparent
    )
    return _message(event, envelope)


def actor_of(by: str) -> Actor:
    """The actor of an update's author: a rule, the schedule, or a token's subject."""
    kind, _, name = by.partition(":")
    if kind in ("rule", "system"):
        return Actor(kind=kind, id=name)
    return Actor(kind="agent", id=by)


def _message(event: Event, envelope: Envelope) -> Message:
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


def _state(component: Component) -> ComponentState:
    return ComponentState(
        component=component.key, name=component.name, status=component.status.value
    )


def _named(incident: Incident, components: Sequence[Component]) -> tuple[ComponentState, ...]:
    return tuple(_state(one) for one in components if one.id in incident.claims)


def _component(effect: ComponentChanged, now: datetime) -> Event:
    incident = effect.incident
    is_maintenance = incident is not None and incident.is_maintenance
    return ComponentChangedEvent(
        desk=effect.component.desk,
        occurred_at=effect.component.updated_at,
        recorded_at=now,
        component=_state(effect.component),
        previous_status=effect.old_status.value,
        incident_id=incident.uid if incident and not is_maintenance else None,
        maintenance_id=incident.uid if incident and is_maintenance else None,
        by=actor_of(effect.by),
    )


def _incident(
    effect: IncidentChanged,
    components: Sequence[Component],
    tickets: Sequence[UUID],
    update_within: timedelta | None,
    now: datetime,
) -> Event:
    incident, newest = effect.incident, effect.incident.updates[0]
    fields = {
        "desk": incident.desk,
        "recorded_at": now,
        "incident_id": incident.uid,
        "title": incident.name,
        "impact": incident.impact.value,
        "severity": incident.severity,
        "state": incident.status.value,
        "components": _named(incident, components),
        "ticket_ids": tuple(tickets[:MOST_TICKETS]),
        "update_id": newest.uid,
        "body": storable(newest.body),
        "by": actor_of(newest.by),
    }
    if effect.kind is ChangeKind.RESOLVED:
        return IncidentResolved(occurred_at=newest.created_at, **fields)
    if incident.is_open and update_within is not None:
        fields["next_update_by"] = newest.created_at + update_within
    if effect.kind is ChangeKind.OPENED:
        # Opened when it was over: no update was due, nothing counts from its beginning.
        opened_at = incident.started_at if incident.is_open else newest.created_at
        return IncidentOpened(occurred_at=opened_at, **fields)
    return IncidentUpdated(occurred_at=newest.created_at, **fields)


def _maintenance(effect: IncidentChanged, components: Sequence[Component], now: datetime) -> Event:
    incident, newest = effect.incident, effect.incident.updates[0]
    assert incident.window is not None  # it is a maintenance
    return _MAINTENANCE[effect.kind](
        desk=incident.desk,
        occurred_at=newest.created_at,
        recorded_at=now,
        maintenance_id=incident.uid,
        title=incident.name,
        body=storable(newest.body),
        components=_named(incident, components),
        starts_at=incident.window.starts_at,
        ends_at=incident.window.ends_at,
        update_id=newest.uid,
        by=actor_of(newest.by),
    )
