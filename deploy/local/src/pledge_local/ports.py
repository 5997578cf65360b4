"""Which port is whose, and whether it is free."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from pledge_local.errors import LocalError

DEFAULT_BASE = 8100
HOST = "127.0.0.1"
SERVICES = ("intake", "sla", "notify", "status")
NAMES = ("sink", *SERVICES, "intake smtp", "sink smtp", "kafka", "kafka controller")


@dataclass(frozen=True, slots=True)
class Ports:
    """Nine ports in a row, from `base`."""

    base: int

    def of(self, name: str) -> int:
        """The port of one of NAMES."""
        return self.base + NAMES.index(name)

    def url(self, name: str) -> str:
        """The address of an HTTP server."""
        return f"http://{HOST}:{self.of(name)}"

    def address(self, name: str) -> str:
        """`host:port` of any server."""
        return f"{HOST}:{self.of(name)}"

    def are_free(self, names: Iterable[str]) -> bool:
        """Whether somebody could listen on the ports of all `names`."""
        return all(_is_free(self.of(name)) for name in names)

    def check_free(self, names: Iterable[str]) -> None:
        """Raise LocalError unless somebody could listen on the ports of `names`."""
        taken = [(name, self.of(name)) for name in names if not _is_free(self.of(name))]
        if not taken:
            return
        listeners = "; ".join(f"port {port} (for {name}) {_listener(port)}" for name, port in taken)
        raise LocalError(
            f"Ports are taken: {listeners}.",
            "Stop what listens there, or choose others, for example with"
            f" --port-base {self._free_base(names)}.",
        )

    def _free_base(self, names: Iterable[str]) -> int:
        wanted = list(names)
        for base in range(self.base + 100, 65_000, 100):
            if Ports(base).are_free(wanted):
                return base
        return 20_000


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As servers do, so that connections that are just closing don't count as a listener.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True


def _listener(port: int) -> str:
    """Who listens on `port`, as far as we may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            is_here = connection.laddr and connection.laddr.port == port
            if is_here and connection.status == psutil.CONN_LISTEN and connection.pid:
                process = psutil.Process(connection.pid)
                return f"by {process.name()}, process {connection.pid}"
    except psutil.Error:
        pass  # the system does not say who; the port is taken all the same
    return "by another program"
