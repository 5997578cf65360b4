"""Closes connections whose request takes too long or whose head is too large.

uvicorn waits without limit for the rest of a request, and takes headers of any length: a few
thousand silent connections would use up all that the process may have.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the connection, or from a request's first byte, to the end of its headers.
HEAD_TIME = timedelta(seconds=20)
# From there to the end of the body: a mebibyte at 17 kB a second.
BODY_TIME = timedelta(seconds=60)
# Several times what browsers send with all their cookies.
MOST_HEAD_BYTES = 64 * 1024


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's protocol, with bounds on the time of a request and on the size of its head."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._head_bytes = 0
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head are counted."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._timer is None and getattr(self.cycle, "response_complete", True):
            self._await_head()  # something came that is no request yet, such as an empty line
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if not self._is_in_head:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Its head is here; the body follows."""
        self._is_in_head = False
        self._start_timer(BODY_TIME)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._stop_timer()
        super().on_message_complete()

    def _await_head(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        self._start_timer(HEAD_TIME)

    def _start_timer(self, lasts: timedelta) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(lasts.total_seconds(), self._close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._timer = None
        self.transport.close()
