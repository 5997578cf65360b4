"""Child processes that write to a log file and never outlive us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from pledge.runtime.clock import SystemClock

GUARD = Path(__file__).with_name("guard.py")
POLL_SECONDS = 0.02

# The kernel means "the thread that started it" by a parent's death. This one lives as long as we
# do, so that a child may be started from any thread.
_starter = ThreadPoolExecutor(1, thread_name_prefix="starter")


class Child:
    """One running program. Its output is appended to the file `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        identity: str = "-",
        on_death_of_parent: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start `command`. `identity` is explained in `pledge_local.guard`."""
        self.name = name
        self.log = log
        guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid())]
        full = [*guard, str(int(on_death_of_parent)), identity, *map(str, command)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = _starter.submit(
                subprocess.Popen,
                full,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=None if environment is None else dict(environment),
                # Ctrl-C in a terminal goes to a whole group: ours stops its children in order.
                start_new_session=True,
            ).result()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        return self._process.poll()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the program to end. Does nothing when it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False when it still runs after `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the program to end, and kill it with all its children when it takes too long."""
        self.terminate(number)
        if not self.wait(seconds):
            self.kill()

    def kill(self) -> None:
        """End the program and all its children at once, as a power cut would, and wait for it."""
        family = descendants(self.pid)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for child in family:
            with suppress(psutil.NoSuchProcess):  # it went with its parent
                child.kill()
        still_there(family, 10)

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of its log."""
        return last_lines(self.log, count)


def still_there(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for the end of `processes`; gives those that still run after `seconds`."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while left := [process for process in processes if not _has_ended(process)]:
        if clock.monotonic() > deadline:
            break
        pause()
    return left


def _has_ended(process: psutil.Process) -> bool:
    try:
        # What is left until somebody asks how it ended is no process any more. In a container
        # nobody may ever ask, and psutil would wait for that.
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def descendants(pid: int) -> list[psutil.Process]:
    """The processes below `pid`; none when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def last_lines(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log file, of its last 64 KiB; none when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-count:]


def pause() -> None:
    """Wait a moment between two looks at a starting program."""
    time.sleep(POLL_SECONDS)
