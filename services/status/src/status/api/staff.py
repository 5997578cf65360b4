"""The API for publishers: incidents, updates, maintenances, components."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter

from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.cursors import BadCursor, Cursors
from pledge.runtime.http.app import FieldProblem, HttpProblem
from pledge.runtime.http.idempotency import IdempotencyKey, KeyInUse, KeyReused
from pledge.runtime.ids import Ids
from pledge.runtime.instants import Instant
from status.api.request_schemas import (
    ComponentAnswer,
    ComponentChange,
    IncidentAnswer,
    NewIncident,
    NewMaintenance,
    NewUpdate,
    UnknownComponents,
)
from status.api.response_schemas import component_answer, incident_answer
from status.application.incident_commands import (
    IncidentCommands,
    Once,
    Refused,
)
from status.application.page_cache import PageCache
from status.domain.components import Component
from status.domain.decisions import Open, Reason
from status.domain.incidents import Incident
from status.storage import store

MOST_TICKETS = 100

Reader = Annotated[Principal, Depends(require(Role.READER))]
Publisher = Annotated[Principal, Depends(require(Role.PUBLISHER))]
IncidentId = Annotated[
    str,
    Path(
        pattern=r"^([a-z0-9]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        description="Its public id, or the one it has on the bus.",
    ),
]

CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))
REFUSALS = (Refused, UnknownComponents, KeyReused, KeyInUse)
"""Why a change was not made: the caller can do something about it."""

_WORDS = {
    Reason.ALREADY_OPEN: "the incident is open already",
    Reason.NO_SUCH_INCIDENT: "there is no such incident",
    Reason.NO_SUCH_COMPONENT: "there is no such component on the desk's page",
    Reason.COMPONENT_IS_GROUP: "a group has no status of its own: it is as bad as the worst of its"
    " components",
    Reason.CLOSED: "the incident is resolved: what comes back is a new incident",
    Reason.WRONG_STATUS: "the incident can't go from its status to that one",
    Reason.EMPTY_WINDOW: "the maintenance ends before it begins",
    Reason.BEGINS_LATER: "the incident can't have begun later than now",
}


class IncidentList(BaseModel):
    """A part of a list; `next` is the cursor of the following part, null at the end."""

    items: list[IncidentAnswer]
    next: str | None


class ComponentList(BaseModel):
    """All components; `next` is always null."""

    items: list[ComponentAnswer]
    next: str | None


class StaffApi:
    """Answers staff. Lists hold the token's desks only; the rest answers as if it did not exist."""

    def __init__(
        self, commands: IncidentCommands, cache: PageCache, pool: asyncpg.Pool, ids: Ids
    ) -> None:
        self._commands = commands
        self._cache = cache
        self._pool = pool
        self._ids = ids

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["staff"])
        router.add_api_route(
            "/incidents", self.list_incidents, methods=["GET"], response_model=IncidentList
        )
        for path, handler in (
            ("/incidents", self.open_incident),
            ("/incidents/{incident_id}/updates", self.post_update),
            ("/maintenances", self.announce),
        ):
            router.add_api_route(
                path, handler, methods=["POST"], status_code=201, response_model=IncidentAnswer
            )
        router.add_api_route(
            "/components", self.list_components, methods=["GET"], response_model=ComponentList
        )
        router.add_api_route(
            "/components/{component_id}",
            self.change_component,
            methods=["PATCH"],
            response_model=ComponentAnswer,
        )
        return router

    async def list_incidents(
        self,
        principal: Reader,
        desk: Annotated[str | None, Query(description="Of this desk alone.")] = None,
        only_open: Annotated[bool, Query(alias="open", description="Not yet over.")] = False,
        cursor: Annotated[str | None, Query(description="`next` of the part before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Any:
        """Incidents and maintenances, newest first."""
        desks = self._desks(principal, desk)
        async with self._pool.acquire() as connection:
            found = await store.list_incidents(
                connection, desks, only_open=only_open, before=_place(cursor), limit=limit + 1
            )
            shown, following = CURSORS.page(found, limit, lambda one: (one.created_at, one.uid))
            tickets = await store.tickets_of(
                connection, [one.uid for one in shown], limit=MOST_TICKETS
            )
        items = [
            incident_answer(one, self._page_url(one), [number for _, number in tickets[one.uid]])
            for one in shown
        ]
        return IncidentList(items=items, next=following)

    async def list_components(
        self,
        principal: Reader,
        desk: Annotated[str | None, Query(description="Of this desk alone.")] = None,
    ) -> Any:
        """Components of the desks' pages, in their order."""
        desks = self._desks(principal, desk)
        async with self._pool.acquire() as connection:
            found = await store.components_of(connection, desks)
        items = [component_answer(one, found[name]) for name in desks for one in found[name]]
        return ComponentList(items=items, next=None)

    async def open_incident(
        self,
        request: Request,
        requested: NewIncident,
        principal: Publisher,
        key: IdempotencyKey = None,
    ) -> Any:
        """Open an incident."""
        return await self._open(request, requested, principal, key)

    async def announce(
        self,
        request: Request,
        requested: NewMaintenance,
        principal: Publisher,
        key: IdempotencyKey = None,
    ) -> Any:
        """Announce a maintenance; it starts, is verified and ends by updates."""
        return await self._open(request, requested, principal, key)

    async def post_update(
        self,
        request: Request,
        incident_id: IncidentId,
        requested: NewUpdate,
        principal: Publisher,
        key: IdempotencyKey = None,
    ) -> Any:
        """Post an update on an incident or maintenance, or end it."""
        async with self._pool.acquire() as connection:
            incident = await store.find_incident(connection, incident_id)
            if incident is None or incident.desk not in self._desks(principal, None):
                raise HttpProblem(404, _WORDS[Reason.NO_SUCH_INCIDENT])
            components = (await store.components_of(connection, [incident.desk]))[incident.desk]
        try:
            command = requested.command(principal.subject, components)
            once = await _once(request, principal, key)
            answer = await self._commands.post(incident, command, once, self._body)
        except REFUSALS as error:
            raise problem_of(error) from error
        return JSONResponse(answer.body, status_code=answer.status)

    async def change_component(
        self,
        component_id: Annotated[str, Path(pattern=r"^[a-z0-9]{12}$")],
        requested: ComponentChange,
        principal: Publisher,
    ) -> Any:
        """Set a component's status, outside any incident."""
        component = await self._component(component_id, principal)
        try:
            desk = await self._commands.set_component(
                component, requested.status, principal.subject
            )
        except REFUSALS as error:
            raise problem_of(error) from error
        changed = next(one for one in desk.components if one.id == component_id)
        return component_answer(changed, desk.components)

    async def _open(
        self,
        request: Request,
        requested: NewIncident | NewMaintenance,
        principal: Principal,
        key: str | None,
    ) -> Response:
        if requested.desk not in self._desks(principal, None):
            raise HttpProblem(404, f"there is no desk {requested.desk!r} that this token is for")
        async with self._pool.acquire() as connection:
            components = (await store.components_of(connection, [requested.desk]))[requested.desk]
        try:
            command: Open = requested.command(self._ids.new(), principal.subject, components)
            once = await _once(request, principal, key)
            answer = await self._commands.open(command, once, self._body)
        except REFUSALS as error:
            raise problem_of(error) from error
        return JSONResponse(answer.body, status_code=answer.status)

    async def _component(self, component_id: str, principal: Principal) -> Component:
        desks = self._desks(principal, None)
        async with self._pool.acquire() as connection:
            found = await store.components_of(connection, desks)
        for components in found.values():
            for one in components:
                if one.id == component_id:
                    return one
        raise HttpProblem(404, "there is no such component")

    def _desks(self, principal: Principal, desk: str | None) -> list[str]:
        """The desks with a page that the token is for, or the requested one among them."""
        known = [page.desk for page in self._cache.pages(principal.desks)]
        if desk is None:
            return known
        if desk not in known:
            raise HttpProblem(404, f"there is no desk {desk!r} that this token is for")
        return [desk]

    def _page_url(self, one: Incident) -> str:
        pages = self._cache.pages(frozenset({one.desk}))
        return f"{pages[0].url}/incidents/{one.id}" if pages else ""

    def _body(self, one: Incident, tickets: Sequence[str]) -> Any:
        answer = incident_answer(one, self._page_url(one), tickets[:MOST_TICKETS])
        return answer.model_dump(mode="json")


def problem_of(error: Refused | UnknownComponents | KeyReused | KeyInUse) -> HttpProblem:
    """What a refused change is answered with."""
    if isinstance(error, Refused):
        status = 409 if error.reason in (Reason.CLOSED, Reason.ALREADY_OPEN) else 422
        return HttpProblem(status, _WORDS[error.reason], type=f"urn:pledge:status:{error.reason}")
    if isinstance(error, UnknownComponents):
        fields = [
            FieldProblem(f"body.components.{name}", "there is no such component")
            for name in error.names
        ]
        return HttpProblem(422, _WORDS[Reason.NO_SUCH_COMPONENT], errors=fields)
    return error


async def _once(request: Request, principal: Principal, key: str | None) -> Once | None:
    if key is None:
        return None
    content = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Once(principal.subject, key, sha256(content).digest())


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    try:
        return CURSORS.decode(cursor) if cursor is not None else None
    except BadCursor as error:
        raise HttpProblem(400, f"the cursor is of no use: {error}") from error
