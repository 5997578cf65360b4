"""`python -m sla.compile_engine`: compile `sla.domain` with mypyc where its sources changed.

Exit status 0: compiled, or nothing to do, or there is no C compiler here (which it says). Status 1:
mypyc or the C compiler refuses the sources; processes then run the Python sources.
With `--check` mypyc looks at the sources even where there is no C compiler. `--is-used` only tells,
by its exit status, whether a process started like this one runs the compiled engine.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mypyc.build import mypycify
from setuptools import Extension, setup

from sla import ENGINE
from sla.engine import (
    DOMAIN,
    LIBRARY,
    PURE_VARIABLE,
    folder_of,
    is_pure_wanted,
    library_in,
)

GROUP = LIBRARY.removesuffix("__mypyc")
# Without a cache, so that a build depends on nothing but the sources.
OPTIONS = (
    "--strict",
    "--explicit-package-bases",
    "--namespace-packages",
    f"--cache-dir={os.devnull}",
)


def main(arguments: Sequence[str]) -> int:
    """Compile unless it was done. Gives the exit status."""
    if "--is-used" in arguments:
        return 0 if ENGINE.is_compiled else 1
    if is_pure_wanted():
        _say(f"{PURE_VARIABLE} is set: the engine of promises is not compiled")
        return 0
    if library_in(folder_of(DOMAIN)).exists():
        return 0
    missing = missing_tool()
    if missing is not None:
        _say(f"{missing}, so the engine of promises is not compiled: it runs as Python, slower")
        if "--check" not in arguments:
            return 0
    _say(f"Compiling the engine of promises, a minute or less ({PURE_VARIABLE}=1 leaves it out)")
    with tempfile.TemporaryDirectory(prefix="pledge-compile-") as work:
        try:
            compile_in(Path(work), with_compiler=missing is None)
        except SystemExit as error:
            _say(f"The engine of promises can't be compiled, its Python sources run: {error.code}")
            return 1
        if missing is None:
            _keep(Path(work))
    return 0


def missing_tool() -> str | None:
    """What compiling needs and this machine lacks, in words."""
    compiler = (os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc")).split()[0]
    if shutil.which(compiler) is None:
        return f"There is no C compiler ({compiler}) here"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        return "Python's C headers are not here (on Debian and Ubuntu: python3-dev)"
    return None


def compile_in(work: Path, *, with_compiler: bool) -> None:
    """Compile a copy of the sources, so that an edit meanwhile does no harm. Raises SystemExit."""
    sources = work / "sla"
    sources.mkdir()
    (sources / "__init__.py").touch()
    (sources / "py.typed").touch()
    shutil.copytree(DOMAIN, sources / "domain", ignore=shutil.ignore_patterns("__pycache__"))
    with contextlib.chdir(work):
        files = sorted(str(path) for path in Path("sla/domain").rglob("*.py"))
        extensions = _generate(files)
        if with_compiler:
            _run_compiler(extensions)


def _generate(files: list[str]) -> list[Extension]:
    """Make C of the sources. What mypyc says is shown only where it refuses them."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return mypycify([*OPTIONS, *files], group_name=GROUP, debug_level="0")
    except SystemExit:
        sys.stderr.write(said.getvalue())
        raise


def _run_compiler(extensions: list[Extension]) -> None:
    setup(
        name="sla-domain",
        packages=[],
        ext_modules=extensions,
        script_args=["--quiet", "build_ext", "--build-lib", "lib", "--build-temp", "objects"],
    )


def _keep(work: Path) -> None:
    """Put the build to its place, in one step, and remove those of other sources."""
    place = folder_of(work / "sla" / "domain")
    place.parent.mkdir(parents=True, exist_ok=True)
    for other in place.parent.iterdir():
        shutil.rmtree(other, ignore_errors=True)
    new = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    shutil.copytree(work / "lib", new, dirs_exist_ok=True)
    new.chmod(0o755)
    new.rename(place)


def _say(text: str) -> None:
    sys.stderr.write(f"• {text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
