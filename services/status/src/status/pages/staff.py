"""The publishers' pages: see what is open, open, update and resolve by form."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.auth.session import FORM_FIELD
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.idempotency import KeyInUse, KeyReused
from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids
from status.api.request_schemas import NewIncident, NewUpdate, UnknownComponents
from status.api.response_schemas import opening_rule
from status.api.staff import MOST_TICKETS, REFUSALS, problem_of
from status.application.incident_commands import (
    IncidentCommands,
    Once,
    Refused,
)
from status.application.page_cache import PageCache
from status.domain.components import Component, ComponentStatus
from status.domain.desk import Page
from status.domain.incidents import Impact, Incident, IncidentStatus
from status.storage import store

Reader = Annotated[Principal, Depends(require(Role.READER))]
Publisher = Annotated[Principal, Depends(require(Role.PUBLISHER))]

SEE_OTHER = 303
WRONG = (ValidationError, *REFUSALS)
"""What the person who filled in the form can do something about."""
_TONES = {
    ComponentStatus.OPERATIONAL: "good",
    ComponentStatus.UNDER_MAINTENANCE: "calm",
    ComponentStatus.DEGRADED_PERFORMANCE: "warn",
    ComponentStatus.PARTIAL_OUTAGE: "warn",
    ComponentStatus.MAJOR_OUTAGE: "bad",
}
_PUBLIC_ID = re.compile(r"[a-z0-9]{12}")
_PREFIX = "component."
"""Form fields of components are named `component.<id>`."""


class StaffPages:
    """Answers signed-in staff under `/staff`, from the database: they see their change at once."""

    def __init__(
        self,
        commands: IncidentCommands,
        cache: PageCache,
        pool: asyncpg.Pool,
        web: Web,
        ids: Ids,
    ) -> None:
        self._commands = commands
        self._cache = cache
        self._pool = pool
        self._web = web
        self._ids = ids

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/staff", self.front, methods=["GET"])
        router.add_api_route("/staff/{desk}", self.desk, methods=["GET"])
        router.add_api_route("/staff/{desk}/incidents", self.open_incident, methods=["POST"])
        router.add_api_route("/staff/incidents/{incident_id}", self.incident, methods=["GET"])
        router.add_api_route("/staff/incidents/{incident_id}", self.update, methods=["POST"])
        return router

    async def front(self, request: Request, principal: Reader) -> Response:
        """The desks whose pages the visitor may see; the only one at once."""
        pages = self._cache.pages(principal.desks)
        if len(pages) == 1:
            return RedirectResponse(f"/staff/{pages[0].desk}", status_code=SEE_OTHER)
        rows = [(page, self._cache.of_desk(page.desk)) for page in pages]
        return self._web.page(request, "staff_front.html", rows=rows)

    async def desk(self, request: Request, desk: str, principal: Reader) -> Response:
        """What is open on a desk's page, and the form to open an incident."""
        return await self._show_desk(request, desk, principal)

    async def open_incident(self, request: Request, desk: str, principal: Publisher) -> Response:
        """Open an incident by form."""
        page = self._page(desk, principal)
        form = await _fields(request)
        try:
            requested = NewIncident.model_validate(
                {
                    "desk": page.desk,
                    "name": form.get("name", ""),
                    "body": form.get("body", ""),
                    "status": form.get("status", ""),
                    "impact": form.get("impact") or None,
                    "components": _components(form),
                }
            )
            command = requested.command(
                self._ids.new(), principal.subject, await self._components(desk)
            )
            await self._commands.open(command, _once(form, principal), _no_answer)
        except WRONG as error:
            return await self._show_desk(request, desk, principal, form, _in_words(error))
        return RedirectResponse(f"/staff/{desk}", status_code=SEE_OTHER)

    async def incident(self, request: Request, incident_id: str, principal: Reader) -> Response:
        """One incident with its tickets, and the form to post an update."""
        return await self._show_incident(request, incident_id, principal)

    async def update(self, request: Request, incident_id: str, principal: Publisher) -> Response:
        """Post an update by form."""
        one = await self._find(incident_id, principal)
        form = await _fields(request)
        try:
            requested = NewUpdate.model_validate(
                {
                    "body": form.get("body", ""),
                    "status": form.get("status") or None,
                    "components": _components(form),
                }
            )
            command = requested.command(principal.subject, await self._components(one.desk))
            await self._commands.post(one, command, _once(form, principal), _no_answer)
        except WRONG as error:
            return await self._show_incident(
                request, incident_id, principal, form, _in_words(error)
            )
        return RedirectResponse(f"/staff/incidents/{incident_id}", status_code=SEE_OTHER)

    # -- showing -----------------------------------------------------------------------------

    async def _show_desk(
        self,
        request: Request,
        desk: str,
        principal: Principal,
        form: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> Response:
        page = self._page(desk, principal)
        async with self._pool.acquire() as connection:
            components = (await store.components_of(connection, [desk]))[desk]
            incidents = await store.list_incidents(
                connection, [desk], only_open=False, before=None, limit=20
            )
        return self._web.page(
            request,
            "staff_desk.html",
            status=422 if reason else 200,
            desk=desk,
            page=page,
            components=components,
            incidents=incidents,
            may_publish=principal.may(desk, Role.PUBLISHER),
            form=form or {},
            reason=reason,
            once=self._ids.token(12),
            **_choices(maintenance=False),
        )

    async def _show_incident(
        self,
        request: Request,
        incident_id: str,
        principal: Principal,
        form: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> Response:
        one = await self._find(incident_id, principal)
        async with self._pool.acquire() as connection:
            components = (await store.components_of(connection, [one.desk]))[one.desk]
            tickets = (await store.tickets_of(connection, [one.uid], limit=MOST_TICKETS))[one.uid]
        return self._web.page(
            request,
            "staff_incident.html",
            status=422 if reason else 200,
            desk=one.desk,
            page=self._page(one.desk, principal),
            incident=one,
            rule=opening_rule(one),
            components=components,
            tickets=[number for _, number in tickets],
            may_publish=principal.may(one.desk, Role.PUBLISHER),
            form=form or {},
            reason=reason,
            once=self._ids.token(12),
            **_choices(maintenance=one.is_maintenance),
        )

    def _page(self, desk: str, principal: Principal) -> Page:
        for page in self._cache.pages(principal.desks):
            if page.desk == desk:
                return page
        raise HttpProblem(404, "there is no such desk that you may see")

    async def _find(self, incident_id: str, principal: Principal) -> Incident:
        if not _PUBLIC_ID.fullmatch(incident_id):
            raise HttpProblem(404, "there is no such incident")
        async with self._pool.acquire() as connection:
            one = await store.find_incident(connection, incident_id)
        seen = {page.desk for page in self._cache.pages(principal.desks)}
        if one is None or one.desk not in seen:
            raise HttpProblem(404, "there is no such incident")
        return one

    async def _components(self, desk: str) -> tuple[Component, ...]:
        async with self._pool.acquire() as connection:
            return (await store.components_of(connection, [desk]))[desk]


def _choices(*, maintenance: bool) -> dict[str, Any]:
    """What the forms offer."""
    return {
        "statuses": [
            status
            for status in IncidentStatus
            if status.is_of_maintenance == maintenance and status is not IncidentStatus.POSTMORTEM
        ],
        "impacts": [one for one in Impact if one is not Impact.MAINTENANCE],
        "component_statuses": list(ComponentStatus),
        "tone": _TONES.__getitem__,
        "prefix": _PREFIX,
    }


def _once(form: Mapping[str, str], principal: Principal) -> Once | None:
    """A form sent twice, by a second click or a reload, publishes once."""
    key = form.get("once")
    if not key or len(key) > 100:
        return None
    fields = sorted((name, value) for name, value in form.items() if name != FORM_FIELD)
    fingerprint = sha256(repr(fields).encode("utf-8", "surrogatepass")).digest()
    return Once(principal.subject, f"form:{key}", fingerprint)


def _no_answer(incident: Incident, tickets: Sequence[str]) -> object:
    """The answer is a redirect: only that there was one is kept."""
    return incident.id


async def _fields(request: Request) -> dict[str, str]:
    """The text fields of the posted form."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _components(form: Mapping[str, str]) -> dict[str, str]:
    """Component id to the status chosen for it; what is left at "no change" is left out."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in form.items()
        if name.startswith(_PREFIX) and value
    }


def _in_words(
    error: ValidationError | Refused | UnknownComponents | KeyReused | KeyInUse,
) -> str:
    """What is wrong with a form, for the person who filled it in."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg'].removeprefix('Value error, ')}"
    return problem_of(error).detail
