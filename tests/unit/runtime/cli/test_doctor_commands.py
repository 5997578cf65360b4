"""`pledge doctor` on the installation that runs the tests."""

from __future__ import annotations

import json

from typer.testing import CliRunner

import sla
from pledge.runtime.cli import root


def doctor(*options: str) -> str:
    result = CliRunner().invoke(root.build(["doctor"]), ["doctor", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_doctor_says_which_engine_of_promises_runs() -> None:
    assert f"sla, engine of promises: {sla.ENGINE}\n" in doctor()
    assert json.loads(doctor("--json"))["sla, engine of promises"] == str(sla.ENGINE)
