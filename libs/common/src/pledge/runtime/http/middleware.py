"""What happens around every HTTP request: its id and trace, its bounds, headers, log line, figures.

Plain ASGI, so that a streamed answer streams.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack, suppress

import asyncpg
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pledge.runtime.clock import Clock
from pledge.runtime.http import problems
from pledge.runtime.ids import Ids
from pledge.runtime.observability import logs, tracing
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.postgres.errors import is_retriable

log = logs.get("pledge.http")

REQUEST_ID = "x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Asked every few seconds by machines; a line for each would hide the others.
_QUIET = ("/livez", "/readyz", "/startupz", "/metrics")
# What PostgreSQL says of a NUL in a text, and in the text of a JSON value.
_UNSTORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # Whoever has something to cache says so.
    "cache-control": "no-store",
}
# A body that is refused for up to so many times its limit is read, for so many seconds.
DRAINED = 4
DRAINED_FOR = 5
HSTS = "max-age=31536000"


class AroundRequests:
    """The outermost layer: nothing gets past it, and no error leaves it but as a problem."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, ids: Ids, metrics: RuntimeMetrics, is_secure: bool
    ) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(self._ids.new())
        scope.setdefault("state", {})["request_id"] = request_id
        with ExitStack() as around:
            parent = tracing.parse(headers.get("traceparent"))
            around.enter_context(tracing.within(parent, "http", self._ids))
            around.enter_context(logs.bound(request_id=request_id))
            await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = self._clock.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(scope=message), request_id)
            await send(message)

        async def refuse(problem: problems.HttpProblem) -> None:
            response = problems.answer(Request(scope, receive), problem)
            await response(scope, receive, send_with_headers)

        try:
            if _holds_nul(scope):
                await refuse(problems.HttpProblem(400, "the address holds a NUL (%00); remove it"))
                return
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            problem = _problem_of(error)
            # A traceback is logged for bugs only.
            say = log.exception if problem.status == 500 else log.warning
            say("request_failed", method=scope["method"], path=_path(scope), error=repr(error))
            if status:
                raise  # too late for an answer: the server closes the connection
            await refuse(problem)
        except asyncio.CancelledError:
            # The server is going down and this answer took too long, as streams do. Its task ends
            # here in any case; ending the stream in an orderly way is kinder than cutting it off.
            with suppress(Exception):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._report(scope, status, self._clock.monotonic() - started)

    def _add_headers(self, headers: MutableHeaders, request_id: str) -> None:
        headers[REQUEST_ID] = request_id
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if self._is_secure:
            headers.setdefault("strict-transport-security", HSTS)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        method = scope["method"] if len(scope["method"]) < 10 else "other"
        self._metrics.answered(method, route or "(none)", status, seconds)
        principal = scope.get("state", {}).get("principal")
        say = log.debug if scope["path"] in _QUIET else log.info
        say(
            "request",
            method=method,
            route=route or _path(scope),
            status=status,
            ms=round(seconds * 1000, 1),
            subject=getattr(principal, "subject", None),
        )


class BoundedBodies:
    """Refuses a body larger than `largest` bytes (or than `by_prefix` says for its path, or for a
    form with files `uploads_by_prefix`): 413."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        largest: int,
        by_prefix: Mapping[str, int],
        uploads_by_prefix: Mapping[str, int],
    ) -> None:
        self._app = app
        self._largest = largest
        self._by_prefix = _longest_first(by_prefix)
        self._uploads_by_prefix = _longest_first(uploads_by_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope["path"], headers.get("content-type", ""))
        declared = headers.get("content-length", "")
        # Its length is looked at first: Python takes long to read a number of many digits.
        is_number = declared.isascii() and declared.isdigit()
        if is_number and (len(declared) > 15 or int(declared) > limit):
            if len(declared) <= 15 and int(declared) <= DRAINED * limit:
                await _drain(receive)
            problem = problems.HttpProblem(413, _too_large(limit), headers={"connection": "close"})
            await problems.answer(Request(scope, receive), problem)(scope, receive, send)
            return
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, _too_large(limit), headers={"connection": "close"})
            return message

        await self._app(scope, receive_bounded, send)

    def _limit(self, path: str, content_type: str) -> int:
        # Only such a form is read piece by piece, with its files on disk.
        is_upload = content_type.lower().startswith("multipart/form-data")
        for limits in (self._uploads_by_prefix if is_upload else {}, self._by_prefix):
            for prefix, limit in limits.items():
                if path.startswith(prefix):
                    return limit
        return self._largest


async def _drain(receive: Receive) -> None:
    """Read what a client sends before it listens, for a while: it would only learn that the
    connection broke, and not why."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_FOR):
            while (await receive()).get("more_body", False):
                pass


def _longest_first(limits: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(limits.items(), key=lambda item: -len(item[0])))


def _holds_nul(scope: Scope) -> bool:
    """Whether the path or the query has the one character that PostgreSQL's text can't hold."""
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _problem_of(error: Exception) -> problems.HttpProblem:
    if isinstance(error, _UNSTORABLE):
        return problems.HttpProblem(422, "a text of the request holds a NUL; remove it")
    if is_retriable(error):
        detail = "what this needs, such as the database, does not answer now; try again soon"
        return problems.HttpProblem(503, detail, headers={"retry-after": "5"})
    return problems.HttpProblem(
        500, "something went wrong on our side; it was logged under this request's id"
    )


def _too_large(limit: int) -> str:
    return f"the body is larger than the {limit:,} bytes that are accepted here"


def _path(scope: Scope) -> str:
    # What matched no route may hold anything; a few characters are enough to recognise it.
    return str(scope["path"])[:60]
