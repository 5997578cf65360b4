"""`python -m pledge_local.sink`: takes mails and webhooks until a signal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import timedelta

import jinja2
from prometheus_client import CollectorRegistry

from pledge.runtime.auth.access import Access
from pledge.runtime.clock import Clock
from pledge.runtime.config.reloading_file import WatchedFile
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.http.app import HttpServer, create_app
from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids
from pledge.runtime.observability.health import Health
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.service.main import run_main
from pledge.runtime.service.supervisor import supervise
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.faults import Faults
from pledge_local.sink.http import Secrets, router
from pledge_local.sink.mail import MailHandler, serve_mail
from pledge_local.sink.phone import Phone
from pledge_local.sink.settings import SinkSettings


async def serve(
    settings: SinkSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Take mails and webhooks until `stop` is set; `kafka` is not used. Raises CannotListen."""
    health = Health(clock)
    arrivals, faults = Arrivals(settings.folder, clock), Faults()
    web = Web("sink", settings, clock=clock, ids=ids)
    own = jinja2.PackageLoader("pledge_local.sink", "templates")
    assert web.environment.loader is not None
    web.environment.loader = jinja2.ChoiceLoader([own, web.environment.loader])
    app = create_app(
        service="sink",
        health=health,
        access=Access(settings.jwks, clock=clock),
        web=web,
        metrics=RuntimeMetrics(CollectorRegistry(), "sink"),
        clock=clock,
        ids=ids,
        routers=[
            router(arrivals, faults, _secrets(settings), web),
            Phone(arrivals, faults, ids).router,
        ],
    )
    http = HttpServer(app, settings.http_host, settings.http_port, grace=timedelta(seconds=1))
    http.listen()
    handler = MailHandler(arrivals, faults, clock)
    mail = await serve_mail(handler, settings.http_host, settings.smtp_port)
    health.started()
    async with mail:
        await supervise({"http": http.run}, stop=stop, grace=settings.stop_grace)


def _secrets(settings: SinkSettings) -> Secrets:
    if settings.secrets is None:
        return dict
    return WatchedFile(settings.secrets, _read_secrets).value


def _read_secrets(content: bytes) -> Mapping[str, str]:
    loaded: dict[str, str] = json.loads(content)
    return loaded


if __name__ == "__main__":
    sys.exit(run_main("sink", SinkSettings, serve))
