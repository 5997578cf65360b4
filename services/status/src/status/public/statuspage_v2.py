"""The bodies of the Statuspage API v2, key for key.

Clients reject fields they do not know (`check_statuspage_components` does by default), so nothing
may be added here: what Pledge adds belongs on another path.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from status.domain.components import Component
from status.domain.incidents import Affected, Incident, Update
from status.domain.page_state import PageState
from status.domain.times import page_time

Json = dict[str, Any]

_NEWEST = 50
"""How many incidents, and how many maintenances, a list shows."""


def component(one: Component, state: PageState) -> Json:
    """A component; `components` is there for groups only."""
    zone = state.page.zone
    body: Json = {
        "id": one.id,
        "name": one.name,
        "status": state.status_of(one).value,
        "created_at": page_time(one.created_at, zone),
        "updated_at": page_time(one.updated_at, zone),
        "position": one.position,
        "description": one.description,
        "showcase": one.showcase,
        "start_date": one.start_date.isoformat() if one.start_date else None,
        "group_id": one.group_id,
        "page_id": state.page.id,
        "group": one.is_group,
        "only_show_if_degraded": one.only_show_if_degraded,
    }
    if one.is_group:
        body["components"] = [child.id for child in state.children(one)]
    return body


def incident(one: Incident, state: PageState) -> Json:
    """An incident or, with two fields more, a scheduled maintenance."""

    def time(instant: datetime | None) -> str | None:
        return page_time(instant, state.page.zone) if instant else None

    body: Json = {
        "id": one.id,
        "name": one.name,
        "status": one.status.value,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "monitoring_at": time(one.monitoring_at),
        "resolved_at": time(one.resolved_at),
        "impact": one.impact.value,
        "shortlink": f"{state.page.url}/incidents/{one.id}",
        "started_at": time(one.started_at),
        "page_id": state.page.id,
        "incident_updates": [_update(update, one, state) for update in one.updates],
        "components": [component(named, state) for named in state.components_of(one)],
        "reminder_intervals": None,
    }
    if one.window is not None:
        body["scheduled_for"] = time(one.window.starts_at)
        body["scheduled_until"] = time(one.window.ends_at)
    return body


def text_as_html(text: str) -> str:
    """`text` for a body: clients put it into a page as it is, so markup in it must not work."""
    return escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br />")


def _update(update: Update, of: Incident, state: PageState) -> Json:
    at = page_time(update.created_at, state.page.zone)
    return {
        "id": update.id,
        "status": update.status.value,
        "body": text_as_html(update.body),
        "incident_id": of.id,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components": [_affected(one) for one in update.affected] or None,
        "deliver_notifications": update.deliver_notifications,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _affected(one: Affected) -> Json:
    return {
        "code": one.code,
        "name": one.name,
        "old_status": one.old_status.value,
        "new_status": one.new_status.value,
    }


def _page(state: PageState) -> Json:
    page = state.page
    return {
        "id": page.id,
        "name": page.name,
        "url": page.url,
        "time_zone": page.zone.key,
        "updated_at": page_time(state.updated_at, page.zone),
    }


def _status(state: PageState) -> Json:
    line = state.overall
    return {"indicator": line.indicator.value, "description": line.description}


def _components(state: PageState) -> list[Json]:
    return [component(one, state) for one in state.components]


def _incidents(incidents: list[Incident], state: PageState) -> list[Json]:
    return [incident(one, state) for one in incidents]


def _summary(state: PageState) -> Json:
    return {
        "components": _components(state),
        "incidents": _incidents(state.unresolved, state),
        "scheduled_maintenances": _incidents([*state.under_way, *state.upcoming], state),
        "status": _status(state),
    }


_BODIES: Mapping[str, Callable[[PageState], Json]] = {
    "status.json": lambda state: {"status": _status(state)},
    "summary.json": _summary,
    "components.json": lambda state: {"components": _components(state)},
    "incidents.json": lambda state: {"incidents": _incidents(state.history[:_NEWEST], state)},
    "incidents/unresolved.json": lambda state: {"incidents": _incidents(state.unresolved, state)},
    "scheduled-maintenances.json": lambda state: {
        "scheduled_maintenances": _incidents(state.maintenances[:_NEWEST], state)
    },
    "scheduled-maintenances/upcoming.json": lambda state: {
        "scheduled_maintenances": _incidents(state.upcoming, state)
    },
    "scheduled-maintenances/active.json": lambda state: {
        "scheduled_maintenances": _incidents(state.under_way, state)
    },
}

PATHS = tuple(_BODIES)
"""The paths under `/api/v2/` that are served."""


def body(path: str, state: PageState) -> Json:
    """The body at `/api/v2/<path>`; every one starts with the page. KeyError if there is none."""
    return {"page": _page(state), **_BODIES[path](state)}
