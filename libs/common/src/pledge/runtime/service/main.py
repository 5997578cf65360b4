"""What every service's `__main__` does: reads settings, sets up logs, serves until a signal."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.config.settings import (
    KafkaSettings,
    ServiceSettings,
    SettingProblem,
    SettingsError,
    load_settings,
    misspelt,
)
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.http.server import CannotListen
from pledge.runtime.ids import Ids, SystemIds
from pledge.runtime.observability import logs
from pledge.runtime.postgres.errors import Fault, rule_for
from pledge.runtime.postgres.migrations import SchemaMismatch
from pledge.runtime.service.supervisor import stop_on_signals

S = TypeVar("S", bound=ServiceSettings)
Serve = Callable[[S, KafkaSettings, Clock, Ids, asyncio.Event], Awaitable[None]]

STOPPED = 0
FAILED = 1
MISCONFIGURED = 2
# Their message is enough for the operator: no trace is logged.
EXPLAINED = (CannotListen, SchemaMismatch, SettingsError, DeskFileError)

log = logs.get(__name__)


def run_main(service: str, settings: type[S], serve: Serve[S]) -> int:
    """Run `serve` with the settings of the environment until SIGTERM or SIGINT.

    Gives the exit status: 0 stopped as asked, 1 failed, 2 misconfigured. Errors whose message
    says what to do become one line instead of a trace.
    Use it as `sys.exit(run_main("sla", SlaSettings, serve))`.
    """
    try:
        service_settings, kafka = _read(settings)
    except SettingsError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return MISCONFIGURED
    clock = SystemClock()
    logs.configure(
        service, service_settings.log_level, style=service_settings.log_format, clock=clock
    )
    for problem in [*misspelt(settings, os.environ), *misspelt(KafkaSettings, os.environ)]:
        log.warning("setting_ignored", problem=str(problem))

    _collect_seldom()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        await serve(service_settings, kafka, clock, SystemIds(clock), stop)

    try:
        uvloop.run(until_stopped())
    except Exception as error:
        return _report(error)
    log.info("service_stopped")
    return STOPPED


def _report(error: Exception) -> int:
    """Log why the service ended; the exit status that goes with it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, EXPLAINED):
        log.critical("service_cannot_run", reason=str(error))
        return MISCONFIGURED
    rule = rule_for(error)
    if rule is not None and rule.fault is Fault.DEPLOYMENT:
        log.critical("service_cannot_run", reason=f"{error}: {rule.reason}", exc_info=error)
        return MISCONFIGURED
    log.critical("service_failed", exc_info=error)
    return FAILED


def _collect_seldom() -> None:
    """Let the cycle collector look less often, and never at what is there from the start.

    Records, rows and tickets make no cycles, and a batch makes thousands of them: at Python's own
    pace the collector takes a fifth of a busy service's time, and holds the event loop for as long
    as it takes to visit all that is cached.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _read(settings: type[S]) -> tuple[S, KafkaSettings]:
    """All settings. Raises SettingsError with the problems of both kinds together."""
    problems: list[SettingProblem] = []
    try:
        found = load_settings(settings)
    except SettingsError as error:
        problems += error.problems
    try:
        kafka = load_settings(KafkaSettings)
        kafka.ssl_context()  # a wrong certificate is a wrong setting, too
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(problems)
    return found, kafka
