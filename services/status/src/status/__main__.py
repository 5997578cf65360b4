"""`python -m status`: wire the service and serve."""

import asyncio
import sys
from collections.abc import Mapping

import asyncpg
from prometheus_client import CollectorRegistry

from pledge.runtime import logs
from pledge.runtime.access import Access
from pledge.runtime.clock import Clock
from pledge.runtime.consumer import PartitionConsumer
from pledge.runtime.database import open_pool
from pledge.runtime.health import Health
from pledge.runtime.http import HttpServer, create_app
from pledge.runtime.ids import Ids
from pledge.runtime.main import run_main
from pledge.runtime.metrics import RuntimeMetrics, watch_event_loop, watch_outbox
from pledge.runtime.migrations import check, migrations_of
from pledge.runtime.outbox import Outbox
from pledge.runtime.ownership import retry_while_away
from pledge.runtime.relay import OutboxRelay
from pledge.runtime.settings import KafkaSettings, SettingProblem, SettingsError
from pledge.runtime.supervisor import supervise
from pledge.runtime.web import Web
from status import store
from status.changes import Changes
from status.consumer import TOPICS, StatusHandler
from status.http import routers
from status.keeper import MaintenanceKeeper
from status.metrics import StatusMetrics
from status.policy import DeskFilesWrong, Policy, load_policies
from status.settings import StatusSettings
from status.snapshots import Snapshots

SERVICE = "status"

log = logs.get(__name__)


async def serve(
    settings: StatusSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Show the desks' pages until `stop`.

    Raises DeskFilesWrong for desks' files that can't be used, SchemaMismatch for another database,
    SettingsError for a default desk that has no page.
    """
    policies = load_policies(settings.desks, settings.base_url)
    _check_default_desk(settings, policies)
    pool = await retry_while_away(
        lambda: open_pool(
            settings.dsn, application_name=f"pledge-{SERVICE}", size=settings.pool_size
        ),
        on_retry=lambda error: log.warning("waiting_for_the_database", error=repr(error)),
        give_up=stop.is_set,
    )
    try:
        await check(pool, migrations_of(SERVICE))
        await define_pages(pool, policies, clock)
        await Service(settings, kafka, pool, policies, clock, ids).run(stop)
    finally:
        await pool.close()


async def define_pages(pool: asyncpg.Pool, policies: Mapping[str, Policy], clock: Clock) -> None:
    """Bring the pages' components in line with the desks' files."""
    for desk, policy in policies.items():
        async with pool.acquire() as connection, connection.transaction():
            if await store.sync_components(connection, desk, policy.components, clock.now()):
                log.info("components_changed_by_file", desk=desk)


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(
        self,
        settings: StatusSettings,
        kafka: KafkaSettings,
        pool: asyncpg.Pool,
        policies: Mapping[str, Policy],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._settings, self._pool, self._clock = settings, pool, clock
        registry = CollectorRegistry()
        metrics = StatusMetrics(registry)
        self._runtime_metrics = RuntimeMetrics(registry, SERVICE)
        self._health = Health(clock)
        outbox = Outbox(pool)
        changes = Changes(outbox, policies, clock=clock, ids=ids, metrics=metrics)
        self._keeper = MaintenanceKeeper(pool, changes, clock)
        self._snapshots = Snapshots(
            settings,
            pool,
            policies,
            clock=clock,
            metrics=metrics,
            # The only sign of life that is asked for: a restart would lose the pages in memory
            # just when the database or the broker, which the others wait for, is away.
            progress=lambda: self._health.progress("pages"),
            on_read=self._keeper.noticed,
        )
        handler = StatusHandler(policies, clock=clock, metrics=metrics)
        self._connect(kafka, outbox, handler)
        web = Web(SERVICE, settings, clock=clock, ids=ids)
        app = create_app(
            service=SERVICE,
            health=self._health,
            access=Access(settings.jwks, clock=clock, denylist=settings.denylist),
            web=web,
            metrics=self._runtime_metrics,
            clock=clock,
            ids=ids,
            routers=routers(self._snapshots, changes, pool, policies, web, ids, metrics),
        )
        self._http = HttpServer(app, settings.http_host, settings.http_port)

    def _connect(self, kafka: KafkaSettings, outbox: Outbox, handler: StatusHandler) -> None:
        """The workers that speak with the bus."""
        self._consumer = PartitionConsumer(
            kafka,
            self._pool,
            outbox,
            handler,
            service=SERVICE,
            topics=TOPICS,
            clock=self._clock,
            metrics=self._runtime_metrics,
        )
        self._relay = OutboxRelay(
            kafka,
            self._settings.dsn,
            outbox,
            service=SERVICE,
            clock=self._clock,
            metrics=self._runtime_metrics,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        self._http.listen()
        # Nothing more: whoever has the pages in memory can show them, whatever else is away.
        self._health.require("pages", self._snapshots.ready)
        self._health.started()
        await supervise(
            {
                "consumer": self._consumer.run,
                "maintenances": self._keeper.run,
                # Before the relay, so that what people changed last is still published.
                "http": self._http.run,
                "relay": self._relay.run,
                "outbox_watch": lambda: watch_outbox(
                    self._runtime_metrics, self._pool, self._clock
                ),
                "event_loop": lambda: watch_event_loop(self._runtime_metrics, self._clock),
                "pages": self._snapshots.run,
            },
            stop=stop,
            grace=self._settings.stop_grace,
        )


def _check_default_desk(settings: StatusSettings, policies: Mapping[str, Policy]) -> None:
    desk = settings.default_desk
    if desk is None or desk in policies:
        return
    known = ", ".join(sorted(policies)) or "none"
    message = f"{desk!r} has no status page in {settings.desks} (those that have: {known})"
    raise SettingsError([SettingProblem("PLEDGE_STATUS_DEFAULT_DESK", message)])


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, StatusSettings, serve, explained=(DeskFilesWrong,)))
