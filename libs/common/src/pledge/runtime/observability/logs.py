"""Structured logs: one JSON object a line on stdout, or coloured lines for a person's terminal.

Ids that belong to everything said in a task (event, desk, ticket, request) are bound once with
`bound(...)`. What other libraries log through `logging` comes out in the same form.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, Processor

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.instants import utc_text
from pledge.runtime.observability import tracing

Logger = structlog.stdlib.BoundLogger

LONGEST_VALUE = 2_000
LONGEST_TRACE = 20_000
_TRACES = ("exception", "stack")
_SECRET_NAMES = re.compile(
    r"(password|passwd|secret|token|authorization|cookie|api_?key|private_?key|dsn)$", re.I
)
_SECRET_VALUES = (
    # A JWT, and the password in a URL.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "[token]"),
    (re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@"), r"\1:[secret]@"),
)
# They say a line for each request or connection that we log better ourselves.
_QUIET = (
    "httpx",
    "httpcore",
    "uvicorn",
    "uvicorn.access",
    "uvicorn.error",
    "aiosmtpd",
    "mail.log",
    "asyncio",
)


def configure(
    service: str,
    level: str = "info",
    *,
    style: Literal["json", "console"] = "json",
    clock: Clock | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to `stream` (stdout), from `level` up, in `style`.

    Calling it again replaces what was configured before.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _Stamp(service, clock or SystemClock()),
        _add_trace,
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _replace_handlers(shared, style, stream or sys.stdout)
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get(name: str) -> Logger:
    """The logger of the module `name`; use `log.info("what_happened", key=value)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Add `values` (desk=…, ticket=…, event_id=…) to every line said inside, in this task.

    The name `event` is taken: it is what a line says.
    """
    with bound_contextvars(**values):
        yield


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of a line, by the name of a value and by its look, and cut what is long."""
    for key, value in event.items():
        if _SECRET_NAMES.search(key) and value is not None:
            event[key] = "[secret]"
        elif isinstance(value, str):
            event[key] = clean(value, LONGEST_TRACE if key in _TRACES else LONGEST_VALUE)
    return event


def clean(text: str, longest: int = LONGEST_VALUE) -> str:
    """`text` without the secrets that are known by their look, cut at `longest` characters."""
    # Cut first, by more than enough, so that searching a huge text costs nothing.
    is_cut = len(text) > longest
    text = text[: 2 * longest]
    for pattern, replacement in _SECRET_VALUES:
        text = pattern.sub(replacement, text)
    return text[:longest] + "…" if is_cut else text


def _replace_handlers(
    shared: list[Processor], style: Literal["json", "console"], stream: TextIO
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                *_renderers(style),
            ],
        )
    )
    logging.getLogger().handlers[:] = [handler]


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if (trace := tracing.current()) is not None:
        event.setdefault("trace_id", f"{trace.trace_id:032x}")
        event.setdefault("span_id", f"{trace.span_id:016x}")
    return event


def _renderers(style: Literal["json", "console"]) -> list[Processor]:
    if style == "console":
        is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        # The pretty tracebacks show local variables, secrets among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=is_coloured, exception_formatter=plain)]
    return [
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]


class _Stamp:
    """Adds the instant (UTC) and the service to a line."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        event["time"] = utc_text(self._clock.now())
        event["service"] = self._service
        return event
