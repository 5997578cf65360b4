"""`/reports/…`: attainment, breaches by hour, and the audit of pauses; JSON or CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response

from pledge.events import Instant
from pledge.runtime.auth.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.reports import attainment as reports
from sla.reports.attainment import DIMENSIONS
from sla.storage.reports import Period

# What a report looks at when nobody says.
DEFAULT_PERIOD = timedelta(days=30)

TEAM = "team"
DIVISIONS = (*DIMENSIONS, TEAM)

Form = Literal["json", "csv"]
Reader = Annotated[Principal, Depends(require("reader"))]
From = Annotated[Instant | None, Query(alias="from", description="default: 30 days back")]
To = Annotated[Instant | None, Query(description="default: now")]


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """The parameters that every report has."""

    desk: str
    start: From = None
    to: To = None
    format: Form = "json"


Wanted = Annotated[ReportQuery, Depends()]


class ReportsApi:
    """Reports of one desk at a time, for those who may see it."""

    def __init__(self, pool: asyncpg.Pool, policies: Policies, clock: Clock) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self.router = APIRouter(prefix="/reports")
        for path, handler, summary in (
            ("/attainment", self.attainment, "Promises kept and missed"),
            ("/breaches", self.breaches, "Breaches by weekday and hour"),
            ("/pauses", self.pauses, "Pauses shortly before a due time, by agent"),
        ):
            self.router.add_api_route(
                path, handler, methods=["GET"], summary=summary, response_model=None
            )

    async def attainment(
        self,
        principal: Reader,
        wanted: Wanted,
        by: Annotated[str, Query(description=f"any of {', '.join(DIVISIONS)}")] = "",
    ) -> Response:
        """Promises that came due in the period, by metric and by what else is asked for."""
        dimensions = [each for each in by.split(",") if each]
        if unknown := sorted(set(dimensions) - set(DIVISIONS)):
            known = ", ".join(DIVISIONS)
            raise HttpProblem(422, f"nothing is divided by {unknown[0]}; there are {known}")
        period = asked_period(self._policies, self._clock.now(), principal, wanted)
        async with self._pool.acquire() as connection:
            rows = await reports.attainment(connection, period, dimensions)
        if TEAM in dimensions:
            policy = self._policies.for_opening(period.desk, self._clock.now())
            teams = {each.name: each.team for each in policy.metrics} if policy else {}
            rows = [{"team": teams.get(row["metric"], ""), **row} for row in rows]
        return answer(period, rows, wanted.format)

    async def breaches(self, principal: Reader, wanted: Wanted) -> Response:
        """Breaches that stand, by metric, weekday (1 is Monday) and hour, in the desk's zone."""
        period = asked_period(self._policies, self._clock.now(), principal, wanted)
        async with self._pool.acquire() as connection:
            rows = await reports.breaches_by_hour(connection, period)
        return answer(period, rows, wanted.format)

    async def pauses(self, principal: Reader, wanted: Wanted) -> Response:
        """Tickets parked in "waiting on customer" with less than a quarter of the time left."""
        period = asked_period(self._policies, self._clock.now(), principal, wanted)
        rows = await reports.pauses(self._pool, self._policies, period)
        return answer(period, rows, wanted.format)


def asked_period(
    policies: Policies, now: datetime, principal: Principal, wanted: ReportQuery
) -> Period:
    """The period asked for, in the desk's zone. Raises HttpProblem."""
    desk = wanted.desk
    policy = policies.for_opening(desk, now) if principal.may(desk) else None
    if policy is None:
        raise HttpProblem(404, f"no desk {desk} is known here")
    until = wanted.to or now
    since = wanted.start or until - DEFAULT_PERIOD
    if since >= until:
        raise HttpProblem(422, "`from` must lie before `to`")
    return Period(desk, since, until, policy.zone)


def answer(period: Period, rows: Sequence[dict[str, Any]], form: Form) -> Response:
    """The rows of a report, as JSON or CSV."""
    if form == "csv":
        return Response(_csv(rows), media_type="text/csv; charset=utf-8")
    return JSONResponse(
        {
            "desk": period.desk,
            "from": utc_text(period.start),
            "to": utc_text(period.end),
            "zone": str(period.zone),
            "items": list(rows),
            "next": None,
        }
    )


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    """With a heading; without rows, nothing."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A text that begins like a formula would be one to a spreadsheet: an apostrophe stops it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
