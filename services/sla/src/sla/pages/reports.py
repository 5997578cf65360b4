"""The page of reports: how objectives stand, and what lost periods owe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pledge.events import Actor
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web
from pledge.runtime.http.web.format import local_time
from pledge.runtime.outbox.writer import Outbox
from sla.assessment.policy_registry import Policies
from sla.domain.objectives import PeriodState, percent_words
from sla.reports.credits import CreditRefused, CreditUnknown, Decision, decide
from sla.storage import objectives
from sla.storage.objectives import PeriodRow

# What the page looks back on: the months and quarters of a year.
SHOWN_FOR = timedelta(days=366)
# So many periods of one desk stand on the page; the API has all.
MOST_SHOWN = 400

Reader = Annotated[Principal, Depends(require(Role.READER))]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
Field = Annotated[str, Form(max_length=100)]

_STATES = {
    PeriodState.ON_TRACK: ("on track", "calm"),
    PeriodState.AT_RISK: ("at risk", "warn"),
    PeriodState.KEPT: ("kept", "good"),
    PeriodState.LOST: ("lost", "bad"),
}


class ReportPages:
    """The page of reports; it shows only desks that the user may see."""

    def __init__(
        self, pool: asyncpg.Pool, policies: Policies, outbox: Outbox, clock: Clock, web: Web
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._outbox = outbox
        self._clock = clock
        self._web = web
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        add = self.router.add_api_route
        add("/reports", self.reports, methods=["GET"], response_model=None)
        add("/reports/credits", self.decide, methods=["POST"], response_model=None)

    async def reports(
        self, request: Request, principal: Reader, desk: Annotated[str, Query(max_length=100)] = ""
    ) -> Response:
        """Objectives by desk, the present period first, and the periods of the last year."""
        visible = sorted(principal.only(self._policies.desks))
        chosen = [each for each in visible if desk in ("", each)]
        now = self._clock.now()
        shown: list[dict[str, Any]] = []
        async with self._pool.acquire() as connection:
            for each in chosen:
                rows = await objectives.periods_between(connection, [each], now - SHOWN_FOR, now)
                if rows:
                    shown.append(self._report(each, rows[:MOST_SHOWN]))
        return self._web.page(
            request,
            "reports.html",
            desks=visible,
            chosen=desk,
            reports=shown,
            may_decide=principal.has(Role.ADMIN),
        )

    async def decide(
        self,
        principal: Admin,
        desk: Field,
        objective: Field,
        period: Field,
        decision: Annotated[Decision, Form()],
        why: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        """Do what a form of the page says, and show the page again."""
        if not principal.may(desk):
            raise HttpProblem(404, f"no desk {desk} is known here")
        by, now = Actor(kind="agent", id=principal.subject), self._clock.now()
        try:
            await decide(self._outbox, desk, objective, period, decision, by=by, why=why, now=now)
        except CreditUnknown as error:
            raise HttpProblem(404, str(error)) from error
        except CreditRefused as error:
            raise HttpProblem(409, str(error)) from error
        return RedirectResponse(f"/reports?desk={desk}", status_code=303)

    def _report(self, desk: str, rows: Sequence[PeriodRow]) -> dict[str, Any]:
        policy = self._policies.in_force(desk, self._clock.now())
        zone = UTC if policy is None else policy.zone
        periods = [_shown(row, zone) for row in rows]
        return {
            "desk": desk,
            "periods": periods,
            "counted_at": local_time(max(row.counted_at for row in rows), zone),
        }


def _shown(row: PeriodRow, zone: tzinfo) -> dict[str, Any]:
    standing = row.standing
    words, tone = _STATES[PeriodState(row.state)]
    attainment, burn_rate = standing.attainment, standing.burn_rate(row.share)
    return {
        "row": row,
        "title": row.title or row.objective.replace("_", " "),
        "state": words,
        "tone": tone,
        "share": percent_words(row.share),
        "attainment": "" if attainment is None else f"{attainment:.2%}",
        "left": standing.left(row.share),
        "burn_rate": "" if burn_rate is None else f"{burn_rate:.2f}",
        "owes": percent_words(row.owes) if row.owes else "",
        "decided_owes": percent_words(row.decided_owes) if row.decided_owes else "",
        "decided_at": local_time(row.decided_at, zone),
        "is_open": row.state == PeriodState.LOST and row.owes > 0 and row.decision is None,
    }
