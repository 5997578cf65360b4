"""The API and the pages: pages to acknowledge, deliveries to look after, who is on call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from notify.channels.links import AckLinks
from notify.delivery.dispatcher import Dispatcher
from notify.delivery.escalation import Escalator
from notify.domain.oncall import on_call, shifts
from notify.storage import queries, store
from notify.storage.deliveries import DELIVERY_STATES
from notify.storage.queries import BadCursor, DeliveryFilter, PageFilter
from notify.storage.rows import About, PageFacts
from notify.unit_of_work import Office
from pledge.events import Envelope
from pledge.runtime.auth.access import Principal, require
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.problems import wants_page
from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids
from pledge.runtime.instants import Instant
from pledge.runtime.outbox.writer import Outbox

Reader = Annotated[Principal, Depends(require("reader"))]
Responder = Annotated[Principal, Depends(require("responder"))]
Limit = Annotated[int, Query(ge=1, le=200, description="rows on a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
Names = Annotated[list[str] | None, Query(max_length=50)]
Ticket = Annotated[str | None, Query(max_length=100, description="number or id")]

OPEN = ("triggered", "acknowledged", "exhausted")


class TestPage(BaseModel):
    """A page that nothing caused, to try an escalation policy out."""

    model_config = ConfigDict(extra="forbid")
    __test__ = False

    desk: str = Field(max_length=63)
    escalation: str = Field(max_length=63, description="Name of the policy in the desk's file.")
    summary: str = Field("Test page: acknowledge it to try that too.", max_length=300)


class Api:
    """Answers from the database; every list is cut down to the desks of the asker."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        outbox: Outbox,
        office: Office,
        dispatcher: Dispatcher,
        escalator: Escalator,
        *,
        links: AckLinks,
        web: Web,
        ids: Ids,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._office = office
        self._dispatcher = dispatcher
        self._escalator = escalator
        self._links = links
        self._web = web
        self._ids = ids
        self.router = APIRouter()
        self._add_routes()

    def _add_routes(self) -> None:
        add = self.router.add_api_route
        add("/", self.start_page, methods=["GET"], include_in_schema=False)
        add("/pages", self.pages, methods=["GET"], summary="Pages, newest first")
        add("/pages/test", self.test_page, methods=["POST"], summary="Raise a test page",
            status_code=201)  # fmt: skip
        add("/pages/{page_id}", self.page, methods=["GET"], summary="One page, with deliveries",
            response_model=None)  # fmt: skip
        add("/pages/{page_id}/acknowledge", self.acknowledge, methods=["POST"],
            summary="Take a page", response_model=None)  # fmt: skip
        add("/deliveries", self.deliveries, methods=["GET"], summary="Deliveries, newest first")
        add("/deliveries/{delivery_id}/retry", self.retry, methods=["POST"],
            summary="Try a failed delivery again")  # fmt: skip
        add("/on-call", self.on_call, methods=["GET"], summary="Who is on call")
        add("/a/{token}", self.link_page, methods=["GET"], include_in_schema=False)
        add("/a/{token}", self.link_acknowledge, methods=["POST"], include_in_schema=False)

    # -- lists -------------------------------------------------------------------------------

    async def start_page(self, request: Request, principal: Reader) -> Response:
        """Open pages and what was decided lately, for people."""
        wanted = PageFilter(_desks(principal, None))
        pages, _ = await queries.list_pages(self._pool, wanted, None, 100)
        deliveries, _ = await queries.list_deliveries(
            self._pool, DeliveryFilter(_desks(principal, None)), None, 50
        )
        return self._web.page(
            request,
            "pages.html",
            pages=[_for_people(page) for page in pages],
            deliveries=[_for_people(delivery) for delivery in deliveries],
            duty=self._duty(principal, None, self._office.clock.now()),
        )

    async def pages(
        self,
        principal: Reader,
        desk: Names = None,
        state: Annotated[list[str] | None, Query(max_length=50)] = None,
        ticket: Ticket = None,
        late: bool | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Pages; by default in every state."""
        states = _checked(state, store.PAGE_STATES)
        wanted = PageFilter(_desks(principal, desk), states, ticket, late)
        try:
            items, following = await queries.list_pages(self._pool, wanted, cursor, limit)
        except BadCursor as error:
            raise HttpProblem(400, str(error)) from error
        return {"items": items, "next": following}

    async def page(self, request: Request, principal: Reader, page_id: UUID) -> Response:
        """One page and its deliveries; HTML for a browser."""
        found = await self._page_for(principal, page_id)
        wanted = DeliveryFilter(None, page_id=page_id)
        deliveries, _ = await queries.list_deliveries(self._pool, wanted, None, 200)
        if wants_page(request):
            return self._web.page(
                request,
                "page.html",
                page=_for_people(found),
                deliveries=[_for_people(each) for each in deliveries],
                may_acknowledge=principal.has("responder") and _is_open(found),
            )
        return JSONResponse({**found, "deliveries": deliveries})

    async def deliveries(
        self,
        principal: Reader,
        desk: Names = None,
        state: Annotated[list[str] | None, Query(max_length=50)] = None,
        kind: Names = None,
        ticket: Ticket = None,
        page: UUID | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Every message on its way, arrived or given up."""
        states = _checked(state, DELIVERY_STATES)
        wanted = DeliveryFilter(_desks(principal, desk), states, kind, ticket, page)
        try:
            items, following = await queries.list_deliveries(self._pool, wanted, cursor, limit)
        except BadCursor as error:
            raise HttpProblem(400, str(error)) from error
        return {"items": items, "next": following}

    async def on_call(
        self,
        principal: Reader,
        desk: Names = None,
        at: Instant | None = None,
        until: Instant | None = None,
    ) -> dict[str, Any]:
        """Who is on call in each rotation, at an instant or over a stretch of up to 90 days."""
        now = at or self._office.clock.now()
        if until is None:
            return {"items": self._duty(principal, desk, now), "next": None}
        if not 0 <= (until - now).total_seconds() <= 90 * 86_400:
            raise HttpProblem(422, "`until` must come after `at`, within 90 days")
        items = [
            {
                "desk": name,
                "rotation": rotation.name,
                "person": shift.person,
                "from": queries.iso(shift.starts_at),
                "until": queries.iso(shift.ends_at),
            }
            for name, one in sorted(self._office.desks.items())
            if principal.may(name) and (desk is None or name in desk)
            for rotation in one.rotations.values()
            for shift in shifts(rotation, now, until)
        ]
        return {"items": items, "next": None}

    def _duty(
        self, principal: Principal, desks: Sequence[str] | None, at: datetime
    ) -> list[dict[str, Any]]:
        found = []
        for name, desk in sorted(self._office.desks.items()):
            if not principal.may(name) or (desks is not None and name not in desks):
                continue
            for rotation in desk.rotations.values():
                person = desk.people[on_call(rotation, at)]
                found.append(
                    {
                        "desk": name,
                        "rotation": rotation.name,
                        "person": person.name,
                        "name": person.full_name,
                        "at": queries.iso(at),
                    }
                )
        return found

    # -- changes -----------------------------------------------------------------------------

    async def acknowledge(self, request: Request, principal: Responder, page_id: UUID) -> Response:
        """Take a page: it escalates no more. Doing it again changes nothing."""
        await self._page_for(principal, page_id)
        decision = await self._escalator.acknowledge(page_id, principal.subject, "web")
        if wants_page(request):
            return RedirectResponse(f"/pages/{page_id}", status_code=303)
        found = await self._page_for(principal, page_id)
        return JSONResponse({**found, "decision": decision.reason.value if decision else None})

    async def retry(self, principal: Responder, delivery_id: UUID) -> dict[str, Any]:
        """Try a failed delivery again, with its old id, as if it were new."""
        found = await queries.delivery_desk(self._pool, delivery_id)
        if found is None or not principal.may(found[0]):
            raise HttpProblem(404, "there is no such delivery")
        lane = await queries.retry_delivery(self._pool, delivery_id, self._office.clock.now())
        if lane is None:
            raise HttpProblem(409, f"the delivery is {found[1]}; only failed ones are retried")
        self._dispatcher.poke(lane)
        return {"id": str(delivery_id), "state": "pending"}

    async def test_page(self, principal: Responder, body: TestPage) -> dict[str, Any]:
        """Raise a page that nothing caused. It escalates like any other."""
        desk = self._office.desks.get(body.desk)
        if desk is None or not principal.may(body.desk):
            raise HttpProblem(404, f"there is no desk {body.desk}")
        policy = desk.policies.get(body.escalation)
        if policy is None:
            known = ", ".join(desk.policies) or "none"
            raise HttpProblem(422, f"the desk has no escalation {body.escalation}; known: {known}")
        work = self._office.begin()
        page_id = self._ids.new()
        facts = PageFacts(
            desk=desk.name,
            about=About(),
            route="test",
            summary=body.summary,
            occurred_at=work.now,
            detected_at=work.now,
            cause=_test_cause(self._ids, page_id, desk.name, work.now),
        )
        work.raise_page(page_id, facts, policy, late=False)
        async with self._outbox.transaction() as transaction:
            saved = await work.save(transaction.connection, self._dispatcher)
            transaction.publish(*saved.messages)
        self._escalator.settle(saved)
        return await self._page_for(principal, page_id)

    # -- signed links ------------------------------------------------------------------------

    async def link_page(self, request: Request, token: str) -> Response:
        """What the page is about, and a button. Looking at it changes nothing: mail scanners do."""
        link = self._links.read(token, self._office.clock.now())
        return await self._link_page(request, link.page_id, link.responder)

    async def link_acknowledge(self, request: Request, token: str) -> Response:
        """Take the page in the name of the one the link was made for."""
        link = self._links.read(token, self._office.clock.now())
        await self._escalator.acknowledge(link.page_id, link.responder, "link")
        return await self._link_page(request, link.page_id, link.responder)

    async def _link_page(self, request: Request, page_id: UUID, responder: str) -> Response:
        found = await queries.find_page(self._pool, page_id)
        if found is None:
            raise HttpProblem(404, "this page is not kept any more")
        desk = self._office.desks.get(found["desk"])
        person = desk.people.get(responder) if desk else None
        zone = person.zone if person else desk.zone if desk else "UTC"
        return self._web.page(
            request,
            "acknowledge.html",
            page=_for_people(found),
            zone=zone,
            responder=person.full_name if person else responder,
            is_open=_is_open(found),
        )

    async def _page_for(self, principal: Principal, page_id: UUID) -> dict[str, Any]:
        found = await queries.find_page(self._pool, page_id)
        if found is None or not principal.may(found["desk"]):
            raise HttpProblem(404, "there is no such page")
        return found


def _is_open(page: dict[str, Any]) -> bool:
    return page["state"] in ("triggered", "exhausted")


def _desks(principal: Principal, asked: Sequence[str] | None) -> list[str] | None:
    """The desks to list: those asked for that the principal may see; None for all."""
    if principal.desks is None:
        return list(asked) if asked is not None else None
    return sorted(principal.desks if asked is None else principal.desks & set(asked))


def _checked(states: Sequence[str] | None, known: Sequence[str]) -> list[str] | None:
    """States a list knows; `open` stands for those that are not resolved."""
    if states is None:
        return None
    found = [each for state in states for each in (OPEN if state == "open" else (state,))]
    for state in found:
        if state not in known:
            raise HttpProblem(422, f"state {state} is none of {', '.join(known)}")
    return found


def _for_people(values: dict[str, Any]) -> dict[str, Any]:
    """The same with instants as instants, for templates that show them in a zone."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in values.items()
    }


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
