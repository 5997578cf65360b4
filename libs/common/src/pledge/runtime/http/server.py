"""Serves an ASGI application in the event loop of the service's other workers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from datetime import timedelta

import uvicorn
from starlette.types import ASGIApp

from pledge.runtime.http.slow_clients import GuardedHttp

# An idle keep-alive connection is closed after this.
KEEP_ALIVE = timedelta(seconds=20)


class CannotListen(Exception):
    """The address can't be listened on: the message says why and what to do."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's."""
        yield


class HttpServer:
    """Serves `app` on `host`:`port` (0: any free one) until cancelled or stopped.

    On the way out no new connection is taken, and answers under way have `grace` to finish.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, *, grace: timedelta = timedelta(seconds=5)
    ) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._server = _Server(
            uvicorn.Config(
                app,
                # How many connections there may be is the system's to bound (`ulimit -n`):
                # `limit_concurrency` would refuse the probes, too.
                http=GuardedHttp,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=int(KEEP_ALIVE.total_seconds()),
                timeout_graceful_shutdown=max(1, int(grace.total_seconds())),
            )
        )

    @property
    def port(self) -> int:
        """The port listened on; before `listen`, the one asked for."""
        return self._port

    def listen(self) -> int:
        """Take the address, without answering yet, and give the port. Raises CannotListen."""
        if self._socket is None:
            try:
                self._socket = _bind(self._host, self._port)
            except (OSError, OverflowError) as error:
                raise CannotListen(_explain(self._host, self._port, error)) from error
            self._port = int(self._socket.getsockname()[1])
        return self._port

    async def run(self) -> None:
        """Serve until cancelled or until `stop`. Raises CannotListen."""
        self.listen()
        assert self._socket is not None
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:  # asked twice: at once
                self._server.force_exit = True
                await serving
            raise

    def stop(self) -> None:
        """Let `run` finish the answers under way and return."""
        self._server.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # From here on a second process is refused, not just once uvicorn has started.
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(host: str, port: int, error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken by another program: stop that one, or set this "
            "service's …_HTTP_PORT to a free port"
        )
    if code == errno.EACCES:
        return f"port {port} needs more rights than this process has; use one from 1024 up"
    if code == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine; set this service's …_HTTP_HOST"
    return f"can't listen on {host}:{port}: {error}"
