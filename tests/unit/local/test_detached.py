"""A stack that is started in the background and fails says why."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from pledge_local.detached import _follow
from pledge_local.home import Home

# What it said stands in its log a while before it has ended: its processes are stopped meanwhile.
RUNNER = """
import sys, time
print("✔ Topics there", flush=True)
print("sla ended with code 2 while starting. Its last lines:", flush=True)
print("  acme/sla.yaml:12:3: there is no `withn`", flush=True)
time.sleep(1)
print("Its whole log is sla.log.", flush=True)
sys.exit(2)
"""


def test_reason_of_a_runner_that_ends_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        runner = subprocess.Popen([sys.executable, "-c", RUNNER], stdout=output)
    shown = io.StringIO()
    status = _follow(runner, Home(tmp_path / "home"), log, Console(file=shown, width=200))
    assert status == 2
    assert shown.getvalue().splitlines() == [
        "✔ Topics there",
        "sla ended with code 2 while starting. Its last lines:",
        "  acme/sla.yaml:12:3: there is no `withn`",
        "Its whole log is sla.log.",
    ]
