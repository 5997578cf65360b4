"""`python -m pledge_local.sink`: take mails and webhooks until told to stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta

import jinja2
from prometheus_client import CollectorRegistry

from pledge.runtime import logs
from pledge.runtime.access import Access
from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.health import Health
from pledge.runtime.http import HttpServer, create_app
from pledge.runtime.ids import SystemIds
from pledge.runtime.metrics import RuntimeMetrics
from pledge.runtime.settings import load_settings
from pledge.runtime.supervisor import stop_on_signals, supervise
from pledge.runtime.watched import WatchedFile
from pledge.runtime.web import Web
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.faults import Faults
from pledge_local.sink.http import Secrets, router
from pledge_local.sink.mail import MailHandler, serve_mail
from pledge_local.sink.settings import SinkSettings


async def serve(settings: SinkSettings, clock: Clock, stop: asyncio.Event) -> None:
    """Take mails and webhooks until `stop` is set. Raises OSError or CannotListen."""
    ids, health = SystemIds(clock), Health(clock)
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
        routers=[router(arrivals, faults, _secrets(settings), web)],
    )
    http = HttpServer(app, settings.http_host, settings.http_port, grace=timedelta(seconds=1))
    mail = await serve_mail(
        MailHandler(arrivals, faults, clock), settings.http_host, settings.smtp_port
    )
    health.started()
    async with mail:
        await supervise({"http": http.run}, stop=stop, grace=settings.stop_grace)


def _secrets(settings: SinkSettings) -> Secrets:
    if settings.secrets is None:
        return dict
    return WatchedFile(settings.secrets, _read_secrets).value


def _read_secrets(content: bytes) -> Mapping[str, str]:
    told: dict[str, str] = json.loads(content)
    return told


async def main() -> None:
    """Serve with the settings of the environment until SIGTERM or SIGINT."""
    settings = load_settings(SinkSettings)
    logs.configure("sink", settings.log_level, style=settings.log_format)
    stop = asyncio.Event()
    stop_on_signals(stop)
    await serve(settings, SystemClock(), stop)


if __name__ == "__main__":
    asyncio.run(main())
