"""`/reports/objectives` and `/credits`: how objectives stand, and what lost periods owe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from pledge.events import Actor
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.outbox.writer import Outbox
from sla.api.reports import Wanted, answer, asked_period
from sla.assessment.policy_registry import Policies
from sla.reports.credits import CreditRefused, CreditUnknown, Decision, decide, shown
from sla.storage import objectives

# More than a desk has periods in some years.
MOST_CREDITS = 1000

Reader = Annotated[Principal, Depends(require(Role.READER))]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
State = Annotated[Literal["open", "confirmed", "waived"], Query()]


class DecisionBody(BaseModel):
    """What is decided about a credit; waiving one needs a reason."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    why: str = Field(default="", max_length=500)


class ObjectivesApi:
    """Objectives and credits of the desks that the asker may see."""

    def __init__(
        self, pool: asyncpg.Pool, policies: Policies, outbox: Outbox, clock: Clock
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._outbox = outbox
        self._clock = clock
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/reports/objectives", self.objectives, methods=["GET"], response_model=None,
            summary="How objectives stand, period by period")  # fmt: skip
        add("/credits", self.credits, methods=["GET"], summary="What lost periods owe")
        add("/credits/{desk}/{objective}/{period}", self.decide, methods=["POST"],
            summary="Confirm or waive a credit")  # fmt: skip

    async def objectives(self, principal: Reader, wanted: Wanted) -> Response:
        """The periods of objectives that overlap the time asked for, the newest first. `left` is
        how many more promises may be missed, of those known by now."""
        period = asked_period(self._policies, self._clock.now(), principal, wanted)
        async with self._pool.acquire() as connection:
            rows = await objectives.periods_between(
                connection, [period.desk], period.start, period.end
            )
        return answer(period, [shown(row) for row in rows], wanted.format)

    async def credits(
        self,
        principal: Reader,
        desk: Annotated[list[str] | None, Query()] = None,
        state: State = "open",
        limit: Annotated[int, Query(ge=1, le=MOST_CREDITS)] = 100,
    ) -> dict[str, Any]:
        """Credits that wait for a decision, or those confirmed or waived, the newest first."""
        desks = principal.only(self._policies.desks if desk is None else frozenset(desk))
        async with self._pool.acquire() as connection:
            rows = await objectives.owing(connection, desks, state, limit)
        return {"items": [shown(row) for row in rows], "next": None}

    async def decide(
        self, principal: Admin, desk: str, objective: str, period: str, body: DecisionBody
    ) -> dict[str, Any]:
        """Confirm or waive what a lost period owes. Given again it changes nothing; one decision
        does not replace another. Nothing is charged."""
        if not principal.may(desk):
            raise HttpProblem(404, f"no desk {desk} is known here")
        by = Actor(kind="agent", id=principal.subject)
        now = self._clock.now()
        try:
            row = await decide(
                self._outbox, desk, objective, period, body.decision, by=by, why=body.why, now=now
            )
        except CreditUnknown as error:
            raise HttpProblem(404, str(error)) from error
        except CreditRefused as error:
            raise HttpProblem(409, str(error)) from error
        return shown(row)
