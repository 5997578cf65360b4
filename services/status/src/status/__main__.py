"""`python -m status`: wire the service and serve."""

import asyncio
import sys
from collections.abc import Mapping

import asyncpg

from pledge.events import keep_instants_within
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings, SettingProblem, SettingsError
from pledge.runtime.ids import Ids
from pledge.runtime.observability import logs
from pledge.runtime.service.chassis import Chassis, open_chassis
from pledge.runtime.service.main import run_main
from status.application.incident_commands import IncidentCommands
from status.application.maintenance_scheduler import MaintenanceScheduler
from status.application.page_cache import PageCache
from status.consumer import StatusHandler
from status.desk_file.load import load_policies
from status.domain.desk import Policy
from status.metrics import StatusMetrics
from status.routers import routers
from status.settings import StatusSettings
from status.storage import store
from status.topics import TOPICS

SERVICE = "status"

log = logs.get(__name__)


async def serve(
    settings: StatusSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Show the desks' pages until `stop`.

    Raises DeskFileError for desks' files that can't be used, SchemaMismatch for another database,
    SettingsError for a default desk that has no page.
    """
    keep_instants_within(settings.earliest_instant, settings.latest_instant)
    policies = load_policies(settings.desks, settings.base_url)
    _check_default_desk(settings, policies)
    async with open_chassis(SERVICE, TOPICS, settings, kafka, clock, ids, stop) as chassis:
        await define_pages(chassis.pool, policies, clock)
        await run(settings, policies, chassis, stop)


async def define_pages(pool: asyncpg.Pool, policies: Mapping[str, Policy], clock: Clock) -> None:
    """Bring the pages' components in line with the desks' files."""
    for desk, policy in policies.items():
        async with pool.acquire() as connection, connection.transaction():
            if await store.sync_components(connection, desk, policy.components, clock.now()):
                log.info("components_changed_by_file", desk=desk)


async def run(
    settings: StatusSettings, policies: Mapping[str, Policy], chassis: Chassis, stop: asyncio.Event
) -> None:
    """Run all workers until `stop`; one that fails takes the others down."""
    pool, clock, ids, health = chassis.pool, chassis.clock, chassis.ids, chassis.health
    metrics = StatusMetrics(chassis.registry)
    commands = IncidentCommands(chassis.outbox, policies, clock=clock, ids=ids, metrics=metrics)
    maintenances = MaintenanceScheduler(pool, commands, clock)
    cache = PageCache(
        settings,
        pool,
        policies,
        clock=clock,
        metrics=metrics,
        progress=health.watch("pages"),
        on_read=maintenances.schedule,
    )
    consumer = chassis.consumer(StatusHandler(policies, clock=clock, metrics=metrics))
    # Only this: pages in memory can be shown while broker or database are away.
    health.require("pages", cache.ready)
    await chassis.run(
        routers(cache, commands, pool, policies, chassis.web, ids, metrics),
        {"consumer": consumer.run, "maintenances": maintenances.run, "pages": cache.run},
        stop,
    )


def _check_default_desk(settings: StatusSettings, policies: Mapping[str, Policy]) -> None:
    desk = settings.default_desk
    if desk is None or desk in policies:
        return
    known = ", ".join(sorted(policies)) or "none"
    message = f"{desk!r} has no status page in {settings.desks} (those that have: {known})"
    raise SettingsError([SettingProblem("PLEDGE_STATUS_DEFAULT_DESK", message)])


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, StatusSettings, serve))
