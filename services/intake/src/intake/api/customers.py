"""What agents do for a customer as a whole: all its open tickets at once."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from intake.application.ticket_commands import TicketCommands, TicketUnknown
from intake.domain.commands.coverage import ChangePlan
from intake.domain.ticket import Refusal, RefusalReason
from intake.storage import queries, store
from pledge.events import Actor, Instant
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import FieldProblem, HttpProblem

PAGE: int = 200

Agent = Annotated[Principal, Depends(require(Role.AGENT))]


class CustomerPlan(BaseModel):
    """The customer's plan from now on, or from `occurred_at` on."""

    model_config = ConfigDict(extra="forbid")

    desk: str = Field(max_length=63)
    plan: str = Field(min_length=1, max_length=63)
    occurred_at: Instant | None = None


class PlanResult(BaseModel):
    """Which tickets changed, by number; those that have the plan already are `unchanged`."""

    changed: list[str]
    unchanged: list[str]


class Customers:
    """The routes on customers."""

    def __init__(self, pool: asyncpg.Pool, commands: TicketCommands) -> None:
        self._pool = pool
        self._commands = commands
        self.router = APIRouter(tags=["tickets"])
        self.router.add_api_route("/customers/{customer}/plan", self.change_plan, methods=["POST"])

    async def change_plan(self, customer: str, body: CustomerPlan, principal: Agent) -> PlanResult:
        """Change the plan of a customer from one moment on, on all its open tickets and for new
        ones (INF-07); a desk's file that says another plan later is believed instead. Asked again,
        it changes what is left."""
        desk = self._commands.desks.get(body.desk) if principal.may(body.desk) else None
        if desk is None or customer not in desk.customers:
            detail = f"there is no customer {customer[:200]} at the desk {body.desk}"
            raise HttpProblem(404, detail)
        if desk.plans and body.plan not in desk.plans:
            problem = FieldProblem("body.plan", f"one of: {', '.join(desk.plans)}")
            raise HttpProblem(422, f"there is no plan {body.plan}", errors=[problem])
        now = self._commands.clock.now()
        command, at = ChangePlan(body.plan), min(body.occurred_at or now, now)
        by = Actor(kind="agent", id=principal.subject)
        async with self._pool.acquire() as connection:
            await store.keep_customer_plan(connection, desk, customer, body.plan, at)
        result = PlanResult(changed=[], unchanged=[])
        after: UUID | None = None
        while True:
            async with self._pool.acquire() as connection:
                page = await queries.open_of_customer(connection, desk.id, customer, after, PAGE)
            for ticket in page:
                try:
                    # A ticket that was opened later has the plan from its opening on.
                    moment = max(at, ticket.counts_from, ticket.opened_at)
                    done = await self._commands.do(ticket.id, command, by, moment)
                except TicketUnknown:
                    continue
                is_left = isinstance(done, Refusal)
                if is_left and done.reason is RefusalReason.NOT_ALLOWED_NOW:
                    continue  # closed meanwhile
                (result.unchanged if is_left else result.changed).append(ticket.number)
            if len(page) < PAGE:
                return result
            after = page[-1].id
