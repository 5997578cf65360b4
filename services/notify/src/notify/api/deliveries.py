"""The API of deliveries: list them, retry failed ones."""

from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter

from notify.api.parameters import (
    Cursor,
    Limit,
    Names,
    Reader,
    Responder,
    States,
    Ticket,
    as_page,
    known_states,
    visible_desks,
)
from notify.delivery.dispatcher import Dispatcher
from notify.storage import queries
from notify.storage.deliveries import DELIVERY_STATES
from notify.storage.queries import DeliveryFilter
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem


class DeliveriesApi:
    """Answers about deliveries, from the database."""

    def __init__(self, pool: asyncpg.Pool, dispatcher: Dispatcher, clock: Clock) -> None:
        self._pool = pool
        self._dispatcher = dispatcher
        self._clock = clock

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        add = router.add_api_route
        add("/deliveries", self.deliveries, methods=["GET"], summary="Deliveries, newest first")
        add("/deliveries/{delivery_id}/retry", self.retry, methods=["POST"],
            summary="Try a failed delivery again")  # fmt: skip
        return router

    async def deliveries(
        self,
        principal: Reader,
        desk: Names = None,
        state: States = None,
        kind: Names = None,
        ticket: Ticket = None,
        page: UUID | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Deliveries in every state."""
        states = known_states(state, DELIVERY_STATES)
        wanted = DeliveryFilter(visible_desks(principal, desk), states, kind, ticket, page)
        return await as_page(queries.list_deliveries(self._pool, wanted, cursor, limit))

    async def retry(self, principal: Responder, delivery_id: UUID) -> dict[str, Any]:
        """Try a failed delivery again, with its old id, as if it were new."""
        found = await queries.delivery_desk(self._pool, delivery_id)
        if found is None or not principal.may(found[0]):
            raise HttpProblem(404, "there is no such delivery")
        lane = await queries.retry_delivery(self._pool, delivery_id, self._clock.now())
        if lane is None:
            raise HttpProblem(409, f"the delivery is {found[1]}; only failed ones are retried")
        self._dispatcher.wake(lane)
        return {"id": str(delivery_id), "state": "pending"}
