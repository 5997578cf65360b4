"""`python -m notify`: wire the service and serve."""

import asyncio
import sys
from urllib.parse import urlsplit

import asyncpg
import structlog
from prometheus_client import CollectorRegistry

from notify.ack import derive_key
from notify.channels import Channel
from notify.channels.smtp import SmtpChannel, SmtpServer
from notify.channels.webhook import WebhookChannel
from notify.compose import Composer
from notify.consumer import TOPICS, NotifyHandler
from notify.dispatcher import LANE_SENDERS, Dispatcher
from notify.domain.desk import Receiver
from notify.domain.retry import RetryPolicy
from notify.escalation import Escalator
from notify.http import Api
from notify.links import AckLinks
from notify.metrics import NotifyMetrics
from notify.policy import DeskFilesWrong, Surroundings, load_desks
from notify.presence import Presence
from notify.settings import NotifySettings
from notify.work import Office
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


def surroundings(settings: NotifySettings) -> Surroundings:
    """What the operator gives to the desks' files."""
    variables = dict(settings.variables)
    reachable = {host.lower() for host in settings.reachable_hosts}
    if settings.sink_public_url:
        # Whoever sets the sink's address wants webhooks to reach it.
        variables["SINK_URL"] = settings.sink_public_url
        reachable.add(urlsplit(settings.sink_public_url).hostname or "")
    return Surroundings(
        variables=variables,
        signing_secret=settings.key.get_secret_value(),
        reachable_hosts=frozenset(reachable),
    )


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
        outbox = Outbox(pool)
        desks = load_desks(settings.desks, surroundings(settings))
        link_key = derive_key(settings.key.get_secret_value(), "acknowledgement links")
        composer = Composer(_public_url(settings), link_key)
        office = Office(desks, composer, metrics, clock)

        def receiver(desk: str, name: str) -> tuple[Receiver, frozenset[str]] | None:
            known = desks.get(desk)
            found = known.receivers.get(name) if known else None
            return (found, known.reachable_hosts) if known and found else None

        self._channels: dict[str, Channel] = {
            "webhook": WebhookChannel(
                receiver, clock, timeout=settings.webhook_timeout, connections=2 * LANE_SENDERS
            ),
            "email": SmtpChannel(_smtp_server(settings)),
        }
        self._presence = Presence(settings.dsn, pool, clock=clock, ids=ids, metrics=metrics)
        self._dispatcher = Dispatcher(
            pool,
            outbox,
            self._channels,
            presence=self._presence,
            retry=_retry_policy(settings),
            clock=clock,
            ids=ids,
            metrics=metrics,
        )
        self._escalator = Escalator(pool, outbox, office, self._dispatcher)
        self._consumer = PartitionConsumer(
            kafka,
            pool,
            outbox,
            NotifyHandler(office, self._dispatcher, self._escalator),
            service=SERVICE,
            topics=TOPICS,
            clock=clock,
            metrics=self._runtime_metrics,
        )
        self._relay = OutboxRelay(
            kafka,
            settings.dsn,
            outbox,
            service=SERVICE,
            clock=clock,
            metrics=self._runtime_metrics,
            progress=self._health.watch("relay"),
        )
        web = Web(SERVICE, settings, clock=clock, ids=ids)
        api = Api(
            pool,
            outbox,
            office,
            self._dispatcher,
            self._escalator,
            links=AckLinks(link_key),
            web=web,
            ids=ids,
        )
        app = create_app(
            service=SERVICE,
            health=self._health,
            access=Access(settings.jwks, clock=clock, denylist=settings.denylist),
            web=web,
            metrics=self._runtime_metrics,
            clock=clock,
            ids=ids,
            routers=[api.router],
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


def _public_url(settings: NotifySettings) -> str:
    own = f"http://{settings.http_host}:{settings.http_port}"
    return settings.public_url(SERVICE) or own


def _smtp_server(settings: NotifySettings) -> SmtpServer:
    password = settings.smtp_password
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        use_tls=settings.smtp_tls,
        local_name=settings.smtp_local_name,
    )


def _retry_policy(settings: NotifySettings) -> RetryPolicy:
    return RetryPolicy(
        first_wait=settings.retry_first_wait,
        longest_wait=settings.retry_longest_wait,
        attempts=settings.retry_attempts,
        give_up_after=settings.retry_give_up_after,
    )


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, NotifySettings, serve, explained=(DeskFilesWrong,)))
