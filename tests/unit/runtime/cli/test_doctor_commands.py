"""`pledge doctor` on the installation that runs the tests."""

from __future__ import annotations

import json
import zoneinfo
from importlib.metadata import version
from pathlib import Path

import pytest
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


def test_doctor_says_what_times_are_reckoned_with() -> None:
    assert f"tzdata (time zones): {version('tzdata')}\n" in doctor()
    assert f"sla, holidays: {version('holidays')}\n" in doctor()
    assert "read first from" not in doctor()


def test_doctor_names_folders_that_somebody_put_before_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    assert f"time zones are read first from: {tmp_path}\n" in doctor()
