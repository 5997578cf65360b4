"""The pages: what is open, one page with its deliveries, the page of an acknowledgement link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import Response

from notify.api.on_call import on_call_at
from notify.api.parameters import Reader, visible_desks
from notify.application.context import NotifyContext
from notify.application.escalation import Escalator
from notify.channels.ack_tokens import AckLinks
from notify.storage import queries
from notify.storage.queries import DeliveryFilter, PageFilter
from pledge.runtime.auth.access import Principal
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web


class Pages:
    """Renders pages for signed-in people, and for those whom a signed link admits."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        context: NotifyContext,
        escalator: Escalator,
        *,
        links: AckLinks,
        web: Web,
    ) -> None:
        self._pool = pool
        self._context = context
        self._escalator = escalator
        self._links = links
        self._web = web

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.start_page, methods=["GET"])
        router.add_api_route("/a/{token}", self.link_page, methods=["GET"])
        router.add_api_route("/a/{token}", self.link_acknowledge, methods=["POST"])
        return router

    def render_page(
        self,
        request: Request,
        principal: Principal,
        page: dict[str, Any],
        deliveries: Sequence[dict[str, Any]],
    ) -> Response:
        """One page and its deliveries, for a browser."""
        return self._web.page(
            request,
            "page.html",
            page=_with_instants(page),
            deliveries=[_with_instants(each) for each in deliveries],
            may_acknowledge=principal.may(page["desk"], "responder") and _is_open(page),
        )

    async def start_page(self, request: Request, principal: Reader) -> Response:
        """The newest pages and messages, and who is on call."""
        wanted = PageFilter(visible_desks(principal, None))
        pages, _ = await queries.list_pages(self._pool, wanted, None, 100)
        deliveries, _ = await queries.list_deliveries(
            self._pool, DeliveryFilter(visible_desks(principal, None)), None, 50
        )
        return self._web.page(
            request,
            "pages.html",
            pages=[_with_instants(page) for page in pages],
            deliveries=[_with_instants(delivery) for delivery in deliveries],
            duty=on_call_at(self._context.desks, principal, None, self._context.clock.now()),
        )

    async def link_page(self, request: Request, token: str) -> Response:
        """What the page is about, and a button. A GET changes nothing: mail scanners do it."""
        link = self._links.read(token, self._context.clock.now())
        return await self._link_page(request, link.page_id, link.responder)

    async def link_acknowledge(self, request: Request, token: str) -> Response:
        """Acknowledge the page as the responder the link was made for."""
        link = self._links.read(token, self._context.clock.now())
        await self._escalator.acknowledge(link.page_id, link.responder, "link")
        return await self._link_page(request, link.page_id, link.responder)

    async def _link_page(self, request: Request, page_id: UUID, responder: str) -> Response:
        found = await queries.find_page(self._pool, page_id)
        if found is None:
            raise HttpProblem(404, "this page is not kept any more")
        desk = self._context.desks.get(found["desk"])
        person = desk.people.get(responder) if desk else None
        zone = person.zone if person else desk.zone if desk else "UTC"
        return self._web.page(
            request,
            "acknowledge.html",
            page=_with_instants(found),
            zone=zone,
            responder=person.full_name if person else responder,
            is_open=_is_open(found),
        )


def _is_open(page: dict[str, Any]) -> bool:
    return page["state"] in ("triggered", "exhausted")


def _with_instants(values: dict[str, Any]) -> dict[str, Any]:
    """The same with its instants parsed: templates show them in a zone."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in values.items()
    }
