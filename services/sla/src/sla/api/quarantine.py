"""`/quarantine`: tickets that are set aside, and their release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import structlog
from fastapi import APIRouter, Depends, Query

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from sla.api.list_pages import Cursor, paged
from sla.assessment.policy_registry import Policies
from sla.storage import quarantine, queries

Reader = Annotated[Principal, Depends(require("reader"))]
Admin = Annotated[Principal, Depends(require("admin"))]

log = structlog.get_logger()


class QuarantineApi:
    """What is set aside of the desks that the asker may see."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        policies: Policies,
        clock: Clock,
        on_release: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self._on_release = on_release
        self.router = APIRouter(prefix="/quarantine")
        add = self.router.add_api_route
        add("", self.listed, methods=["GET"], summary="Tickets that are set aside")
        add("/release", self.release, methods=["POST"], status_code=202, summary="Take them back")

    async def listed(
        self,
        principal: Reader,
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Tickets that can't be worked on, longest first, each with the reason."""
        async with self._pool.acquire() as connection:
            desks = await self._desks(connection, principal)
            items, following = await paged(
                quarantine.list_tickets(connection, desks, cursor, limit)
            )
        return {"items": items, "next": following}

    async def release(
        self,
        principal: Admin,
        ticket: Annotated[
            str | None, Query(max_length=100, description="id or number; default: all")
        ] = None,
    ) -> dict[str, Any]:
        """Look at tickets again that are set aside; what fails again is set aside again."""
        async with self._pool.acquire() as connection:
            desks = await self._desks(connection, principal)
            ids: list[UUID] | None = None
            if ticket is not None:
                found = await queries.find_tickets(connection, ticket)
                ids = [ticket_id for ticket_id, desk in found if desk in desks]
            asked = await quarantine.request_release(connection, desks, ids, self._clock.now())
        if ticket is not None and not asked:
            raise HttpProblem(404, f"no ticket {ticket} is set aside")
        log.info("quarantine_release_requested", tickets=asked, by=principal.subject)
        self._on_release()
        return {"released": asked}

    async def _desks(self, connection: asyncpg.Connection, principal: Principal) -> frozenset[str]:
        return principal.only(self._policies.desks | await queries.known_desks(connection))
