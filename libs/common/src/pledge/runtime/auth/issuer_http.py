"""Requests to an OIDC issuer: bounded in time and size, without redirections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

MAX_BYTES = 512 * 1024
# For one step of a request, and for all of it: a person waits meanwhile.
STEP_TIMEOUT = timedelta(seconds=5)
WHOLE_TIMEOUT = timedelta(seconds=10)


class IssuerAway(Exception):
    """The issuer did not answer, or with more than is read: says what happened at which address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer answered."""

    status: int
    body: bytes


async def ask(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Answer:
    """GET `url`, or POST `form` there. Raises IssuerAway; ValueError for an address without TLS."""
    check_url(url)
    # No compression: a small answer can't become a large one.
    wanted = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
    try:
        async with (
            asyncio.timeout(WHOLE_TIMEOUT.total_seconds()),
            httpx.AsyncClient(
                timeout=STEP_TIMEOUT.total_seconds(), follow_redirects=False, transport=transport
            ) as client,
            client.stream(
                "GET" if form is None else "POST", url, data=form, headers=wanted
            ) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                raise IssuerAway(f"{url} answered compressed, unasked")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise IssuerAway(f"{url} answered more than {MAX_BYTES // 1024} KiB")
            return Answer(response.status_code, bytes(body))
    except TimeoutError as error:
        seconds = WHOLE_TIMEOUT.total_seconds()
        raise IssuerAway(f"{url} did not answer within {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise IssuerAway(f"{url}: {type(error).__name__}: {error}"[:500]) from error


def check_url(url: str) -> None:
    """Raises ValueError for an address without TLS that is not on this machine."""
    parts = urlsplit(url)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise ValueError(f"{url}: an issuer is asked by https only, except on this machine")
