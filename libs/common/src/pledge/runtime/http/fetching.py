"""GETs pages of hosts that a desk's file names: never of the internal network, bounded in size,
time and redirections."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpcore

from pledge.runtime.http.reachable_hosts import ForbiddenAddress, GuardedBackend, NameUnknown

MOST_REDIRECTIONS: Final = 3
_REDIRECTIONS: Final = frozenset((301, 302, 303, 307, 308))


class NotFetched(Exception):
    """The page could not be read; says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a host answered, and the address that it answered at."""

    url: str
    content_type: str
    body: bytes


class Fetcher:
    """Reads pages one after another. `reachable` names the hosts (lower case) that may be private;
    `most_bytes` bounds a page, `timeout` the whole of its reading."""

    def __init__(self, reachable: frozenset[str], *, most_bytes: int, timeout: timedelta) -> None:
        self._most_bytes = most_bytes
        self._timeout = timeout.total_seconds()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=4,
            network_backend=GuardedBackend(reachable),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def get(self, url: str) -> Page:
        """The page at the address, or where it leads to. Raises NotFetched."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(url)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise NotFetched(f"{url}: no answer within {self._timeout:g} s") from error
        except (ForbiddenAddress, NameUnknown, httpcore.UnsupportedProtocol) as error:
            raise NotFetched(str(error)) from error
        # ValueError: an address with letters that no address has.
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
            raise NotFetched(f"{url}: {type(error).__name__}: {error}"[:500]) from error

    async def _follow(self, url: str) -> Page:
        for _ in range(MOST_REDIRECTIONS + 1):
            try:
                is_web = urlsplit(url).scheme in {"http", "https"}
            except ValueError:
                is_web = False
            if not is_web:
                raise NotFetched(f"{url[:200]} is no address of the web")
            page = await self._get(url)
            if isinstance(page, Page):
                return page
            url = urljoin(url, page)
        raise NotFetched(f"{url[:200]}: more than {MOST_REDIRECTIONS} redirections")

    async def _get(self, url: str) -> Page | str:
        """The page, or the address that it is at."""
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        # No compression: a small answer can't become a large one.
        headers = [
            ("host", urlsplit(url).netloc.rpartition("@")[2]),
            ("accept-encoding", "identity"),
            ("user-agent", "pledge"),
        ]
        async with self._pool.stream(
            "GET", url, headers=headers, extensions={"timeout": timeouts}
        ) as response:
            fields = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECTIONS and b"location" in fields:
                return fields[b"location"]
            if response.status != 200:
                raise NotFetched(f"{url}: HTTP {response.status}")
            read = bytearray()
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > self._most_bytes:
                    raise NotFetched(f"{url}: more than {self._most_bytes} bytes")
        return Page(url, fields.get(b"content-type", ""), bytes(read))
