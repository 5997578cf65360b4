"""The live board and the page that explains a ticket's promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from markupsafe import Markup

from pledge.runtime.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.http import HttpProblem
from pledge.runtime.web import Web
from pledge.runtime.web.format import duration
from sla import reading, store
from sla.changes import Changes
from sla.domain.assess import assess
from sla.domain.explain import TimerExplanation, explain
from sla.domain.timeline import timeline_svg
from sla.policies import Policies
from sla.reading import BadCursor, TimerFilter
from sla.times import instant_text

# Rows of the board at once: what a person looks through, and a browser redraws without a stutter.
ROWS = 100
# How long a breach stays on the board.
BREACHES_SHOWN_FOR = timedelta(days=1)

# What is shown: the states asked of the table, and whether only what is at risk.
_SHOWN: Mapping[str, tuple[tuple[str, ...], bool | None]] = {
    "open_and_breached": (("running", "paused", "breached"), None),
    "running": (("running",), None),
    "at_risk": (("running", "paused"), True),
    "paused": (("paused",), None),
    "breached": (("breached",), None),
}
_TONES = {"met": "good", "breached": "bad", "paused": "off", "cancelled": "off", "running": "calm"}
_MARKS = {"running": "▶", "paused": "‖", "breached": "✕", "met": "✓", "cancelled": "–"}

Reader = Annotated[Principal, Depends(require("reader"))]
Word = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters of the board, as the form shows them."""

    desk: str
    severity: str
    state: str

    def query(self, cursor: str) -> str:
        """The rest of the list, as a query."""
        return urlencode(
            {"desk": self.desk, "severity": self.severity, "state": self.state, "cursor": cursor}
        )


class Pages:
    """Pages for people; what they show is cut down to the desks of whoever looks."""

    def __init__(
        self, pool: asyncpg.Pool, policies: Policies, clock: Clock, web: Web, changes: Changes
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self._web = web
        self._changes = changes
        self._script = (Path(__file__).parent / "static" / "board.js").read_text(encoding="utf-8")
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        for path, handler in (
            ("/", self.front),
            ("/board", self.board),
            ("/board/rows", self.rows),
            ("/board/changes", self.changes),
            ("/board.js", self.script),
            ("/ticket/{ticket}", self.ticket),
        ):
            self.router.add_api_route(path, handler, methods=["GET"], response_model=None)

    async def front(self) -> Response:
        """The board is the front page."""
        return RedirectResponse("/board", status_code=303)

    async def script(self) -> Response:
        """What makes the board live."""
        return Response(self._script, media_type="text/javascript; charset=utf-8")

    async def board(
        self,
        request: Request,
        principal: Reader,
        desk: Word = "",
        severity: Word = "",
        state: Word = "open_and_breached",
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        """Open promises by urgency, with the breaches of the last day."""
        chosen = Chosen(desk, severity, state)
        async with self._pool.acquire() as connection:
            desks = await self._desks(connection, principal)
            rows, following = await self._rows(connection, desks, chosen, cursor)
            counts = await store.count_timers(connection)
        return self._web.page(
            request,
            "board.html",
            desks=sorted(desks),
            chosen=chosen,
            states=list(_SHOWN),
            rows=rows,
            total=sum(count for (each, _), count in counts.items() if each in desks),
            following=chosen.query(following) if following else None,
        )

    async def rows(
        self,
        request: Request,
        principal: Reader,
        desk: Word = "",
        severity: Word = "",
        state: Word = "open_and_breached",
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        """The rows of the board alone, for the page to put in place of those it shows."""
        async with self._pool.acquire() as connection:
            desks = await self._desks(connection, principal)
            chosen = Chosen(desk, severity, state)
            rows, _ = await self._rows(connection, desks, chosen, cursor)
        return self._web.page(request, "board_rows.html", rows=rows)

    async def changes(self, principal: Reader) -> Response:
        """A stream of events: `changed` whenever something was published (server-sent events)."""

        async def told() -> AsyncIterator[str]:
            yield "retry: 2000\n\n"
            async for has_changed in self._changes.stream():
                if self._clock.now() >= principal.expires_at:
                    return
                yield "event: changed\ndata: \n\n" if has_changed else ": nothing new\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    async def ticket(self, request: Request, principal: Reader, ticket: str) -> Response:
        """Why a ticket's promises are as they are."""
        async with self._pool.acquire() as connection:
            named = await reading.find_tickets(connection, ticket)
            found = [each for each, desk in named if principal.may(desk)]
            tickets = await store.load_tickets(connection, found[:1])
            await self._policies.fetch(connection, tickets.values())
        if not tickets:
            raise HttpProblem(404, f"no ticket {ticket} is known here")
        (loaded,) = tickets.values()
        policy = self._policies.of(loaded)
        assessment = assess(loaded.facts, policy) if policy else None
        now = self._clock.now()
        told = explain(assessment, policy, now) if assessment and policy else None
        shown = assessment.attributes if assessment else {}
        return self._web.page(
            request,
            "explanation.html",
            number=loaded.number,
            ticket_desk=loaded.desk,
            version=loaded.policy_version or "none",
            attributes={k: v for k, v in shown.items() if v is not None and v is not False},
            timers=[_explained(e, n, now) for n, e in enumerate(told.timers, 1)] if told else [],
        )

    async def _desks(self, connection: asyncpg.Connection, principal: Principal) -> frozenset[str]:
        return principal.only(self._policies.desks | await reading.known_desks(connection))

    async def _rows(
        self,
        connection: asyncpg.Connection,
        desks: frozenset[str],
        chosen: Chosen,
        cursor: str | None,
    ) -> tuple[list[dict[str, Any]], str | None]:
        if chosen.state not in _SHOWN:
            raise HttpProblem(422, f"no state is called {chosen.state}")
        states, is_at_risk = _SHOWN[chosen.state]
        now = self._clock.now()
        wanted = TimerFilter(
            desks & {chosen.desk} if chosen.desk else desks,
            states,
            is_at_risk=is_at_risk,
            severities=[chosen.severity] if chosen.severity else None,
            due_from=now - BREACHES_SHOWN_FOR,
        )
        try:
            found, following = await reading.list_timers(connection, wanted, cursor, ROWS)
        except BadCursor as error:
            raise HttpProblem(422, f"the cursor is of no use: {error}") from error
        return [_row(row, now) for row in found], following


def _row(row: asyncpg.Record, now: datetime) -> dict[str, Any]:
    """One line of the board. Its state is said in a word and by a mark, not by colour alone."""
    state, due_at, left = row["state"], row["due_at"], row["left_for"]
    is_at_risk = state == "running" and row["at_risk_sent"] > 0
    is_ticking = state == "running" and due_at is not None
    if state == "running":
        left = due_at - now if due_at is not None else None
    return {
        **{
            name: row[name]
            for name in ("ticket_id", "number", "desk", "severity", "metric", "cycle", "target")
        },
        "subject": row["subject_line"],
        "state": state,
        "word": "at risk" if is_at_risk else state,
        "mark": "!" if is_at_risk else _MARKS[state],
        "tone": "warn" if is_at_risk else _TONES[state],
        "due_at": due_at,
        "due_text": instant_text(due_at),
        "is_ticking": is_ticking,
        "left": "" if state == "breached" else duration(left).replace(" ", "\N{NO-BREAK SPACE}"),
    }


def _explained(told: TimerExplanation, number: int, now: datetime) -> dict[str, Any]:
    timer = told.timer
    return {
        "title": timer.title or timer.metric.replace("_", " "),
        "cycle": timer.cycle,
        "state": told.state.value,
        "tone": _TONES[told.state.value],
        "target": timer.target,
        "expectation": timer.expect,
        "rule": timer.rule,
        "started_at": timer.started_at,
        "started_by": timer.started_by,
        "due_at": timer.due_at,
        "met_at": timer.met_at,
        "used": told.used,
        "left": told.left,
        "would_meet": told.would_meet,
        "segments": told.segments,
        # Made of our own marks and escaped words.
        "picture": Markup(timeline_svg(told, now, element_id=f"timer-{number}")),  # noqa: S704
    }
