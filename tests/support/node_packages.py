"""What tests take from npm: the packages of `tests/support/node`, pinned by its lock file."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

from support.cluster import ROOT

SOURCE = Path(__file__).parent / "node"
LONGEST = 300.0


class NoPackages(Exception):
    """They can't be had here: says why."""


@cache
def node_packages() -> Path:
    """The folder that `node_modules` is in, installed once for a lock file. Raises NoPackages."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoPackages("node and npm are not on PATH")
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = ROOT / ".venv" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)  # until the file is closed
        done = folder / ".installed"
        if not done.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCE / name, folder / name)
            _install(npm, folder)
            done.touch()
    return folder


def _install(npm: str, folder: Path) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=LONGEST)
    except subprocess.TimeoutExpired as error:
        raise NoPackages(f"npm did not end within {LONGEST:g} s") from error
    if done.returncode:
        raise NoPackages(f"npm can't install: {done.stderr.decode(errors='replace')[-300:]}")
