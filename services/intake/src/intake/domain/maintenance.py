"""Which maintenance windows are taken from customers (INF-09)."""

from datetime import datetime, timedelta
from typing import Final

from intake.domain.desk import Desk
from pledge.events import MaintenanceWindowSubmitted

LONGEST: Final = timedelta(days=31)
FURTHEST: Final = timedelta(days=366)
MOST: Final = 50
"""So many windows of one customer may lie ahead."""


def refusal_of(event: MaintenanceWindowSubmitted, desk: Desk, now: datetime) -> str | None:
    """Why the window is not taken, by a named reason; None: it is."""
    if event.customer not in desk.customers:
        return "unknown_customer"
    if event.is_withdrawn:
        return None
    if not timedelta() < event.ends_at - event.starts_at <= LONGEST:
        return "window_of_wrong_length"
    if event.ends_at <= now or event.starts_at > now + FURTHEST:
        return "window_not_ahead"
    return None
