"""The API: timers, breaches, and why a ticket's promises are as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from pledge.events import Instant
from pledge.runtime.auth.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.instants import utc_text
from sla.api.list_pages import Cursor, paged
from sla.assessment.policy_registry import Policies
from sla.assessment.version_calendars import unrecorded_words
from sla.domain.explain import explain
from sla.domain.policy_versions import assess_versions
from sla.storage import queries, store
from sla.storage.queries import BreachFilter, TimerFilter

OPEN_STATES = ("running", "paused")
STATES = (*OPEN_STATES, "at_risk", "met", "breached", "cancelled")

Reader = Annotated[Principal, Depends(require("reader"))]
Agent = Annotated[Principal, Depends(require("agent"))]
Limit = Annotated[int, Query(ge=1, le=200, description="rows on a page")]
Names = Annotated[list[str] | None, Query(max_length=50)]


class Api:
    """Answers from the database; every list holds only desks that the caller may see."""

    def __init__(self, pool: asyncpg.Pool, policies: Policies, clock: Clock) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/timers", self.timers, methods=["GET"], summary="Timers, earliest due first")
        add("/breaches", self.breaches, methods=["GET"], summary="Breaches, newest first")
        add(
            "/tickets/{ticket}/explanation",
            self.explanation,
            methods=["GET"],
            summary="Why a ticket's promises are as they are",
            response_model=None,
        )

    async def timers(
        self,
        principal: Reader,
        desk: Names = None,
        ticket: Annotated[str | None, Query(max_length=100, description="id or number")] = None,
        state: Annotated[
            list[str] | None, Query(max_length=50, description=", ".join(STATES))
        ] = None,
        metric: Names = None,
        severity: Names = None,
        due_before: Instant | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Timers with their seconds left; by default those that are open."""
        states, is_at_risk = _states(state)
        async with self._pool.acquire() as connection:
            wanted = TimerFilter(
                await self._desks(connection, principal, desk),
                states,
                metric,
                is_at_risk,
                severity,
                due_before=due_before,
                tickets=await self._tickets(connection, principal, ticket),
            )
            rows, following = await paged(queries.list_timers(connection, wanted, cursor, limit))
        now = self._clock.now()
        return {"items": [_timer(row, now) for row in rows], "next": following}

    async def breaches(
        self,
        principal: Reader,
        desk: Names = None,
        ticket: Annotated[str | None, Query(max_length=100, description="id or number")] = None,
        metric: Names = None,
        retracted: bool | None = None,
        due_from: Instant | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Every breach that was published, those taken back included."""
        async with self._pool.acquire() as connection:
            wanted = BreachFilter(
                await self._desks(connection, principal, desk),
                metric,
                await self._tickets(connection, principal, ticket),
                retracted,
                due_from,
            )
            rows, following = await paged(queries.list_breaches(connection, wanted, cursor, limit))
        return {"items": [_breach(row) for row in rows], "next": following}

    async def explanation(
        self,
        request: Request,
        principal: Reader,
        ticket: str,
        format: Annotated[str | None, Query(pattern="^(json|text)$")] = None,  # noqa: A002 - the API's word
    ) -> Response:
        """Each timer with its rule, its segments, what is used and left, and what meets it."""
        async with self._pool.acquire() as connection:
            found = await self._tickets(connection, principal, ticket) or []
            tickets = await store.load_tickets(connection, found[:1])
            await self._policies.fetch(connection, tickets.values())
        (loaded,) = tickets.values()
        why = self._policies.why_waiting(loaded)
        if why is not None:
            raise HttpProblem(409, f"what is promised on {loaded.number} can't be told: {why}")
        policy = self._policies.of(loaded)
        if policy is None:
            raise HttpProblem(404, f"the desk {loaded.desk} promised nothing on this ticket")
        versioned = assess_versions(loaded.facts, policy, self._policies.past(loaded))
        explanation = explain(versioned.assessment, policy, self._clock.now(), versioned.owners)
        unrecorded = self._policies.unrecorded(loaded)
        if format == "text" or (format is None and _prefers_text(request)):
            lines = [loaded.number, explanation.text(), *unrecorded_words(unrecorded)]
            return PlainTextResponse("\n".join(lines))
        head = {
            "ticket_id": str(loaded.ticket_id),
            "number": loaded.number,
            "desk": loaded.desk,
            "policy_version": loaded.policy_version,
            "versions_without_calendar_data": unrecorded,
        }
        return JSONResponse(head | explanation.json())

    async def _desks(
        self, connection: asyncpg.Connection, principal: Principal, asked: Sequence[str] | None
    ) -> frozenset[str]:
        """The desks to list: those asked for, else all, as far as the caller may see them."""
        known = self._policies.desks | await queries.known_desks(connection)
        wanted = known if asked is None else known & frozenset(asked)
        return principal.only(wanted)

    async def _tickets(
        self, connection: asyncpg.Connection, principal: Principal, name: str | None
    ) -> list[UUID] | None:
        """The tickets called `name` that the caller may see; None without a name. Raises 404."""
        if name is None:
            return None
        found = [
            ticket_id
            for ticket_id, desk in await queries.find_tickets(connection, name)
            if principal.may(desk)
        ]
        if not found:
            raise HttpProblem(404, f"no ticket {name} is known here")
        return found


def _states(asked: Sequence[str] | None) -> tuple[tuple[str, ...], bool | None]:
    """States as the table knows them, and whether to keep only what is at risk."""
    names = [name for each in asked or () for name in each.split(",") if name]
    if unknown := sorted(set(names) - set(STATES)):
        raise HttpProblem(422, f"no state is called {unknown[0]}; there are {', '.join(STATES)}")
    if not names:
        return OPEN_STATES, None
    if names == ["at_risk"]:
        return OPEN_STATES, True
    if "at_risk" in names:
        raise HttpProblem(422, "ask for at_risk alone: what is at risk is running or paused too")
    return tuple(dict.fromkeys(names)), None


def _timer(row: asyncpg.Record, now: datetime) -> dict[str, Any]:
    """One timer. `seconds_left` are of the wall clock to the due instant, below 0 past it; of a
    paused one, of the time that counts."""
    due_at, left = row["due_at"], row["left_for"]
    is_open = row["state"] in OPEN_STATES
    seconds = (due_at - now if due_at is not None else left) if is_open else None
    return {
        "ticket_id": str(row["ticket_id"]),
        "number": row["number"],
        "subject": row["subject_line"],
        "desk": row["desk"],
        "severity": row["severity"],
        "priority": row["priority"],
        "metric": row["metric"],
        "cycle": row["cycle"],
        "state": row["state"],
        "is_at_risk": is_open and row["at_risk_sent"] > 0,
        "target": row["target"],
        "reason": row["reason"],
        "started_at": utc_text(row["started_at"]),
        "due_at": utc_text(due_at),
        "expect_at": utc_text(row["expect_at"]),
        "met_at": utc_text(row["met_at"]),
        "seconds_left": round(seconds.total_seconds(), 3) if seconds is not None else None,
        "policy_version": _version(row),
    }


def _version(row: asyncpg.Record) -> str | None:
    """The version under which a timer is: what ended before another took over keeps its own."""
    key = (row["metric"], row["cycle"])
    for each in store.read_earlier(row["earlier"]):
        if key in each.settled:
            return each.version
    version: str | None = row["policy_version"]
    return version


def _breach(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "breach_id": str(row["breach_id"]),
        "ticket_id": str(row["ticket_id"]),
        "number": row["number"],
        "desk": row["desk"],
        "severity": row["severity"],
        "priority": row["priority"],
        "metric": row["metric"],
        "cycle": row["cycle"],
        "target": row["target"],
        "policy_version": row["policy_version"],
        "due_at": utc_text(row["due_at"]),
        "detected_at": utc_text(row["detected_at"]),
        "is_late": row["is_late"],
        "is_provisional": row["is_provisional"],
        "retracted_at": utc_text(row["retracted_at"]),
        "reason": row["reason"],
        "met_at": utc_text(row["met_at"]),
    }


def _prefers_text(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "text/plain" in accept and "json" not in accept
