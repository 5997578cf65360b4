"""`python -m notify`: wire the service and serve."""

import asyncio
import sys

import structlog

from notify.api.calls import Calls
from notify.api.pages import Api
from notify.channels.links import AckLinks
from notify.consumer import TOPICS, NotifyHandler
from notify.delivery.dispatcher import Dispatcher
from notify.delivery.escalation import Escalator
from notify.delivery.worker_lock import Presence
from notify.desk_file.load import DeskFilesWrong
from notify.metrics import NotifyMetrics
from notify.settings import NotifySettings
from notify.wiring import link_key, make_channels, make_office, public_url, retry_policy
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import Ids
from pledge.runtime.retry import retry_while_away
from pledge.runtime.service.chassis import Chassis, open_chassis
from pledge.runtime.service.main import run_main

SERVICE = "notify"

log = structlog.get_logger()


async def serve(
    settings: NotifySettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Tell people until `stop`.

    Raises DeskFilesWrong for desks' files that can't be used, SchemaMismatch for another database.
    """
    async with open_chassis(SERVICE, settings, kafka, clock, ids, stop) as chassis:
        await Service(settings, chassis).run(stop)


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(self, settings: NotifySettings, chassis: Chassis) -> None:
        self._settings, self._chassis = settings, chassis
        clock, ids, pool = chassis.clock, chassis.ids, chassis.pool
        metrics = NotifyMetrics(chassis.registry)
        self._office = make_office(settings, metrics, clock)
        self._channels = make_channels(settings, self._office.desks, clock)
        self._presence = Presence(settings.dsn, pool, clock=clock, ids=ids, metrics=metrics)
        self._dispatcher = Dispatcher(
            pool,
            chassis.outbox,
            self._channels,
            presence=self._presence,
            retry=retry_policy(settings),
            clock=clock,
            ids=ids,
            metrics=metrics,
        )
        self._escalator = Escalator(pool, chassis.outbox, self._office, self._dispatcher)
        handler = NotifyHandler(self._office, self._dispatcher, self._escalator)
        self._consumer = chassis.consumer(handler, TOPICS)

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        chassis = self._chassis
        chassis.require_bus_and_database(self._consumer)
        # Before anything is claimed: others must see that we live.
        await retry_while_away(
            self._presence.enter,
            on_retry=lambda error: log.warning("waiting for the database", error=repr(error)),
            give_up=stop.is_set,
        )
        presence_progress = chassis.health.watch("presence")
        try:
            await chassis.run(
                [self._new_api().router, self._new_calls().router],
                {
                    # In the order of stopping: first what decides, then what carries it out.
                    "consumer": self._consumer.run,
                    "escalator": self._escalator.run,
                    "dispatcher": self._dispatcher.run,
                    "presence": lambda: self._presence.run(
                        self._dispatcher.reload, presence_progress
                    ),
                },
                stop,
            )
        finally:
            for channel in self._channels.values():
                await channel.close()
            await self._presence.leave()

    def _new_api(self) -> Api:
        return Api(
            self._chassis.pool,
            self._chassis.outbox,
            self._office,
            self._dispatcher,
            self._escalator,
            links=AckLinks(link_key(self._settings)),
            web=self._chassis.web,
            ids=self._chassis.ids,
        )

    def _new_calls(self) -> Calls:
        own_url = public_url(self._settings)
        return Calls(self._chassis.outbox, self._office, self._escalator, own_url)


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, NotifySettings, serve, explained=(DeskFilesWrong,)))
