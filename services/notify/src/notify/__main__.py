"""`python -m notify`: wire the service and serve."""

import asyncio
import sys

import structlog
from fastapi import APIRouter

from notify.api.calls import CallsApi
from notify.api.deliveries import DeliveriesApi
from notify.api.on_call import OnCallApi
from notify.api.pages import PagesApi
from notify.application.escalation import Escalator
from notify.channels.ack_tokens import AckLinks
from notify.channels.registry import make_channels
from notify.consumer import NotifyHandler
from notify.delivery.dispatcher import Dispatcher
from notify.delivery.worker_lock import WorkerLock
from notify.metrics import NotifyMetrics
from notify.pages.html import Pages
from notify.settings import NotifySettings
from notify.topics import TOPICS
from notify.wiring import link_signer, make_context, public_url, retry_policy
from pledge.events import keep_instants_within
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import Ids
from pledge.runtime.service.chassis import Chassis, open_chassis, wait_for_database
from pledge.runtime.service.main import run_main

SERVICE = "notify"

log = structlog.get_logger()


async def serve(
    settings: NotifySettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Run notify until `stop`.

    Raises DeskFileError for desks' files that can't be used, SchemaMismatch for another database.
    """
    keep_instants_within(settings.earliest_instant, settings.latest_instant)
    async with open_chassis(SERVICE, TOPICS, settings, kafka, clock, ids, stop) as chassis:
        await Service(settings, chassis).run(stop)


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(self, settings: NotifySettings, chassis: Chassis) -> None:
        self._settings, self._chassis = settings, chassis
        clock, ids, pool = chassis.clock, chassis.ids, chassis.pool
        metrics = NotifyMetrics(chassis.registry)
        self._context = make_context(settings, metrics, clock)
        self._channels = make_channels(settings, self._context.desks, link_signer(settings), clock)
        self._worker_lock = WorkerLock(settings.dsn, pool, clock=clock, ids=ids, metrics=metrics)
        self._dispatcher = Dispatcher(
            pool,
            chassis.outbox,
            self._channels,
            worker_lock=self._worker_lock,
            retry=retry_policy(settings),
            clock=clock,
            ids=ids,
            metrics=metrics,
        )
        self._escalator = Escalator(pool, chassis.outbox, self._context, self._dispatcher)
        handler = NotifyHandler(self._context, self._dispatcher, self._escalator)
        self._consumer = chassis.consumer(handler)

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        chassis = self._chassis
        chassis.require_bus_and_database(self._consumer)
        # Deliveries are claimed in the name of the worker whose lock this is.
        await wait_for_database(self._worker_lock.acquire, stop)
        lock_progress = chassis.health.watch("worker_lock")
        try:
            await chassis.run(
                self._routers(),
                {
                    # In the order of stopping: first what decides, then what sends.
                    "consumer": self._consumer.run,
                    "escalator": self._escalator.run,
                    "dispatcher": self._dispatcher.run,
                    "worker_lock": lambda: self._worker_lock.run(
                        self._dispatcher.reload, lock_progress
                    ),
                },
                stop,
            )
        finally:
            for channel in self._channels.values():
                await channel.close()
            await self._worker_lock.release()

    def _routers(self) -> list[APIRouter]:
        chassis, context, escalator = self._chassis, self._context, self._escalator
        pages = Pages(
            chassis.pool,
            context,
            escalator,
            links=AckLinks(link_signer(self._settings)),
            web=chassis.web,
        )
        api = PagesApi(chassis.pool, context, escalator, render=pages.render_page, ids=chassis.ids)
        calls = CallsApi(chassis.outbox, context, escalator, public_url(self._settings))
        return [
            pages.router(),
            api.router(),
            DeliveriesApi(chassis.pool, self._dispatcher, context.clock).router(),
            OnCallApi(context.desks, context.clock).router(),
            calls.router(),
        ]


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, NotifySettings, serve))
