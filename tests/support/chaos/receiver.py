"""Receives pages as a pager would, sometimes failing, and remembers every call."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

# Of so many calls one is recorded and answered with an error, and one is not answered at all.
FAILS_EVERY = 11
HANGS_UP_EVERY = 17


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the webhook, whether or not it was answered well."""

    webhook_id: str
    body: bytes
    is_signed: bool
    was_accepted: bool

    @property
    def page(self) -> dict[str, Any]:
        """Its JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content


class Receiver:
    """Listens on a port of its own, in threads of its own, until closed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.secret: str | None = None
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = receiver.record(dict(self.headers.items()), body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        class Threads(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A caller that is killed in the middle of a call is what these tests are about."""

        self._server = Threads(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def record(self, headers: dict[str, str], body: bytes) -> int | None:
        """Record a call; gives the status to answer with, or None to hang up."""
        lowered = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            count = len(self.calls) + 1
            is_refused = count % FAILS_EVERY == 0
            is_hung_up = count % HANGS_UP_EVERY == 0
            self.calls.append(
                Call(
                    webhook_id=lowered.get("webhook-id", ""),
                    body=body,
                    is_signed=self._is_signed(lowered, body),
                    was_accepted=not (is_refused or is_hung_up),
                )
            )
        if is_hung_up:
            return None
        return 503 if is_refused else 204

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        if self.secret is None:
            return False
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
