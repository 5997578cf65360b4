"""Setting up says what is missing, whatever Python it is run with."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "local" / "install.py"


@pytest.fixture
def install() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_python_that_is_too_old_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], install: dict[str, Any]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit) as end:
        install["main"]([".venv", "requirements.txt"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "This is Python 3.9.2; Pledge needs 3.11 or newer." in said
    assert "make PYTHON=python3.11" in said


def test_python_without_venv_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    install: dict[str, Any],
    tmp_path: Path,
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ensurepip is not available.' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SystemExit) as end:
        install["make_environment"](tmp_path / "venv")
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "ensurepip is not available" in said
    assert "apt install python3-venv" in said
    assert not (tmp_path / "venv").exists()


def test_failing_pip_is_tried_twice_and_its_last_words_are_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    install: dict[str, Any],
    tmp_path: Path,
) -> None:
    count = tmp_path / "count"
    command = ["sh", "-c", f"echo again >> {count}; echo 'ERROR: no route to host'; exit 1"]
    monkeypatch.setitem(
        install["with_retry"].__globals__, "time", SimpleNamespace(sleep=lambda seconds: None)
    )
    with pytest.raises(SystemExit) as end:
        install["with_retry"](command, 1)
    assert end.value.code == 2
    assert count.read_text().splitlines() == ["again", "again"]
    assert "no route to host" in capsys.readouterr().err


@pytest.fixture
def half_made(tmp_path: Path) -> Path:
    """An environment whose Python says what it is asked, and never ends when that is pip."""
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    python = programs / "python"
    python.write_text('#!/bin/sh\necho "Collecting $*"\nexec sleep 600\n')
    python.chmod(0o755)
    (tmp_path / "requirements.txt").write_text("")
    return programs


def test_interrupt_while_packages_are_installed_is_no_stack_trace(half_made: Path) -> None:
    (half_made / "pip").touch()
    command = [sys.executable, str(SCRIPT), "venv", "requirements.txt", "."]
    with subprocess.Popen(
        command,
        cwd=half_made.parents[1],
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal does, the signal goes to the whole group.
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert "Installing 0 packages" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "Stopped." in said
    assert "Traceback" not in said


def test_environment_whose_making_was_broken_off_is_made_again(
    monkeypatch: pytest.MonkeyPatch, half_made: Path, install: dict[str, Any]
) -> None:
    made: list[Path] = []
    names = install["install"].__globals__
    monkeypatch.setitem(names, "make_environment", made.append)
    monkeypatch.setitem(names, "with_retry", lambda command, count: None)
    venv = half_made.parent
    install["install"](venv, venv.with_name("requirements.txt"), [])
    assert made == [venv]


def test_environment_is_made_anew_when_a_requirement_changes(
    install: dict[str, Any], tmp_path: Path
) -> None:
    requirements, venv = tmp_path / "requirements.txt", tmp_path / "venv"
    venv.mkdir()
    requirements.write_text("")
    assert not install["is_fresh"](venv, requirements, [])
    (venv / ".installed").touch()
    assert install["is_fresh"](venv, requirements, [])

    later = (venv / ".installed").stat().st_mtime + 10

    os.utime(requirements, (later, later))
    assert not install["is_fresh"](venv, requirements, [])
