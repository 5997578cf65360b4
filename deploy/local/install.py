"""Makes the virtual environment: `install.py VENV REQUIREMENTS DISTRIBUTION...`.

Runs with whatever Python is at hand, to say so when it is too old, and needs no package. Safe to
run twice at a time: the second one waits for the first.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
ATTEMPTS = 2
PAUSE_SECONDS = 3
INTERRUPTED = 130
# Lines in which pip says that a package is on its way.
PROGRESS = ("Collecting ", "Using cached ", "Downloading ", "Installing ", "Requirement already")


def main(arguments: list[str]) -> None:
    """Install everything, unless another process has just done so."""
    if sys.version_info < OLDEST:
        found = ".".join(str(number) for number in sys.version_info[:3])
        wanted = ".".join(str(number) for number in OLDEST)
        give_up(
            f"This is Python {found}; Pledge needs {wanted} or newer.",
            f"Install it and name it: make PYTHON=python{wanted} …",
        )
    venv, requirements, *distributions = (Path(argument) for argument in arguments)
    with requirements.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_fresh(venv, requirements, distributions):
            install(venv, requirements, distributions)


def is_fresh(venv: Path, requirements: Path, distributions: list[Path]) -> bool:
    """Whether the environment is newer than all that it is made from."""
    stamp = venv / ".installed"
    manifests = [folder / "pyproject.toml" for folder in distributions]
    sources = [requirements, Path(__file__), *manifests]
    return stamp.exists() and all(
        source.stat().st_mtime <= stamp.stat().st_mtime for source in sources
    )


def install(venv: Path, requirements: Path, distributions: list[Path]) -> None:
    """Make the environment and put the locked packages and our distributions into it."""
    python = venv / "bin" / "python"
    # It comes last: an environment whose making was broken off has none.
    if not python.with_name("pip").exists():
        say(f"Making {venv} with Python {sys.version.split()[0]}")
        make_environment(venv)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
    count = sum(1 for line in requirements.read_text().splitlines() if "==" in line)
    say(f"Installing {count} packages, each checked by its hash")
    with_retry([*pip, "--require-hashes", "--no-deps", "-r", str(requirements)], count)
    say("Installing Pledge's own distributions")
    own = [word for folder in distributions for word in ("-e", str(folder))]
    with_retry([*pip, "--no-deps", "--no-build-isolation", *own], len(distributions))
    (venv / ".installed").touch()


def make_environment(venv: Path) -> None:
    """Run Python's venv module, which some systems ship as a package of its own."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        last = (made.stderr or made.stdout).strip().splitlines()[-1:]
        give_up(
            f"Python can't make a virtual environment here: {' '.join(last)}",
            "On Debian and Ubuntu: apt install python3-venv. Or check that the folder is writable.",
        )


def with_retry(command: list[str], count: int) -> None:
    """Run pip, a second time if it fails, since a network may fail for a moment."""
    for attempt in range(1, ATTEMPTS + 1):
        lines = run_shown(command, count)
        if lines is None:
            return
        if attempt < ATTEMPTS:
            say("It failed; trying once more")
            time.sleep(PAUSE_SECONDS)
    sys.stderr.write("".join(f"  {line}\n" for line in lines[-12:]))
    give_up(
        "The packages could not be installed; the lines above say why.",
        "Check the network and pip's settings (pip config list), and run the same again.",
    )


def run_shown(command: list[str], count: int) -> list[str] | None:
    """Run pip and show how far it is. Gives what it said if it failed, else None."""
    is_terminal = sys.stderr.isatty()
    lines = []
    collected = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                collected += line.startswith(("Collecting ", "Requirement already"))
                if is_terminal and line.strip().startswith(PROGRESS):
                    shown = f"  [{min(collected, count)}/{count}] {line.strip()}"
                    sys.stderr.write(f"\r\x1b[K{shown[:78]}")
                    sys.stderr.flush()
        except KeyboardInterrupt:
            # A Ctrl-C that comes between the fork and the start of pip does not reach pip.
            process.terminate()
            raise
    if is_terminal:
        sys.stderr.write("\r\x1b[K")
    return lines if process.returncode else None


def say(text: str) -> None:
    """Tell the person what happens now."""
    sys.stderr.write(f"• {text}\n")
    sys.stderr.flush()


def give_up(problem: str, remedy: str) -> None:
    """Say what is wrong and what to do, and end."""
    sys.stderr.write(f"{problem}\n{remedy}\n")
    sys.exit(2)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        say("Stopped. The same command goes on from here.")
        sys.exit(INTERRUPTED)
