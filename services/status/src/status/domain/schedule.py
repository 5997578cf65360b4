"""Maintenances that start and end by their window."""

from datetime import datetime

from status.domain.decisions import PostUpdate
from status.domain.incidents import Incident, IncidentStatus

BY = "system:schedule"
"""The author of updates that the schedule posts."""


def next_due(maintenance: Incident) -> datetime | None:
    """When its window begins or ends next; None if it is over or no maintenance."""
    if maintenance.window is None or not maintenance.is_open:
        return None
    if maintenance.status is IncidentStatus.SCHEDULED:
        return maintenance.window.starts_at
    return maintenance.window.ends_at


def on_schedule(
    maintenance: Incident, start_message: str | None, end_message: str | None, now: datetime
) -> PostUpdate | None:
    """What is due by `now`: its beginning, then its end. None if nothing, or left to a person."""
    due = next_due(maintenance)
    if due is None or due > now:
        return None
    is_start = maintenance.status is IncidentStatus.SCHEDULED
    message = start_message if is_start else end_message
    if message is None:
        return None
    status = IncidentStatus.IN_PROGRESS if is_start else IncidentStatus.COMPLETED
    return PostUpdate(body=message, by=BY, status=status)
