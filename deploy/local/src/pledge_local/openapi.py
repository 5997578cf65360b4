"""Writes docs/reference/openapi/<service>.json: what each service says of its own HTTP API.

`python -m pledge_local.openapi` writes them, `--check` only reports what has drifted. The services
run for a moment on a database of their own, so that the documents hold what a caller gets, however
a service puts its routes together. Kafka is not needed: HTTP answers before a broker does.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

from pledge.runtime.auth import signing
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings, ServiceSettings, load_settings
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.migrations import migrate, migrations_of
from pledge.runtime.reference.documents import write_or_check
from pledge.runtime.reference.plugins import classes_of_services
from pledge_local.free_port import free_port
from pledge_local.plan import DEPLOY
from pledge_local.ports import HOST
from pledge_local.postgres import UNSAFE_BUT_FAST, Server

FOLDER = Path("docs/reference/openapi")
SECRET = "written down by nobody, needed by nobody"  # noqa: S105  signs nothing that leaves here
ANSWERS_WITHIN = timedelta(seconds=30)
PAUSE = timedelta(milliseconds=50)
# The discard port: nobody is there, which is what we want of a broker here.
NO_BROKER = f"{HOST}:9"

Serve = Callable[..., Coroutine[Any, Any, None]]


class NoAnswer(Exception):
    """A service did not give its API; the text names it."""


def documents(folder: Path) -> dict[str, str]:
    """The text of each service's document, by service; `folder` is for what is needed meanwhile.

    Raises NoAnswer, and what a service raises that can't start.
    """
    server = Server(folder / "postgres", settings=UNSAFE_BUT_FAST)
    with server:
        return asyncio.run(_documents(server, folder))


async def _documents(server: Server, folder: Path) -> dict[str, str]:
    key = folder / "token.key"
    signing.create(key, SystemIds(SystemClock()))
    settings_of = {}
    for service, settings_class in classes_of_services("settings", "Settings"):
        await server.create_service_database(service, service)
        await migrate(server.dsn(service, f"{service}_owner"), migrations_of(service))
        environ = _environment(service, server.dsn(service, service), signing.public_path(key))
        settings_of[service] = load_settings(settings_class, environ)
    texts = await asyncio.gather(*(_ask(*each) for each in settings_of.items()))
    return dict(zip(settings_of, texts, strict=True))


def _environment(service: str, dsn: str, jwks: Path) -> dict[str, str]:
    prefix = f"PLEDGE_{service.upper()}"
    return {
        f"{prefix}_DSN": dsn,
        f"{prefix}_HTTP_PORT": str(free_port()),
        f"{prefix}_KEY": SECRET,
        f"{prefix}_STOP_GRACE": "1",
        "PLEDGE_INTAKE_SMTP_PORT": "0",
        f"{prefix}_PUBLIC_URL": f"http://{service}.example",
        "PLEDGE_SINK_PUBLIC_URL": "http://sink.example",
        "PLEDGE_DESKS": str(DEPLOY / "desks"),
        "PLEDGE_JWKS": str(jwks),
    }


async def _ask(service: str, settings: ServiceSettings) -> str:
    """Run the service until it has answered, and give its document as text."""
    serve: Serve = importlib.import_module(f"{service}.__main__").serve
    clock, stop = SystemClock(), asyncio.Event()
    kafka = KafkaSettings.model_validate({"bootstrap_servers": NO_BROKER})
    serving = asyncio.ensure_future(serve(settings, kafka, clock, SystemIds(clock), stop))
    try:
        url = f"http://{HOST}:{settings.http_port}/openapi.json"
        return _text(await _fetch(service, url, serving, clock))
    finally:
        # Not in order: nothing of this is kept, and a client without a broker stops slowly.
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _fetch(
    service: str, url: str, serving: asyncio.Future[None], clock: SystemClock
) -> Mapping[str, Any]:
    given_up_at = clock.now() + ANSWERS_WITHIN
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        while clock.now() < given_up_at:
            if serving.done():
                await serving
                break
            try:
                answer = await client.get(url)
                document: Mapping[str, Any] = answer.raise_for_status().json()
            except httpx.ConnectError:
                await clock.sleep(PAUSE)
                continue
            return document
    raise NoAnswer(f"{service} did not answer at {url}")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pledge_local.openapi")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on any drift")
    options = parser.parse_args(arguments)
    # What the services log meanwhile (no broker, say) would only stand in between.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="pledge-openapi-") as folder:
        texts = documents(Path(folder))
    files = {FOLDER / f"{service}.json": text for service, text in texts.items()}
    return write_or_check(files, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
