"""Deliveries that came over HTTP, by a form, a gateway or the portal: published, once each."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg
import structlog
from fastapi import Request

from intake.application.channel_publisher import ChannelPublisher, PublishUnavailable
from intake.application.idempotency import Once
from intake.metrics import IntakeMetrics
from intake.schemas import Accepted
from pledge.events import ChannelEvent, Malformed, encode, originate
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids
from pledge.runtime.observability import tracing
from pledge.runtime.postgres.errors import is_retriable

MAX_CASE_TEXT: Final = 60_000
KEY_CHECK: Final = timedelta(seconds=2)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Submissions:
    """Publishes deliveries to their channel's topic."""

    publisher: ChannelPublisher
    pool: asyncpg.Pool
    clock: Clock
    ids: Ids
    metrics: IntakeMetrics

    async def take(self, event: ChannelEvent, once: Once | None = None) -> Accepted:
        """Publish the delivery. Raises HttpProblem when it can't be an event, its key was used for
        another one, or Kafka is away."""
        channel = event.TOPIC.value.split(".")[1]
        trace = tracing.current() or tracing.begin(self.ids)
        envelope = originate(
            event,
            source="/intake/http",
            id=str(self.ids.new()),
            traceparent=trace.traceparent(),
        )
        try:
            encoded = encode(event, envelope)
            if once is not None:
                await self._check_key(once)
            await self.publisher.publish([encoded])
        except Malformed as error:
            self.metrics.submitted(channel, error.reason.value)
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        except PublishUnavailable as error:
            self.metrics.submitted(channel, "deferred")
            detail = "deliveries can't be taken at the moment; send it again later"
            raise HttpProblem(503, detail, headers={"retry-after": "5"}) from error
        self.metrics.submitted(channel, "accepted")
        return Accepted(desk=event.desk, channel=channel, delivery=event.delivery)

    async def _check_key(self, once: Once) -> None:
        """Cases are taken while the database is away: a repetition is recognised later."""
        looking = asyncio.ensure_future(self._look_up(once))
        # Not a timeout around it: releasing a connection of a frozen database would block as well.
        await asyncio.wait({looking}, timeout=KEY_CHECK.total_seconds())
        if not looking.done():
            looking.cancel()
            log.warning("case_key_not_checked", error="no answer in time")
            return
        try:
            looking.result()
        except Exception as error:
            if not is_retriable(error):
                raise
            log.warning("case_key_not_checked", error=repr(error))

    async def _look_up(self, once: Once) -> None:
        async with self.pool.acquire() as connection:
            await once.is_first(connection, self.clock.now())


def visitor(request: Request) -> str:
    """The client's address, for rate limits."""
    return request.client.host if request.client else "unknown"
