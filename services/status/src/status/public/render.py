"""The public pages as HTML."""

import re
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from pledge.runtime.http.web import Web
from pledge.runtime.http.web.static_files import StaticFiles
from status.application.page_cache import CachedPage
from status.domain.components import ComponentStatus
from status.domain.incidents import Impact, Incident
from status.domain.page_state import PageState
from status.domain.rollup import Indicator
from status.public import statuspage_v2

_OF_COMPONENTS = {
    ComponentStatus.OPERATIONAL: "good",
    ComponentStatus.UNDER_MAINTENANCE: "calm",
    ComponentStatus.DEGRADED_PERFORMANCE: "warn",
    ComponentStatus.PARTIAL_OUTAGE: "warn",
    ComponentStatus.MAJOR_OUTAGE: "bad",
}
_OF_IMPACTS = {
    "none": "good",
    "maintenance": "calm",
    "minor": "warn",
    "major": "warn",
    "critical": "bad",
}
RECENT_FOR = timedelta(days=14)
"""How far back the front page shows what is over."""


class Pages:
    """Renders a desk's pages. `base` is the path before the page's own, without a slash."""

    def __init__(self, web: Web, update_within: dict[str, timedelta | None]) -> None:
        self._environment = web.environment
        self._update_within = update_within
        self._environment.filters["plain"] = as_paragraphs
        self.assets = StaticFiles(Path(__file__).with_name("static"), "/assets")
        self._environment.globals["css"] = self.assets.address("status.css")

    def front(self, cached: CachedPage, base: str, stale_since: datetime | None) -> bytes:
        """The condition now, and what happened lately."""
        state = cached.state
        since = state.updated_at - RECENT_FOR
        recent = [one for one in state.incidents if not one.is_open and one.updated_at >= since]
        return self._render("front.html", state, base, stale_since, recent=by_day(recent, state))

    def history(self, cached: CachedPage, base: str, stale_since: datetime | None) -> bytes:
        """What is over, by month."""
        state = cached.state
        over = [one for one in state.incidents if not one.is_open]
        months = by_month(over, state)
        return self._render("history.html", state, base, stale_since, months=months)

    def incident(
        self, one: Incident, cached: CachedPage, base: str, stale_since: datetime | None
    ) -> bytes:
        """One incident or maintenance."""
        return self._render("incident.html", cached.state, base, stale_since, incident=one)

    def api_guide(self, cached: CachedPage, base: str, stale_since: datetime | None) -> bytes:
        """The paths of the API with their content."""
        return self._render("api.html", cached.state, base, stale_since, paths=statuspage_v2.PATHS)

    def _render(
        self, template: str, state: PageState, base: str, stale_since: datetime | None, **more: Any
    ) -> bytes:
        text = self._environment.get_template(template).render(
            page=state.page,
            state=state,
            base=base,
            stale_since=stale_since,
            zone=state.page.zone.key,
            component_tone=_OF_COMPONENTS.__getitem__,
            impact_tone=_impact_tone,
            next_update=self._next_update,
            script=self.assets.address("refresh.js"),
            **more,
        )
        return text.encode()

    def _next_update(self, one: Incident) -> datetime | None:
        """By when the next update is promised; None once it is over or where none is promised."""
        within = self._update_within.get(one.desk)
        if within is None or not one.is_open or one.is_maintenance:
            return None
        return one.updates[0].created_at + within


def as_paragraphs(text: str) -> Markup:
    """Plain text as HTML: empty lines part paragraphs, other line ends are kept."""
    parts = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    paragraphs = [part.strip("\n") for part in parts if part.strip()]
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in part.split("\n")))
        for part in paragraphs
    )


def by_day(incidents: list[Incident], state: PageState) -> list[tuple[str, list[Incident]]]:
    """Incidents under the day on which they were opened, in the page's zone, newest first."""
    return _grouped(incidents, state, "%d %B %Y")


def by_month(incidents: list[Incident], state: PageState) -> list[tuple[str, list[Incident]]]:
    """Incidents under the month in which they were opened, in the page's zone, newest first."""
    return _grouped(incidents, state, "%B %Y")


def _grouped(
    incidents: list[Incident], state: PageState, form: str
) -> list[tuple[str, list[Incident]]]:
    def label(one: Incident) -> str:
        return one.created_at.astimezone(state.page.zone).strftime(form).lstrip("0")

    return [(name, list(group)) for name, group in groupby(incidents, key=label)]


def _impact_tone(impact: Impact | Indicator) -> str:
    return _OF_IMPACTS[impact.value]
