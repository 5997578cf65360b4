"""Nothing that a test runs in the background outlives the test, not even one that is killed.

Run as a script with a folder and a pipe from the test's process as standard input: when the pipe
closes, at the end of the test or with its process, whatever runs a stack in that folder is stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pledge_local.processes import still_there

STOPS_WITHIN = 60


@contextmanager
def nothing_outlives(folder: Path) -> Iterator[None]:
    """Stop the stack in `folder` at the end of the block, or when this process is gone."""
    command = [sys.executable, "-I", __file__, str(folder)]
    # Of a session of its own: what ends the tests as a group leaves it at its work.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield


def runners(folder: str) -> list[psutil.Process]:
    """Who starts or runs a stack in `folder`; its other processes end with them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if "pledge_local" in words and folder in words and process.pid != os.getpid():
                found.append(process)
    return found


def main(folder: str) -> None:
    """Wait for the end of the pipe, then stop everything."""
    sys.stdin.buffer.read()
    # Again, until there is none: one that starts in the background is a process at first, then two.
    while found := runners(folder):
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in still_there(found, STOPS_WITHIN):
            with suppress(psutil.NoSuchProcess):
                process.kill()


if __name__ == "__main__":
    main(sys.argv[1])
