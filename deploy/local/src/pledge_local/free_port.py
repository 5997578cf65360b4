"""A TCP port for a process that is started here, and which port does not matter."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from functools import lru_cache
from pathlib import Path

# Below the ports that Linux, macOS and Windows give to outgoing connections: one of those may be
# taken between being found and being listened on.
_PORTS = range(15_000, 32_000)
# Processes begin to look apart from each other.
_STRIDE = 257
_taken: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that no other caller is given while this
    process runs. Raises OSError when there is none."""
    for step in range(len(_PORTS)):
        port = _PORTS[(os.getpid() * _STRIDE + step) % len(_PORTS)]
        if port not in _taken and _is_free(port) and _is_reserved(port):
            _taken.add(port)
            return port
    raise OSError(f"no free port between {_PORTS.start} and {_PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            return False
    return True


def _is_reserved(port: int) -> bool:
    """Whether this process has the port now, among all that ask here: a lock on its byte."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@lru_cache(maxsize=1)
def _reservations() -> int:
    """The file whose bytes are locked, open as long as the process runs."""
    path = Path(tempfile.gettempdir()) / f"pledge-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
