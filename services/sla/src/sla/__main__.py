"""`python -m sla`: wire the service and serve."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import structlog

from pledge.events import keep_instants_within
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import Ids
from pledge.runtime.postgres.errors import is_retriable
from pledge.runtime.service.chassis import Chassis, open_chassis, wait_for_database
from pledge.runtime.service.main import run_main
from sla import ENGINE
from sla.api.objectives import ObjectivesApi
from sla.api.policies import PolicyApi
from sla.api.quarantine import QuarantineApi
from sla.api.reports import ReportsApi
from sla.api.timers import Api
from sla.assessment import policy_recording
from sla.assessment.context import AssessmentContext
from sla.assessment.policy_registry import Policies, load_policies
from sla.consumer import FactHandler
from sla.metrics import SlaMetrics
from sla.pages.live_updates import LiveUpdates
from sla.pages.reports import ReportPages
from sla.pages.routes import Pages
from sla.reassessment.worker import ReassessmentWorker
from sla.reports.objectives import ObjectiveCounter
from sla.settings import SlaSettings
from sla.storage import quarantine, reports, store
from sla.storage.ticket_cache import TicketCache
from sla.timers.worker import TimerWorkers
from sla.topics import TOPICS

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

    Raises DeskFileError for a desk's file that can't be used, SchemaMismatch for another database.
    """
    log.info("engine_chosen", engine=str(ENGINE))
    keep_instants_within(settings.earliest_instant, settings.latest_instant)
    policies = load_policies(settings.desks)
    async with open_chassis(
        SERVICE, TOPICS, settings, kafka, clock, ids, stop, time_data=("holidays",)
    ) as chassis:

        async def record() -> None:
            async with chassis.pool.acquire() as connection:
                await policy_recording.record(policies, connection, clock.now())

        # The database may go at this very moment, too.
        await wait_for_database(record, stop)
        await Service(settings, policies, chassis).run(stop)


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(self, settings: SlaSettings, policies: Policies, chassis: Chassis) -> None:
        self._policies, self._chassis = policies, chassis
        self._metrics = SlaMetrics(chassis.registry)
        self._changes = LiveUpdates(chassis.pool, chassis.clock, most=settings.boards)
        context = AssessmentContext(
            settings,
            policies,
            TicketCache(settings.cached_tickets),
            chassis.clock,
            self._metrics,
            self._changes.notify,
        )
        self._timers = TimerWorkers(context, chassis.pool, on_shared=chassis.outbox.shorten_rounds)
        handler = FactHandler(
            context,
            on_assigned=self._timers.assigned,
            on_revoked=self._timers.revoked,
            on_applied=self._timers.applied,
        )
        self._consumer = chassis.consumer(handler)
        owner = self._consumer.assignment
        self._timers.serve(owner)
        self._objectives = ObjectiveCounter(
            settings, policies, chassis.outbox, chassis.clock, self._metrics
        )
        self._reassessor = ReassessmentWorker(context, chassis.pool, owner, self._timers)

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        chassis = self._chassis
        pool, clock, policies = chassis.pool, chassis.clock, self._policies
        aside = self._timers.quarantine
        chassis.require_bus_and_database(self._consumer)
        await chassis.run(
            [
                Api(pool, policies, clock).router,
                PolicyApi(pool, policies, clock, on_order=self._reassessor.wake).router,
                QuarantineApi(pool, policies, clock, on_release=aside.wake).router,
                ReportsApi(pool, policies, clock).router,
                ObjectivesApi(pool, policies, chassis.outbox, clock).router,
                ReportPages(pool, policies, chassis.outbox, clock, chassis.web).router,
                Pages(pool, policies, clock, chassis.web, self._changes).router,
            ],
            {
                "timers": self._timers.run,
                "consumer": self._consumer.run,
                "reassessment": self._reassessor.run,
                "quarantine": lambda: aside.run(self._consumer.assignment, self._timers.schedule),
                "census": self._count_for_ever,
                "objectives": self._objectives.run,
                "changes": lambda: self._changes.run(stop),
            },
            stop,
        )

    async def _count_for_ever(self) -> None:
        pool, clock = self._chassis.pool, self._chassis.clock
        while True:
            try:
                async with pool.acquire() as connection:
                    self._metrics.census(await store.count_timers(connection))
                    self._metrics.set_aside(await quarantine.counts(connection))
                    self._metrics.in_trouble(self._policies.troubles())
                    now = clock.now()
                    desks = self._policies.desks
                    self._metrics.attained(
                        await reports.ratios(connection, desks, now - ATTAINMENT_PERIOD, now)
                    )
            except Exception as error:
                if not is_retriable(error):
                    raise
                log.info("timers_not_counted", error=repr(error))
            await clock.sleep(CENSUS_INTERVAL)


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, SlaSettings, serve))
