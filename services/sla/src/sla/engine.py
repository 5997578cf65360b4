"""Which `sla.domain` a process runs: the one compiled by mypyc, or its Python sources.

`python -m sla.compile_engine` compiles it. What it makes is used only where it was made from
exactly the sources that lie here, so that an edited file is never hidden by an older compiled one.
Both give the same answers; the compiled one gives them several times faster.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import MutableSequence
from pathlib import Path
from typing import NamedTuple

PURE_VARIABLE = "PLEDGE_PURE"
"""Set to anything but 0, it makes a process run the Python sources."""
LIBRARY = "sla_domain__mypyc"
"""The module with the code of all others, which mypyc puts into one library."""
DOMAIN = Path(__file__).with_name("domain")
COMPILED = Path(__file__).with_name("_compiled") / str(sysconfig.get_config_var("SOABI"))


class Engine(NamedTuple):
    """What was chosen: `reason` says why it is not compiled, empty where it is."""

    is_compiled: bool
    reason: str = ""

    def __str__(self) -> str:
        return "compiled" if self.is_compiled else f"pure Python: {self.reason}"


def choose(search_path: MutableSequence[str]) -> Engine:
    """Let `sla.domain` be imported from its compiled build where there is one that fits.

    `search_path` is where the package `sla` looks for its modules. Called once, before any of them
    is imported.
    """
    if is_pure_wanted():
        return Engine(is_compiled=False, reason=f"{PURE_VARIABLE} is set")
    folder = folder_of(DOMAIN)
    library = library_in(folder)
    if not library.exists():
        is_stale = COMPILED.is_dir() and any(COMPILED.iterdir())
        return Engine(
            is_compiled=False,
            reason="the sources changed since it was compiled"
            if is_stale
            else "it was not compiled",
        )
    try:
        _load(library)
    except ImportError as error:
        return Engine(is_compiled=False, reason=f"the compiled one can't be loaded: {error}")
    search_path.insert(0, str(folder / "sla"))
    return Engine(is_compiled=True)


def is_pure_wanted() -> bool:
    """Whether the environment asks for the Python sources."""
    return os.environ.get(PURE_VARIABLE, "0") not in ("", "0")


def folder_of(domain: Path) -> Path:
    """Where the compiled build of these sources lies, if it was made: its name is their hash."""
    digest = hashlib.sha256()
    for path in sorted(domain.rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(domain)} {len(text)} ".encode())
        digest.update(text)
    return COMPILED / digest.hexdigest()[:24]


def library_in(folder: Path) -> Path:
    """The file with the code of all modules of a build."""
    return folder / f"{LIBRARY}{sysconfig.get_config_var('EXT_SUFFIX')}"


def _load(library: Path) -> None:
    """Import the library, which the modules of the build look for by its name alone."""
    spec = importlib.util.spec_from_file_location(LIBRARY, library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[LIBRARY] = module
