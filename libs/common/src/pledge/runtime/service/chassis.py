"""The parts that all four services share, wired: a service adds its handler, routes and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import asyncpg
import structlog
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from pledge.runtime import zone_data
from pledge.runtime.auth.access import Access
from pledge.runtime.auth.oidc.sign_in import OidcSignIn
from pledge.runtime.auth.oidc.wiring import oidc_sign_in
from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.config.settings import KafkaSettings, ServiceSettings
from pledge.runtime.http.app import HttpServer, create_app
from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids
from pledge.runtime.kafka.consumer import PartitionConsumer
from pledge.runtime.kafka.partition_worker import Handler
from pledge.runtime.observability.health import Health
from pledge.runtime.observability.metrics import RuntimeMetrics, watch_event_loop
from pledge.runtime.outbox.backlog import watch_outbox
from pledge.runtime.outbox.relay import OutboxRelay
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.postgres.migrations import check, migrations_of
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.retry import retry_while_away
from pledge.runtime.service.supervisor import supervise
from pledge.runtime.service.topics import ServiceTopics

# A probe must answer within a second, also when the pool is exhausted.
ASK_TIMEOUT = 0.5
# Connections in use at the end are cut after this: their work is rolled back and done again.
CLOSE_TIMEOUT = timedelta(seconds=5)

T = TypeVar("T")

Workers = Mapping[str, Callable[[], Awaitable[None]]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Chassis:
    """One running service's database, bus, clock, health and pages."""

    service: str
    topics: ServiceTopics
    settings: ServiceSettings
    kafka: KafkaSettings
    clock: Clock
    ids: Ids
    pool: asyncpg.Pool
    outbox: Outbox
    registry: CollectorRegistry
    metrics: RuntimeMetrics
    health: Health
    access: Access
    web: Web
    sign_in: OidcSignIn | None

    def consumer(self, handler: Handler) -> PartitionConsumer:
        """The consumer of the topics that the service reads, watched by liveness."""
        return PartitionConsumer(
            self.kafka,
            self.pool,
            self.outbox,
            handler,
            service=self.service,
            topics=self.topics.reads,
            clock=self.clock,
            metrics=self.metrics,
            progress=self.health.watch("consumer"),
        )

    def require_bus_and_database(self, consumer: PartitionConsumer) -> None:
        """Be ready only with partitions assigned, the database answering and keys to check by."""
        self.health.require(
            "partitions",
            lambda: None if consumer.is_ready else "not a member of the consumer group yet",
        )
        self.health.require("database", self._ask_database)
        self.health.require("keys", self.access.ready)

    async def run(
        self,
        routers: Sequence[APIRouter],
        workers: Workers,
        stop: asyncio.Event,
        upload_limits: Mapping[str, int] | None = None,
    ) -> None:
        """Serve `routers` and run `workers` until `stop`; one that fails takes the others down.
        Forms with files may be as large as `upload_limits` says for their paths.

        On the stop, HTTP ends first, then the workers in their order, then the relay, which
        publishes what they committed last. Raises CannotListen when the port is taken.
        """
        server = self._server(routers, upload_limits or {})
        server.listen()
        relay = self._relay()
        self.health.started()
        # What measures this process does not follow a clock that a test moves.
        waits = SystemClock()
        await supervise(
            {
                "http": server.run,
                **workers,
                "relay": relay.run,
                "outbox_watch": lambda: watch_outbox(self.metrics, self.pool, waits),
                "event_loop": lambda: watch_event_loop(self.metrics, waits),
            },
            stop=stop,
            grace=self.settings.stop_grace,
        )

    def _server(self, routers: Sequence[APIRouter], upload_limits: Mapping[str, int]) -> HttpServer:
        app = create_app(
            service=self.service,
            health=self.health,
            access=self.access,
            web=self.web,
            metrics=self.metrics,
            clock=self.clock,
            ids=self.ids,
            routers=routers,
            sign_in=self.sign_in,
            upload_limits=upload_limits,
        )
        return HttpServer(app, self.settings.http_host, self.settings.http_port)

    def _relay(self) -> OutboxRelay:
        return OutboxRelay(
            self.kafka,
            self.settings.dsn,
            self.outbox,
            service=self.service,
            clock=self.clock,
            metrics=self.metrics,
            progress=self.health.watch("relay"),
        )

    async def _ask_database(self) -> str | None:
        async with self.pool.acquire(timeout=ASK_TIMEOUT) as connection:
            await connection.fetchval("SELECT 1")
        return None


@asynccontextmanager
async def open_chassis(
    service: str,
    topics: ServiceTopics,
    settings: ServiceSettings,
    kafka: KafkaSettings,
    clock: Clock,
    ids: Ids,
    stop: asyncio.Event,
    *,
    time_data: Sequence[str] = (),
) -> AsyncIterator[Chassis]:
    """Connect to the database, waiting while it is away, and make everything that needs it.

    `time_data` are the packages, beside `tzdata`, that the service reckons times with: its log and
    its metrics tell their versions. Raises SchemaMismatch when the database is not the one this
    program was written for, SettingsError for a sign-in that can't be offered.
    """
    oidc = oidc_sign_in(service, settings, clock=clock, ids=ids)
    sign_in, sessions = oidc or (None, None)
    versions = zone_data.versions(*time_data)
    log.info("service_starting", time_data=versions, zone_folders=zone_data.folders())
    pool = await wait_for_database(
        lambda: open_pool(
            settings.dsn, application_name=f"pledge-{service}", size=settings.pool_size
        ),
        stop,
    )
    try:
        await wait_for_database(lambda: check(pool, migrations_of(service)), stop)
        registry = CollectorRegistry()
        metrics = RuntimeMetrics(registry, service)
        metrics.time_data(versions)
        yield Chassis(
            service=service,
            topics=topics,
            settings=settings,
            kafka=kafka,
            clock=clock,
            ids=ids,
            pool=pool,
            outbox=Outbox(pool, topics.allowed()),
            registry=registry,
            metrics=metrics,
            health=Health(clock),
            access=Access(
                settings.jwks, clock=clock, denylist=settings.denylist, sessions=sessions
            ),
            web=Web(service, settings, clock=clock, ids=ids),
            sign_in=sign_in,
        )
    finally:
        await _close(pool)


async def wait_for_database(call: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T:
    """What `call` gives once the database answers, at the start of a service.

    Raises what `call` raised where waiting does not help, or once a stop was asked for.
    """
    return await retry_while_away(
        call,
        on_retry=lambda error: log.warning("waiting_for_database", error=repr(error)),
        give_up=stop.is_set,
    )


async def _close(pool: asyncpg.Pool) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
            await pool.close()
    except TimeoutError:
        pool.terminate()
