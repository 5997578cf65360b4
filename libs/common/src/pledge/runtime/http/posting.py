"""POSTs over HTTP to hosts that a desk's file or a provider names, and classifies the answer."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpcore

from pledge.runtime.clock import Clock
from pledge.runtime.http.reachable_hosts import ForbiddenAddress, GuardedBackend, NameUnknown

KEEP_ALIVE = timedelta(minutes=5)  # the next page finds an open connection: no handshake before it
_BODY_TO_READ = 64 * 1024  # a longer answer costs its connection, nothing else

Headers = Sequence[tuple[str | bytes, str | bytes]]


class PostFault(StrEnum):
    """Why a POST was not accepted."""

    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    RECEIVER_ERROR = "receiver_error"  # 5xx
    TOO_MANY_REQUESTS = "too_many_requests"
    REFUSED = "refused"  # 4xx: the receiver will not take it as it is
    GONE = "gone"  # 410: the receiver wants no more
    REDIRECTED = "redirected"
    FORBIDDEN_ADDRESS = "forbidden_address"  # a private host that was not allowed
    NAME_UNKNOWN = "name_unknown"
    BAD_CONTENT = "bad_content"  # no request can be made of it


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx answer, its body cut at 64 KiB."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NotNow:
    """It may work later. `not_before` is the wait that the receiver requested."""

    fault: PostFault
    detail: str = ""
    not_before: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A retry would not help."""

    fault: PostFault
    detail: str = ""


class Poster:
    """Each `place` has its own connections, so that a slow one delays no other and an
    allowance of one desk can't be used by another."""

    def __init__(self, clock: Clock, *, timeout: timedelta, connections: int) -> None:
        self._clock = clock
        self._timeout = timeout.total_seconds()
        self._connections = connections
        self._tls = ssl.create_default_context()
        self._pools: dict[tuple[str, frozenset[str]], httpcore.AsyncConnectionPool] = {}

    async def post(
        self, place: str, reachable: frozenset[str], url: str, headers: Headers, body: bytes
    ) -> Answered | NotNow | NotTaken:
        """POST once. Raises nothing for what a receiver or a network can do."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(self._pool(place, reachable), url, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            return NotNow(PostFault.TIMEOUT, f"no answer within {self._timeout:g} s")
        except ForbiddenAddress as error:
            return NotTaken(PostFault.FORBIDDEN_ADDRESS, str(error))
        except NameUnknown as error:
            return NotNow(PostFault.NAME_UNKNOWN, str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return NotNow(PostFault.CONNECTION_FAILED, f"{type(error).__name__}: {error}"[:500])
        except httpcore.UnsupportedProtocol as error:
            return NotTaken(PostFault.BAD_CONTENT, str(error))

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()

    def _pool(self, place: str, reachable: frozenset[str]) -> httpcore.AsyncConnectionPool:
        key = (place, reachable)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._connections,
                keepalive_expiry=KEEP_ALIVE.total_seconds(),
                network_backend=GuardedBackend(reachable),
            )
        return pool

    async def _post(
        self, pool: httpcore.AsyncConnectionPool, url: str, headers: Headers, body: bytes
    ) -> Answered | NotNow | NotTaken:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        async with pool.stream(
            "POST", url, headers=list(headers), content=body, extensions={"timeout": timeouts}
        ) as response:
            read = bytearray()
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > _BODY_TO_READ:
                    break
            return self._classify(response, bytes(read))

    def _classify(self, response: httpcore.Response, body: bytes) -> Answered | NotNow | NotTaken:
        status = response.status
        answered = f"HTTP {status}"
        if 200 <= status < 300:
            return Answered(status, body)
        if 300 <= status < 400:
            detail = f"{answered}: give the final address in the desk file"
            return NotTaken(PostFault.REDIRECTED, detail)
        if status == 410:
            return NotTaken(PostFault.GONE, answered)
        not_before = self._retry_after(response)
        if status == 429:
            return NotNow(PostFault.TOO_MANY_REQUESTS, answered, not_before)
        if status >= 500 or status in (408, 425):
            return NotNow(PostFault.RECEIVER_ERROR, answered, not_before)
        return NotTaken(PostFault.REFUSED, answered)

    def _retry_after(self, response: httpcore.Response) -> timedelta:
        """The wait asked for (RFC 9110 §10.2.3): seconds or a date; zero if unreadable."""
        for name, value in response.headers:
            if name.lower() == b"retry-after":
                return _wait(value.decode("latin-1"), self._clock.now())
        return timedelta(0)


def _wait(text: str, now: datetime) -> timedelta:
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86_400))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    return max(timedelta(0), at.replace(tzinfo=at.tzinfo or UTC) - now)
