from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from pledge.runtime.observability import logs, tracing
from pledge.runtime.testing import SeededIds, VirtualClock
from support.tokens import START, Signer


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("sla", "info", clock=VirtualClock(START), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_says_when_who_and_what(stream: io.StringIO) -> None:
    logs.get("sla.timers").info("timer_fired", ticket="VIR-1", late_by=0.25)
    assert lines(stream) == [
        {
            "time": "2026-03-01T12:00:00.000Z",
            "service": "sla",
            "level": "info",
            "logger": "sla.timers",
            "message": "timer_fired",
            "ticket": "VIR-1",
            "late_by": 0.25,
        }
    ]


def test_ids_that_are_bound_stand_on_every_line_inside(stream: io.StringIO) -> None:
    log = logs.get("x")
    with logs.bound(event_id="e-1", desk="demo"):
        log.info("inside")
        logging.getLogger("library.consumer").warning("library %s", "line")
    log.info("outside")
    inside, library, outside = lines(stream)
    assert (inside["event_id"], inside["desk"]) == ("e-1", "demo")
    assert (library["message"], library["desk"]) == ("library line", "demo")
    assert "desk" not in outside


def test_lines_inside_a_span_name_it(stream: io.StringIO) -> None:
    ids = SeededIds(VirtualClock(START), 1)
    with tracing.within(None, "work", ids) as span:
        logs.get("x").info("inside")
    assert lines(stream)[0]["trace_id"] == f"{span.trace_id:032x}"


def test_levels_below_the_one_asked_for_are_left_out(stream: io.StringIO) -> None:
    logs.get("x").debug("no")
    logging.getLogger("httpx").info("no")
    logging.getLogger("uvicorn.error").info("no")
    assert lines(stream) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "hunter2"),
        ("sasl_password", "hunter2"),
        ("Authorization", "Bearer hunter2"),
        ("dsn", "postgresql://a:hunter2@b/c"),
        ("url", "postgresql://a:hunter2@b/c"),
        ("error", "can't connect to https://user:hunter2@example.com/x"),
        ("signing_secret", b"hunter2"),
        ("session_token", {"a": "hunter2"}),
    ],
)
def test_secrets_do_not_reach_the_log(stream: io.StringIO, name: str, value: object) -> None:
    logs.get("x").info("said", **{name: value})
    assert "hunter2" not in stream.getvalue()


def test_tokens_in_any_text_do_not_reach_the_log(stream: io.StringIO) -> None:
    token = Signer().token()
    logs.get("x").info(f"got {token}", detail=f"bad: {token}.")
    assert token.split(".")[2] not in stream.getvalue()
    assert "bad: [token]" in lines(stream)[0]["detail"]


def test_secret_in_an_exception_does_not_reach_the_log(stream: io.StringIO) -> None:
    try:
        raise ConnectionError("postgresql://a:hunter2@b/c is away")
    except ConnectionError:
        logs.get("x").exception("failed")
    told = lines(stream)[0]
    assert "hunter2" not in stream.getvalue()
    assert "ConnectionError" in told["exception"]


def test_line_breaks_of_strangers_forge_no_line(stream: io.StringIO) -> None:
    logs.get("x").info("mail", subject='hi\n{"level": "info", "message": "forged"}\r\x1b[31m')
    assert len(lines(stream)) == 1


def test_long_values_are_cut(stream: io.StringIO) -> None:
    logs.get("x").info("mail", subject="x" * 100_000)
    assert len(stream.getvalue()) < 3000


def test_values_of_any_type_are_written(stream: io.StringIO) -> None:
    logs.get("x").info("odd", value={START}, lone="\ud800")
    assert "2026" in str(lines(stream)[0]["value"])


def test_configuring_again_doubles_nothing(stream: io.StringIO) -> None:
    logs.configure("sla", "info", clock=VirtualClock(START), stream=stream)
    logs.get("x").info("once")
    assert len(lines(stream)) == 1


def test_console_style_is_for_people_and_shows_no_local_variables() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("sla", "info", style="console", clock=VirtualClock(START), stream=stream)
    hidden = "hunter2"
    try:
        raise ValueError(f"wrong: {len(hidden)}")
    except ValueError:
        logs.get("x").exception("failed", ticket="VIR-1")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    text = stream.getvalue()
    assert "ticket=VIR-1" in text
    assert "wrong: 7" in text
    assert "hidden = " not in text
    assert "\x1b[" not in text
