"""`python -m intake`: wire the service and serve."""

import asyncio
import sys

import asyncpg
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from intake.agents import Agents
from intake.consumer import TOPICS, IntakeHandler
from intake.domain.reply_address import ReplyAddresses
from intake.gateways.attachments import Attachments
from intake.gateways.email import EmailGateway, SmtpServer
from intake.gateways.forms import FormGateway
from intake.gateways.publisher import ChannelPublisher
from intake.http import Api, Tickets
from intake.metrics import IntakeMetrics
from intake.pages import Pages
from intake.policy import DeskFilesInvalid, Desks, load_desks
from intake.settings import IntakeSettings
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

SERVICE = "intake"

log = structlog.get_logger()


async def serve(
    settings: IntakeSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Take requests in until `stop`.

    Raises DeskFilesInvalid for desks that can't be used, SchemaMismatch for another database,
    CannotListen for a port that is taken.
    """
    desks = load_desks(settings.desks)
    pool = await retry_while_away(
        lambda: open_pool(
            settings.dsn, application_name=f"pledge-{SERVICE}", size=settings.pool_size
        ),
        on_retry=lambda error: log.warning("waiting for the database", error=repr(error)),
        give_up=stop.is_set,
    )
    try:
        await check(pool, migrations_of(SERVICE))
        await Service(settings, kafka, pool, desks, clock, ids).run(stop)
    finally:
        await pool.close()


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(
        self,
        settings: IntakeSettings,
        kafka: KafkaSettings,
        pool: asyncpg.Pool,
        desks: Desks,
        clock: Clock,
        ids: Ids,
    ) -> None:
        registry = CollectorRegistry()
        self._settings, self._kafka, self._pool = settings, kafka, pool
        self._desks, self._clock, self._ids = desks, clock, ids
        self._metrics = IntakeMetrics(registry)
        self._runtime_metrics = RuntimeMetrics(registry, SERVICE)
        self._health = Health(clock)
        self._addresses = ReplyAddresses(settings.reply_keys())
        self._outbox = Outbox(pool)
        self._publisher = ChannelPublisher(kafka, timeout=settings.publish_timeout)
        self._consumer = self._new_consumer()
        self._relay = OutboxRelay(
            kafka,
            settings.dsn,
            self._outbox,
            service=SERVICE,
            clock=clock,
            metrics=self._runtime_metrics,
            progress=self._health.watch("relay"),
        )
        self.smtp = SmtpServer(self._new_email_gateway(), settings)
        self.http = HttpServer(self._new_app(), settings.http_host, settings.http_port)

    def _new_consumer(self) -> PartitionConsumer:
        handler = IntakeHandler(
            self._desks.by_id,
            self._addresses,
            clock=self._clock,
            ids=self._ids,
            metrics=self._metrics,
        )
        return PartitionConsumer(
            self._kafka,
            self._pool,
            self._outbox,
            handler,
            service=SERVICE,
            topics=TOPICS,
            clock=self._clock,
            metrics=self._runtime_metrics,
            progress=lambda: self._health.progress("consumer"),
        )

    def _new_email_gateway(self) -> EmailGateway:
        return EmailGateway(
            self._settings,
            self._desks,
            self._addresses,
            self._publisher,
            Attachments(self._pool),
            clock=self._clock,
            ids=self._ids,
            metrics=self._metrics,
        )

    def _new_app(self) -> FastAPI:
        clock, ids = self._clock, self._ids
        web = Web(SERVICE, self._settings, clock=clock, ids=ids)
        tickets = Tickets(self._pool)
        agents = Agents(self._outbox, self._desks.by_id, clock, ids, self._metrics)
        api = Api(tickets, agents)
        forms = FormGateway(
            self._desks, self._publisher, clock=clock, ids=ids, metrics=self._metrics
        )
        return create_app(
            service=SERVICE,
            health=self._health,
            access=Access(self._settings.jwks, clock=clock, denylist=self._settings.denylist),
            web=web,
            metrics=self._runtime_metrics,
            clock=clock,
            ids=ids,
            routers=[forms.router, api.router, Pages(web, tickets, api, self._desks).router],
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        self.http.listen()
        await self.smtp.listen()
        self._health.require(
            "partitions",
            lambda: None if self._consumer.is_assigned else "no partitions are assigned yet",
        )
        self._health.require(
            "gateway", lambda: None if self._publisher.is_ready else "Kafka is not connected"
        )
        self._health.require("database", self._ask_database)
        self._health.started()
        await supervise(
            {
                # In the order of stopping: first nothing new comes in, then the rest is finished.
                "smtp": self.smtp.run,
                "http": self.http.run,
                "consumer": self._consumer.run,
                "relay": self._relay.run,
                "publisher": self._publisher.run,
                "event_loop": lambda: watch_event_loop(self._runtime_metrics, self._clock),
            },
            stop=stop,
            grace=self._settings.stop_grace,
        )

    async def _ask_database(self) -> str | None:
        async with self._pool.acquire(timeout=0.5) as connection:
            await connection.fetchval("SELECT 1")
        return None


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, IntakeSettings, serve, explained=(DeskFilesInvalid,)))
