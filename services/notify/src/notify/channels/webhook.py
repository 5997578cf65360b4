"""Signed webhooks (Standard Webhooks 1.0): pages and chat messages to a desk's receivers."""

import asyncio
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpcore
from standardwebhooks import Webhook

from notify.channels import Delivered, Delivery, Failed, Outcome, Reason, Retry
from notify.channels.guard import ForbiddenAddress, GuardedBackend, NameUnknown
from notify.domain.desk import Receiver
from pledge.runtime.clock import Clock

TIMEOUT = timedelta(seconds=15)  # the least a sender should grant, Standard Webhooks 1.0
KEEP_ALIVE = timedelta(minutes=5)  # the next page finds an open connection: no handshake before it
_BODY_TO_READ = 64 * 1024  # a longer answer costs its connection, nothing else

Directory = Callable[[str, str], tuple[Receiver, frozenset[str]] | None]
"""(desk, receiver's name) -> the receiver and the private hosts it may be on; None if unknown."""


class WebhookChannel:
    """POSTs a delivery's content as JSON; 2xx is accepted, a redirect is a failure.

    Each receiver has its own connections, so that a slow one holds up nobody else and an
    allowance of one desk can't be used by another.
    """

    def __init__(
        self, directory: Directory, clock: Clock, *, timeout: timedelta = TIMEOUT, connections: int
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._timeout = timeout.total_seconds()
        self._connections = connections
        self._tls = ssl.create_default_context()
        self._pools: dict[tuple[str, frozenset[str]], httpcore.AsyncConnectionPool] = {}

    async def send(self, delivery: Delivery) -> Outcome:
        """One POST, with the delivery's id as `webhook-id` in every attempt."""
        found = self._directory(delivery.desk, delivery.target)
        if found is None:
            return Failed(Reason.RECEIVER_UNKNOWN, f"the desk has no receiver {delivery.target}")
        receiver, reachable = found
        # Sorted, because the database does not keep the order: every attempt has the same bytes.
        body = json.dumps(
            delivery.content, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        headers = self._headers(delivery, receiver.secret, body)
        pool = self._pool(delivery, reachable)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(pool, receiver.url, headers, body.encode())
        except (TimeoutError, httpcore.TimeoutException):
            return Retry(Reason.TIMEOUT, f"no answer within {self._timeout:g} s")
        except ForbiddenAddress as error:
            return Failed(Reason.FORBIDDEN_ADDRESS, str(error))
        except NameUnknown as error:
            return Retry(Reason.NAME_UNKNOWN, str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Retry(Reason.CONNECTION_FAILED, f"{type(error).__name__}: {error}"[:500])
        except httpcore.UnsupportedProtocol as error:
            return Failed(Reason.BAD_CONTENT, str(error))

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()

    def _headers(
        self, delivery: Delivery, secret: str, body: str
    ) -> list[tuple[str | bytes, str | bytes]]:
        now = self._clock.now()
        return [
            ("content-type", "application/json; charset=utf-8"),
            ("user-agent", "pledge-notify"),
            ("webhook-id", str(delivery.id)),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", Webhook(secret).sign(str(delivery.id), now, body)),
        ]

    def _pool(self, delivery: Delivery, reachable: frozenset[str]) -> httpcore.AsyncConnectionPool:
        key = (f"{delivery.desk}/{delivery.target}", reachable)
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
        self,
        pool: httpcore.AsyncConnectionPool,
        url: str,
        headers: list[tuple[str | bytes, str | bytes]],
        body: bytes,
    ) -> Outcome:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        async with pool.stream(
            "POST", url, headers=headers, content=body, extensions={"timeout": timeouts}
        ) as response:
            size = 0
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > _BODY_TO_READ:
                    break
            return self._judge(response)

    def _judge(self, response: httpcore.Response) -> Outcome:
        status = response.status
        answered = f"HTTP {status}"
        if 200 <= status < 300:
            return Delivered(answered)
        if 300 <= status < 400:
            return Failed(Reason.REDIRECTED, f"{answered}: give the final address in the desk file")
        if status == 410:
            return Failed(Reason.GONE, answered)
        not_before = self._retry_after(response)
        if status == 429:
            return Retry(Reason.TOO_MANY_REQUESTS, answered, not_before)
        if status >= 500 or status in (408, 425):
            return Retry(Reason.RECEIVER_ERROR, answered, not_before)
        return Failed(Reason.REFUSED, answered)

    def _retry_after(self, response: httpcore.Response) -> timedelta:
        """The wait asked for (RFC 9110 §10.2.3): seconds or a date; nonsense asks for none."""
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
