"""Which engine a process runs: the compiled one only where it was made from these very sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sla
from sla import compile_engine, engine

# Imports what there is of the package in the working directory, and shows where it came from.
LOOK = """
import sys; sys.path.insert(0, ".")
import sla, sla.domain.numbers
print(sla.ENGINE); print(sla.domain.numbers.__file__); print(sla.domain.numbers.twice(21))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that chooses as ours does, with a domain of three lines."""
    folder = tmp_path / "sla"
    (folder / "domain").mkdir(parents=True)
    for name in ("__init__.py", "engine.py", "compile_engine.py"):
        shutil.copy(Path(str(engine.__file__)).with_name(name), folder / name)
    (folder / "domain" / "__init__.py").write_text('"""A domain."""\n')
    write(folder, "number * 2")
    return tmp_path


def write(folder: Path, result: str) -> None:
    text = f"def twice(number: int) -> int:\n    return {result}\n"
    (folder / "domain" / "numbers.py").write_text(text)


def run(package: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(package), **environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def look(package: Path, **environ: str) -> list[str]:
    shown = run(package, "-c", LOOK, **environ)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.splitlines()


@pytest.mark.skipif(
    compile_engine.missing_tool() is not None, reason=str(compile_engine.missing_tool())
)
def test_compiled_engine_is_used_until_a_source_changes_and_not_where_pure_is_asked_for(
    package: Path,
) -> None:
    assert look(package)[0] == "pure Python: it was not compiled"
    made = run(package, "-m", "sla.compile_engine")
    assert made.returncode == 0, made.stderr
    said, file, answer = look(package)
    assert (said, answer) == ("compiled", "42")
    assert file.endswith(".so")
    assert look(package, PLEDGE_PURE="1")[0] == "pure Python: PLEDGE_PURE is set"
    assert look(package, PLEDGE_PURE="0")[0] == "compiled"

    write(package / "sla", "number * 3")
    said, file, answer = look(package)
    assert said == "pure Python: the sources changed since it was compiled"
    assert file.endswith("numbers.py")
    assert answer == "63"

    assert run(package, "-m", "sla.compile_engine").returncode == 0
    assert look(package)[::2] == ["compiled", "63"]
    assert run(package, "-m", "sla.compile_engine").stderr == ""  # nothing to do

    library = next((package / "sla").rglob("sla_domain__mypyc*"))
    library.write_bytes(b"of another machine")
    said, file, answer = look(package)
    assert said.startswith("pure Python: the compiled one can't be loaded: ")
    assert file.endswith("numbers.py")


def test_sources_that_mypyc_refuses_are_named_and_run_as_python(package: Path) -> None:
    write(package / "sla", "str(number)")
    refused = run(package, "-m", "sla.compile_engine", "--check")
    assert refused.returncode == 1
    assert "numbers.py:2: error" in refused.stderr
    assert "its Python sources run" in refused.stderr
    assert look(package)[::2] == ["pure Python: it was not compiled", "21"]


def test_without_a_compiler_it_says_so_and_all_runs(package: Path) -> None:
    made = run(package, "-m", "sla.compile_engine", CC="no-such-compiler")
    assert made.returncode == 0
    assert "There is no C compiler (no-such-compiler) here" in made.stderr
    assert look(package)[0] == "pure Python: it was not compiled"


def test_process_runs_what_it_says() -> None:
    from sla.domain import values

    assert str(values.__file__).endswith(".py") is not sla.ENGINE.is_compiled
    assert bool(sla.ENGINE.reason) is not sla.ENGINE.is_compiled
