"""Renders a service's pages in the shared layout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from pledge.runtime.auth.session import FORM_FIELD, form_token, keep_form, prepare_form
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import ServiceSettings
from pledge.runtime.http.problems import HttpProblem
from pledge.runtime.http.web import format as formats
from pledge.runtime.http.web.static_files import StaticFiles
from pledge.runtime.ids import Ids

ProblemPage = Callable[[Request, HttpProblem], tuple[str, Mapping[str, Any]] | None]
"""(request, problem) -> a template of the service and its values; None: the shared one."""

_HERE = Path(__file__).parent
# The rooms of a service that hold templates: for staff, for requesters, for everybody.
_ROOMS = ("pages", "portal", "public")
# What each service's pages are about, in the order of the navigation.
_LABELS = {
    "intake": "Tickets",
    "sla": "Promises",
    "notify": "Pages",
    "status": "Status",
    "sink": "Mail sink",
}


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation."""

    service: str
    label: str
    url: str
    is_current: bool


def templates(service: str) -> jinja2.Environment:
    """A Jinja environment that finds `service`'s own templates first, then the shared ones.

    HTML is escaped; a name that is not defined is an error, not an empty text.
    """
    own: list[jinja2.BaseLoader] = []
    for room in _ROOMS:
        with contextlib.suppress(ValueError, ModuleNotFoundError):  # a service without such pages
            own.append(jinja2.PackageLoader(service, f"{room}/templates"))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*own, jinja2.FileSystemLoader(_HERE / "templates")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        instant=formats.instant,
        duration=formats.duration,
        until=formats.until,
        words=formats.words,
    )
    return environment


class Web:
    """One service's pages."""

    def __init__(
        self,
        service: str,
        settings: ServiceSettings,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.service = service
        self._clock = clock
        self._ids = ids
        self.is_secure = (settings.public_url(service) or "").startswith("https://")
        shared = StaticFiles(_HERE / "static", "/static")
        self.environment = templates(service)
        self.environment.globals.update(
            service=service,
            service_label=_LABELS.get(service, service.capitalize()),
            links=_links(service, settings),
            stylesheet=shared.address("pledge.css"),
            shared_file=shared.address,
        )
        # A service with pages that are not the staff's says how they show a problem.
        self.problem_page: ProblemPage = lambda request, problem: None
        self.router = shared.router

    def page(
        self, request: Request, template: str, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """Render `template` with `context`; it extends `base.html` and may use its macros.

        Beside `context` it sees `request`, `principal` (or None), `now`, and `form_code`, the
        hidden field that every form which posts must hold.
        """
        prepare_form(request, self._ids.token(24))
        values: Mapping[str, Any] = {
            "request": request,
            "principal": getattr(request.state, "principal", None),
            "now": self._clock.now(),
            "desk": None,
            "form_code": formats.hidden_field(FORM_FIELD, form_token(request) or ""),
            **context,
        }
        body = self.environment.get_template(template).render(values)
        response = HTMLResponse(body, status_code=status)
        keep_form(request, response, is_secure=self.is_secure)
        return response


def _links(service: str, settings: ServiceSettings) -> list[Link]:
    known = {name: settings.public_url(name) for name in _LABELS}
    return [
        Link(name, label, f"{known[name]}/" if name != service else "/", name == service)
        for name, label in _LABELS.items()
        if known[name] or name == service
    ]
