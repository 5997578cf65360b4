"""Tells open pages over server-sent events that something changed; they fetch it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field

from fastapi.responses import StreamingResponse

from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.http.problems import HttpProblem

# A quiet stream says so, or proxies would cut it and browsers would not notice a dead connection.
HEARTBEAT_SECONDS = 15.0
# One person's streams. A forgotten script that opens streams must not take everybody's.
MOST_OF_ONE = 20
# Asked again after this many seconds by a page that found no place for a stream.
RETRY_AFTER = "15"


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    subject: str
    may: Callable[[str], bool]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class LivePages:
    """The open pages of a service that are told of changes: at most `most` streams, each of one of
    `what` (boards, browsers). A page works without a stream, too, and may ask again later.
    """

    def __init__(self, clock: Clock, *, most: int, what: str) -> None:
        self._clock = clock
        self._most = most
        self._what = what
        self._listeners: set[_Listener] = set()
        self._is_stopped = False

    @property
    def is_anyone_there(self) -> bool:
        """Whether a page listens."""
        return bool(self._listeners)

    def notify(self, desks: Iterable[str]) -> None:
        """Something changed on `desks`, which is read only while pages listen."""
        if not self._listeners:
            return
        changed = frozenset(desks)
        for listener in self._listeners:
            if any(map(listener.may, changed)):
                listener.woken.set()

    def notify_all(self) -> None:
        """Something changed; nobody knows on which desk."""
        for listener in self._listeners:
            listener.woken.set()

    async def run(self, watch: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Run `watch`, which looks for changes, until `stop`.

        Streams end at once then, or open pages would hold up the stop of the process.
        """
        tasks = {asyncio.ensure_future(watch()), asyncio.ensure_future(stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            self._is_stopped = True
            self.notify_all()

    def response(self, principal: Principal) -> StreamingResponse:
        """Server-sent events: `changed` when something did on one of the principal's desks, `alive`
        as a heartbeat. They carry no data: the page fetches its rows. Ends with the principal's
        session. Raises HttpProblem when there is no place for another stream.
        """
        self._check_room(principal)

        async def events() -> AsyncIterator[str]:
            yield "event: alive\ndata: \n\n"
            async with aclosing(self._stream(principal)) as changes:
                async for has_changed in changes:
                    if self._clock.now() >= principal.expires_at:
                        return
                    yield f"event: {'changed' if has_changed else 'alive'}\ndata: \n\n"

        # Or nginx, for one, keeps events back until a buffer is full.
        unbuffered = {"x-accel-buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=unbuffered)

    def _check_room(self, principal: Principal) -> None:
        own = sum(each.subject == principal.subject for each in self._listeners)
        if len(self._listeners) >= self._most:
            detail = f"as many {self._what} are open as are served live: {self._most}"
        elif own >= MOST_OF_ONE:
            detail = f"you have {own} {self._what} open; close one of them"
        else:
            return
        raise HttpProblem(503, detail, headers={"retry-after": RETRY_AFTER})

    async def _stream(self, principal: Principal) -> AsyncGenerator[bool, None]:
        """True when something has changed, False when nothing has for a while; until the stop."""
        with self._listening(principal) as woken:
            while not self._is_stopped:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await woken.wait()
                # Not whether the wait ended in time: it may be woken as its time runs out.
                has_changed = woken.is_set()
                woken.clear()
                if not self._is_stopped:
                    yield has_changed

    @contextmanager
    def _listening(self, principal: Principal) -> Iterator[asyncio.Event]:
        listener = _Listener(principal.subject, principal.may)
        self._listeners.add(listener)
        try:
            yield listener.woken
        finally:
            self._listeners.discard(listener)
