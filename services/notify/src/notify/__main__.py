"""`python -m notify`: wire the service and serve."""

import asyncio
import sys

import asyncpg
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from notify.consumer import TOPICS, NotifyHandler
from notify.dispatcher import Dispatcher
from notify.escalation import Escalator
from notify.http import Api
from notify.links import AckLinks
from notify.metrics import NotifyMetrics
from notify.policy import DeskFilesWrong
from notify.presence import Presence
from notify.settings import NotifySettings
from notify.wiring import link_key, make_channels, make_office, retry_policy
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

SERVICE = "notify"

log = structlog.get_logger()


async def serve(
    settings: NotifySettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Tell people until `stop`.

    Raises DeskFilesWrong for desks' files that can't be used, SchemaMismatch for another database.
    """
    pool = await retry_while_away(
        lambda: open_pool(
            settings.dsn, application_name=f"pledge-{SERVICE}", size=settings.pool_size
        ),
        on_retry=lambda error: log.warning("waiting for the database", error=repr(error)),
        give_up=stop.is_set,
    )
    try:
        await check(pool, migrations_of(SERVICE))
        await Service(settings, kafka, pool, clock, ids).run(stop)
    finally:
        await pool.close()


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(
        self,
        settings: NotifySettings,
        kafka: KafkaSettings,
        pool: asyncpg.Pool,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._settings, self._pool, self._clock = settings, pool, clock
        registry = CollectorRegistry()
        self._runtime_metrics = RuntimeMetrics(registry, SERVICE)
        self._health = Health(clock)
        metrics = NotifyMetrics(registry)
        self._outbox = Outbox(pool)
        self._office = make_office(settings, metrics, clock)
        self._channels = make_channels(settings, self._office.desks, clock)
        self._presence = Presence(settings.dsn, pool, clock=clock, ids=ids, metrics=metrics)
        self._dispatcher = Dispatcher(
            pool,
            self._outbox,
            self._channels,
            presence=self._presence,
            retry=retry_policy(settings),
            clock=clock,
            ids=ids,
            metrics=metrics,
        )
        self._escalator = Escalator(pool, self._outbox, self._office, self._dispatcher)
        self._consumer = self._make_consumer(kafka)
        self._relay = self._make_relay(kafka)
        self._http = HttpServer(self._make_app(ids), settings.http_host, settings.http_port)

    def _make_consumer(self, kafka: KafkaSettings) -> PartitionConsumer:
        return PartitionConsumer(
            kafka,
            self._pool,
            self._outbox,
            NotifyHandler(self._office, self._dispatcher, self._escalator),
            service=SERVICE,
            topics=TOPICS,
            clock=self._clock,
            metrics=self._runtime_metrics,
        )

    def _make_relay(self, kafka: KafkaSettings) -> OutboxRelay:
        return OutboxRelay(
            kafka,
            self._settings.dsn,
            self._outbox,
            service=SERVICE,
            clock=self._clock,
            metrics=self._runtime_metrics,
            progress=self._health.watch("relay"),
        )

    def _make_app(self, ids: Ids) -> FastAPI:
        settings, clock = self._settings, self._clock
        web = Web(SERVICE, settings, clock=clock, ids=ids)
        api = Api(
            self._pool,
            self._outbox,
            self._office,
            self._dispatcher,
            self._escalator,
            links=AckLinks(link_key(settings)),
            web=web,
            ids=ids,
        )
        return create_app(
            service=SERVICE,
            health=self._health,
            access=Access(settings.jwks, clock=clock, denylist=settings.denylist),
            web=web,
            metrics=self._runtime_metrics,
            clock=clock,
            ids=ids,
            routers=[api.router],
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        self._http.listen()
        self._health.require(
            "partitions",
            lambda: None if self._consumer.is_assigned else "no partitions are assigned yet",
        )
        self._health.require("database", self._ask_database)
        # Before anything is claimed: others must see that we live.
        await retry_while_away(
            self._presence.enter,
            on_retry=lambda error: log.warning("waiting for the database", error=repr(error)),
            give_up=stop.is_set,
        )
        self._health.started()
        try:
            await supervise(
                {
                    # In the order of stopping: first what decides, then what carries it out.
                    "consumer": self._consumer.run,
                    "escalator": self._escalator.run,
                    "dispatcher": self._dispatcher.run,
                    "presence": lambda: self._presence.run(
                        self._dispatcher.reload, self._health.watch("presence")
                    ),
                    "relay": self._relay.run,
                    "event_loop": lambda: watch_event_loop(self._runtime_metrics, self._clock),
                    "http": self._http.run,
                },
                stop=stop,
                grace=self._settings.stop_grace,
            )
        finally:
            for channel in self._channels.values():
                await channel.close()
            await self._presence.leave()

    async def _ask_database(self) -> str | None:
        async with self._pool.acquire(timeout=0.5) as connection:
            await connection.fetchval("SELECT 1")
        return None


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, NotifySettings, serve, explained=(DeskFilesWrong,)))
