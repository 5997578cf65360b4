"""A real HTTP server that takes webhooks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import FastAPI, Request, Response

from pledge.runtime.http.server import HttpServer


@dataclass(frozen=True, slots=True)
class Posted:
    """One POST that the receiver got."""

    name: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """Takes webhooks at `url` and a name. `answers` are the statuses of the next ones by ticket,
    then it always succeeds; a name in `hold` waits."""

    posts: list[Posted] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)
    url: str = ""
    _server: HttpServer | None = None
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        app = FastAPI()

        @app.post("/webhooks/{name}")
        async def take(name: str, request: Request) -> Response:
            self.posts.append(Posted(name, dict(request.headers), await request.body()))
            if name in self.hold:
                await self.hold[name].wait()
            statuses = self.answers.get(request.headers["ce-subject"])
            return Response(status_code=statuses.pop(0) if statuses else 204)

        self._server = HttpServer(app, "127.0.0.1", 0, grace=timedelta(seconds=1))
        self.url = f"http://127.0.0.1:{self._server.listen()}/webhooks"
        self._task = asyncio.create_task(self._server.run())

    async def stop(self) -> None:
        for gate in self.hold.values():
            gate.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def got(self, name: str) -> list[tuple[str, int]]:
        """The tickets and sequences of what came, in order."""
        return [
            (each.headers["ce-subject"], int(each.headers["ce-sequence"]))
            for each in self.posts
            if each.name == name
        ]
