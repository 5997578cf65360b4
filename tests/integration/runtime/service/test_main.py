"""A service's process from the outside: how it starts, refuses to, and stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, sys
from pathlib import Path
from asyncpg import InsufficientPrivilegeError
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.http.server import CannotListen
from pledge.runtime.service.main import run_main
from pledge.runtime.config.settings import ServiceSettings

class DemoSettings(ServiceSettings):
    env_prefix = "PLEDGE_DEMO_"
    mode: str = "serve"

async def serve(settings, kafka, clock, ids, stop):
    if settings.mode == "port":
        raise CannotListen("port 8101 on 127.0.0.1 is taken")
    if settings.mode == "desk":
        problem = Problem(Path("demo/sla.yaml"), 3, 1, "`target` is not known here")
        raise DeskFileError([problem])
    if settings.mode == "grant":
        raise ExceptionGroup("timers", [InsufficientPrivilegeError("permission denied for outbox")])
    if settings.mode == "fail":
        raise RuntimeError("what nobody expected")
    print("serving", flush=True)
    await stop.wait()

sys.exit(run_main("demo", DemoSettings, serve))
"""

GOOD = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "PLEDGE_DEMO_DSN": "postgresql://demo",
    "PLEDGE_JWKS": "jwks.json",
    "PATH": "/usr/bin:/bin",
}


def run(**environ: str) -> tuple[int, str, str]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environ,
        timeout=60,
    )  # fmt: skip
    return result.returncode, result.stdout, result.stderr


def test_missing_settings_of_the_service_are_listed_on_standard_error() -> None:
    status, out, err = run(PATH="/usr/bin:/bin")
    assert status == 2
    assert out == ""
    assert err.startswith("demo: the configuration is not complete:\n  PLEDGE_DEMO_DSN: is not set")
    assert "PLEDGE_JWKS: is not set" in err
    assert "KAFKA_BOOTSTRAP_SERVERS: is not set" in err
    assert "Traceback" not in err


def test_what_the_operator_can_mend_is_one_line() -> None:
    for mode, reason in (
        ("port", "port 8101 on 127.0.0.1 is taken"),
        ("desk", "demo/sla.yaml:3:1: `target` is not known here"),
    ):
        status, out, err = run(**GOOD, PLEDGE_DEMO_MODE=mode)
        (line,) = [json.loads(text) for text in out.splitlines()]
        assert status == 2
        assert (line["level"], line["reason"]) == ("critical", reason)
        assert err == ""


def test_what_the_deployment_lacks_is_said_with_what_to_do() -> None:
    status, out, err = run(**GOOD, PLEDGE_DEMO_MODE="grant")
    line = json.loads(out.splitlines()[-1])
    assert status == 2
    assert (line["level"], line["message"]) == ("critical", "service_cannot_run")
    assert line["reason"].startswith("permission denied for outbox: a grant is missing")
    assert "pledge migrate" in line["reason"]
    assert err == ""


def test_what_nobody_expected_is_logged_with_its_trace() -> None:
    status, out, err = run(**GOOD, PLEDGE_DEMO_MODE="fail")
    line = json.loads(out.splitlines()[-1])
    assert status == 1
    assert "RuntimeError: what nobody expected" in line["exception"]
    assert err == ""


def test_misspelt_setting_is_warned_about() -> None:
    _, out, _ = run(**GOOD, PLEDGE_DEMO_MODE="port", PLEDGE_DEMO_POOLSIZE="3")
    assert "did you mean PLEDGE_DEMO_POOL_SIZE?" in out


def test_sigterm_stops_the_service_in_order(tmp_path: Path) -> None:
    for asked in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=GOOD,
            cwd=tmp_path,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        process.send_signal(asked)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert json.loads(out.splitlines()[-1])["message"] == "service_stopped"
