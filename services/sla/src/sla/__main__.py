"""`python -m sla`: wire the service and serve."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import asyncpg
import structlog
from prometheus_client import CollectorRegistry

from pledge.runtime.access import Access
from pledge.runtime.clock import Clock
from pledge.runtime.consumer import PartitionConsumer
from pledge.runtime.database import open_pool
from pledge.runtime.health import Health
from pledge.runtime.http import HttpServer, create_app
from pledge.runtime.ids import Ids
from pledge.runtime.main import run_main
from pledge.runtime.metrics import RuntimeMetrics, watch_event_loop
from pledge.runtime.migrations import check, migrations_of
from pledge.runtime.outbox import Outbox
from pledge.runtime.ownership import retry_while_away
from pledge.runtime.relay import OutboxRelay
from pledge.runtime.settings import KafkaSettings
from pledge.runtime.supervisor import supervise
from pledge.runtime.web import Web
from sla import reports, store
from sla.changes import Changes
from sla.consumer import TOPICS, Books, FactHandler
from sla.http import Api
from sla.metrics import SlaMetrics
from sla.pages import Pages
from sla.policies import BrokenPolicy, Policies, load_policies
from sla.report_http import ReportsApi
from sla.settings import SlaSettings
from sla.tickets import TicketCache
from sla.timers import TimerKeeper

SERVICE = "sla"
# Counting a million open timers takes a tenth of a second of the database's time.
CENSUS_INTERVAL = timedelta(minutes=1)
# What `sla_attainment_ratio` looks back on.
ATTAINMENT_PERIOD = timedelta(days=30)

log = structlog.get_logger()


async def serve(
    settings: SlaSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Keep the promises until `stop`.

    Raises BrokenPolicy for a desk's file that can't be used, SchemaMismatch for another database.
    """
    policies = load_policies(settings.desks)
    pool = await retry_while_away(
        lambda: open_pool(
            settings.dsn, application_name=f"pledge-{SERVICE}", size=settings.pool_size
        ),
        on_retry=lambda error: log.warning("waiting for the database", error=repr(error)),
        give_up=stop.is_set,
    )
    try:
        await check(pool, migrations_of(SERVICE))
        async with pool.acquire() as connection:
            await policies.record(connection, clock.now())
        await Service(settings, kafka, pool, policies, clock, ids).run(stop)
    finally:
        await pool.close()


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(
        self,
        settings: SlaSettings,
        kafka: KafkaSettings,
        pool: asyncpg.Pool,
        policies: Policies,
        clock: Clock,
        ids: Ids,
    ) -> None:
        registry = CollectorRegistry()
        self._settings, self._pool, self._clock = settings, pool, clock
        self._policies = policies
        self._metrics = SlaMetrics(registry)
        self._runtime_metrics = RuntimeMetrics(registry, SERVICE)
        self._health = Health(clock)
        outbox = Outbox(pool)
        self._changes = Changes(pool, clock)
        books = Books(
            settings,
            policies,
            TicketCache(settings.cached_tickets),
            clock,
            self._metrics,
            self._changes.tell,
        )
        self._timers = TimerKeeper(books, pool)
        handler = FactHandler(
            books,
            on_assigned=self._timers.assigned,
            on_revoked=self._timers.revoked,
            on_applied=self._timers.applied,
        )
        self._consumer = PartitionConsumer(
            kafka,
            pool,
            outbox,
            handler,
            service=SERVICE,
            topics=TOPICS,
            clock=clock,
            metrics=self._runtime_metrics,
            progress=lambda: self._health.progress("consumer"),
        )
        self._timers.serve(self._consumer)
        self._relay = OutboxRelay(
            kafka,
            settings.dsn,
            outbox,
            service=SERVICE,
            clock=clock,
            metrics=self._runtime_metrics,
            progress=lambda: self._health.progress("relay"),
        )
        web = Web(SERVICE, settings, clock=clock, ids=ids)
        app = create_app(
            service=SERVICE,
            health=self._health,
            access=Access(settings.jwks, clock=clock, denylist=settings.denylist),
            web=web,
            metrics=self._runtime_metrics,
            clock=clock,
            ids=ids,
            routers=[
                Api(pool, policies, clock).router,
                ReportsApi(pool, policies, clock).router,
                Pages(pool, policies, clock, web, self._changes).router,
            ],
        )
        self._http = HttpServer(app, settings.http_host, settings.http_port)

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        self._http.listen()
        self._health.require(
            "partitions",
            lambda: None if self._consumer.is_assigned else "no partitions are assigned yet",
        )
        self._health.require("database", self._ask_database)
        self._health.started()
        await supervise(
            {
                "timers": self._timers.run,
                "consumer": self._consumer.run,
                "relay": self._relay.run,
                "census": self._count_for_ever,
                "changes": self._changes.run,
                "event_loop": lambda: watch_event_loop(self._runtime_metrics, self._clock),
                "http": self._http.run,
            },
            stop=stop,
            grace=self._settings.stop_grace,
        )

    async def _ask_database(self) -> str | None:
        async with self._pool.acquire(timeout=0.5) as connection:
            await connection.fetchval("SELECT 1")
        return None

    async def _count_for_ever(self) -> None:
        while True:
            try:
                async with self._pool.acquire() as connection:
                    self._metrics.census(await store.count_timers(connection))
                    now = self._clock.now()
                    desks = self._policies.desks
                    self._metrics.attained(
                        await reports.ratios(connection, desks, now - ATTAINMENT_PERIOD, now)
                    )
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.info("timers were not counted", error=repr(error))
            await self._clock.sleep(CENSUS_INTERVAL)


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, SlaSettings, serve, explained=(BrokenPolicy,)))
