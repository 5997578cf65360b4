"""The live board and the page that explains a ticket's promises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.cursors import BadCursor
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web
from pledge.runtime.http.web.static_files import StaticFiles
from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.pages import board
from sla.pages.board import ALL, SHOWN, BoardFilters
from sla.pages.explanation import explain_ticket, find_ticket
from sla.pages.live_updates import LiveUpdates
from sla.pages.single_flight import SingleFlight
from sla.storage import queries

Reader = Annotated[Principal, Depends(require("reader"))]
Word = Annotated[str, Query(max_length=100)]
Cursor = Annotated[str | None, Query(max_length=500)]


async def _chosen(
    desk: Word = "",
    severity: Word = "",
    state: Word = ALL,
    cursor: Cursor = None,
    first: Annotated[int, Query(ge=1, le=1_000_000_000)] = 1,
) -> BoardFilters:
    if state not in SHOWN:
        raise HttpProblem(422, f"no state is called {state}; there are {', '.join(SHOWN)}")
    return BoardFilters(desk, severity, state, cursor or None, first if cursor else 1)


Filters = Annotated[BoardFilters, Depends(_chosen)]

# Of a desk of which something can't be used. The log has the reason, which names files.
_TROUBLES = {
    "set_aside": "{desk} is set aside: nobody can tell what it promises. Its tickets wait.",
    "file": "The file of {desk} can't be used: the version before it goes on.",
    "version": "A version of {desk} can't be reckoned: tickets under it wait.",
}


class Pages:
    """Pages for people; they show only desks that the user may see."""

    def __init__(
        self, pool: asyncpg.Pool, policies: Policies, clock: Clock, web: Web, changes: LiveUpdates
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self._web = web
        self._changes = changes
        self._lists = SingleFlight[str]()
        own_files = StaticFiles(Path(__file__).parent / "static", "/own")
        web.environment.globals["own_file"] = own_files.address
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        for path, handler in (
            ("/", self.front),
            ("/board", self.board),
            ("/board/rows", self.rows),
            ("/board/changes", self.changes),
            ("/ticket/{ticket}", self.ticket),
        ):
            self.router.add_api_route(path, handler, methods=["GET"], response_model=None)
        self.router.include_router(own_files.router)

    async def front(self) -> Response:
        """The board is the front page."""
        return RedirectResponse("/board", status_code=303)

    async def board(self, request: Request, principal: Reader, chosen: Filters) -> Response:
        """Open promises by urgency, with the breaches of the last day."""
        return self._web.page(request, "board.html", **await self._shown(principal, chosen))

    async def rows(self, principal: Reader, chosen: Filters) -> Response:
        """The changing part of the board, for the page to put in place of what it shows.

        All boards are notified of a change at once and fetch at once: those that show the same
        rows share one rendering.
        """
        template = self._web.environment.get_template("board_list.html")

        async def render() -> str:
            return template.render(await self._shown(principal, chosen))

        response = HTMLResponse(await self._lists.get((principal.desks, chosen), render))
        # The page counts down by this clock: the browser's may be wrong.
        response.headers["x-pledge-now"] = utc_text(self._clock.now())
        return response

    async def changes(self, principal: Reader) -> Response:
        """Server-sent events: `changed` when something was published on one of the user's desks."""
        return self._changes.response(principal)

    async def ticket(self, request: Request, principal: Reader, ticket: str) -> Response:
        """Why a ticket's promises are as they are."""
        async with self._pool.acquire() as connection:
            found = await find_ticket(connection, self._policies, principal, ticket)
            if found is None:
                raise HttpProblem(404, f"no ticket {ticket} is known here")
            explanation = await explain_ticket(connection, self._policies, found, self._clock.now())
        return self._web.page(request, "explanation.html", explanation=explanation)

    async def _shown(self, principal: Principal, chosen: BoardFilters) -> dict[str, Any]:
        now = self._clock.now()
        async with self._pool.acquire() as connection:
            known = self._policies.desks | await queries.known_desks(connection)
            visible = principal.only(known)
            desks = visible & {chosen.desk} if chosen.desk else visible
            counts = await board.count_shown(connection, desks, chosen.severity, now)
            try:
                rows, following = await board.list_shown(
                    connection, self._policies, desks, chosen, now
                )
            except BadCursor as error:
                raise HttpProblem(422, f"the cursor is of no use: {error}") from error
        return {
            "desks": sorted(visible),
            "troubles": [
                _TROUBLES[what].format(desk=desk)
                for desk, what, _ in self._policies.troubles()
                if desk in visible
            ],
            "levels": board.levels(self._policies, visible, now),
            "chosen": chosen,
            "counts": counts,
            "rows": rows,
            "following": following,
            "now_text": utc_text(now),
        }
