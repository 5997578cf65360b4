"""Where pages arrive: an HTTP server that takes everything and notes when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from pledge.runtime.clock import SystemClock

_ACCEPTED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
CLOCK = SystemClock()


@dataclass(slots=True)
class Receiver:
    """Bodies in the order of their arrival, each with the instant it was accepted."""

    url: str = ""
    accepted: list[tuple[datetime, bytes]] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One sender's connection. It believes only in requests with a content-length."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            size = _content_length(self._read[:end])
            body_end = end + 4 + size
            if len(self._read) < body_end:
                return
            if self._transport is not None:
                self._transport.write(_ACCEPTED)
            self._receiver.accepted.append((CLOCK.now(), self._read[end + 4 : body_end]))
            self._read = self._read[body_end:]


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(receiver), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/page"
    async with server:
        yield receiver
