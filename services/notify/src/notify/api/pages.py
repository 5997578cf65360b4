"""The API of pages: list, look at, acknowledge and test them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from notify.api.parameters import (
    Cursor,
    Limit,
    Names,
    Reader,
    Responder,
    States,
    Ticket,
    as_page,
    known_states,
    visible_desks,
)
from notify.application.context import NotifyContext
from notify.application.escalation import Escalator
from notify.storage import queries, store
from notify.storage.queries import DeliveryFilter, PageFilter
from notify.storage.rows import About, PageFacts
from pledge.events import Envelope
from pledge.runtime.auth.access import Principal
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.problems import wants_page
from pledge.runtime.ids import Ids

RenderPage = Callable[[Request, Principal, dict[str, Any], Sequence[dict[str, Any]]], Response]
"""A page and its deliveries as HTML."""


class TestPage(BaseModel):
    """A page without a cause, to try an escalation policy."""

    model_config = ConfigDict(extra="forbid")
    __test__ = False

    desk: str = Field(max_length=63)
    escalation: str = Field(max_length=63, description="Name of the policy in the desk's file.")
    summary: str = Field("Test page: acknowledge it to try that too.", max_length=300)


class PagesApi:
    """Answers about pages, from the database. `render` answers browsers."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        context: NotifyContext,
        escalator: Escalator,
        *,
        render: RenderPage,
        ids: Ids,
    ) -> None:
        self._pool = pool
        self._context = context
        self._escalator = escalator
        self._render = render
        self._ids = ids

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        add = router.add_api_route
        add("/pages", self.pages, methods=["GET"], summary="Pages, newest first")
        add("/pages/test", self.test_page, methods=["POST"], summary="Raise a test page",
            status_code=201)  # fmt: skip
        add("/pages/{page_id}", self.page, methods=["GET"], summary="One page, with deliveries",
            response_model=None)  # fmt: skip
        add("/pages/{page_id}/acknowledge", self.acknowledge, methods=["POST"],
            summary="Acknowledge a page", response_model=None)  # fmt: skip
        return router

    async def pages(
        self,
        principal: Reader,
        desk: Names = None,
        state: States = None,
        ticket: Ticket = None,
        late: bool | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Pages; by default in every state."""
        states = known_states(state, store.PAGE_STATES)
        wanted = PageFilter(visible_desks(principal, desk), states, ticket, late)
        return await as_page(queries.list_pages(self._pool, wanted, cursor, limit))

    async def page(self, request: Request, principal: Reader, page_id: UUID) -> Response:
        """One page and its deliveries; HTML for a browser."""
        found = await self._page_for(principal, page_id)
        wanted = DeliveryFilter(None, page_id=page_id)
        deliveries, _ = await queries.list_deliveries(self._pool, wanted, None, 200)
        if wants_page(request):
            return self._render(request, principal, found, deliveries)
        return JSONResponse({**found, "deliveries": deliveries})

    async def acknowledge(self, request: Request, principal: Responder, page_id: UUID) -> Response:
        """Acknowledge a page: it escalates no more. A repetition changes nothing."""
        await self._page_for(principal, page_id)
        decision = await self._escalator.acknowledge(page_id, principal.subject, "web")
        if wants_page(request):
            return RedirectResponse(f"/pages/{page_id}", status_code=303)
        found = await self._page_for(principal, page_id)
        return JSONResponse({**found, "decision": decision.reason.value if decision else None})

    async def test_page(self, principal: Responder, body: TestPage) -> dict[str, Any]:
        """Raise a page without a cause. It escalates like any other."""
        desk = self._context.desks.get(body.desk)
        if desk is None or not principal.may(body.desk):
            raise HttpProblem(404, f"there is no desk {body.desk}")
        policy = desk.policies.get(body.escalation)
        if policy is None:
            known = ", ".join(desk.policies) or "none"
            raise HttpProblem(422, f"the desk has no escalation {body.escalation}; known: {known}")
        unit = self._context.begin()
        page_id = self._ids.new()
        facts = PageFacts(
            desk=desk.name,
            about=About(),
            route="test",
            summary=body.summary,
            occurred_at=unit.now,
            detected_at=unit.now,
            cause=_test_cause(self._ids, page_id, desk.name, unit.now),
        )
        unit.raise_page(page_id, facts, policy, late=False)
        await self._escalator.commit(unit)
        return await self._page_for(principal, page_id)

    async def _page_for(self, principal: Principal, page_id: UUID) -> dict[str, Any]:
        found = await queries.find_page(self._pool, page_id)
        if found is None or not principal.may(found["desk"]):
            raise HttpProblem(404, "there is no such page")
        return found


def _test_cause(ids: Ids, page_id: UUID, desk: str, now: datetime) -> Envelope:
    event_id = str(ids.new())
    return Envelope(
        id=event_id,
        source="/notify",
        type="pledge.page.tested.v1",
        time=now,
        subject=str(page_id),
        desk=desk,
        sequence=None,
        correlation_id=event_id,
        causation_id=None,
        traceparent=None,
    )
