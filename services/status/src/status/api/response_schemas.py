"""Answers of the staff API about incidents and components."""

from collections.abc import Sequence

from status.api.request_schemas import AffectedAnswer, ComponentAnswer, IncidentAnswer, UpdateAnswer
from status.domain.components import Component, group_status
from status.domain.incidents import Incident, Update


def incident_answer(one: Incident, url: str, tickets: Sequence[str]) -> IncidentAnswer:
    """An incident or maintenance; `url` is its public page, `tickets` are ticket numbers."""
    return IncidentAnswer(
        id=one.id,
        uid=one.uid,
        desk=one.desk,
        kind="maintenance" if one.is_maintenance else "incident",
        name=one.name,
        status=one.status,
        impact=one.impact,
        severity=one.severity,
        disproved_at=one.disproved_at,
        started_at=one.started_at,
        created_at=one.created_at,
        updated_at=one.updated_at,
        monitoring_at=one.monitoring_at,
        resolved_at=one.resolved_at,
        scheduled_for=one.window.starts_at if one.window else None,
        scheduled_until=one.window.ends_at if one.window else None,
        components=dict(one.claims),
        updates=[_update_answer(update) for update in one.updates],
        tickets=list(tickets),
        opened_by_rule=opening_rule(one),
        url=url,
    )


def opening_rule(one: Incident) -> str | None:
    """The key of the rule that opened an incident; None if a person did."""
    return one.updates[-1].by.removeprefix("rule:") if one.origin else None


def _update_answer(one: Update) -> UpdateAnswer:
    return UpdateAnswer(
        id=one.id,
        status=one.status,
        body=one.body,
        by=one.by,
        created_at=one.created_at,
        components=[
            AffectedAnswer(
                id=part.code,
                name=part.name,
                old_status=part.old_status,
                new_status=part.new_status,
            )
            for part in one.affected
        ],
        deliver_notifications=one.deliver_notifications,
    )


def component_answer(one: Component, components: Sequence[Component]) -> ComponentAnswer:
    """A component among the `components` of its desk."""
    return ComponentAnswer(
        id=one.id,
        key=one.key,
        desk=one.desk,
        name=one.name,
        status=group_status(one, components) if one.is_group else one.status,
        group_id=one.group_id,
        is_group=one.is_group,
        updated_at=one.updated_at,
    )
