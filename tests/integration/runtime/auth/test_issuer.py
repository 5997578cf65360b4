"""Keys of an OIDC issuer, which is a real HTTP server here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pledge.runtime.auth.access import Access, CannotCheck, Denied
from pledge.runtime.auth.jwks import (
    ASK_AGAIN_AFTER,
    FRESH_FOR,
    STALE_FOR,
    IssuerKeys,
    KeysUnavailable,
)
from pledge.runtime.http.app import HttpServer
from pledge.runtime.testing import VirtualClock
from support.tokens import START, Signer

SECOND = timedelta(seconds=1)


class Issuer:
    """An issuer that can be told to misbehave; counts how often its keys are asked for."""

    def __init__(self) -> None:
        self.signers = [Signer()]
        self.asked = 0
        self.answer: Response | None = None
        self.discovery: dict[str, Any] = {}
        routes = [
            Route("/.well-known/openid-configuration", self._discover),
            Route("/keys", self._keys),
        ]
        self._server = HttpServer(Starlette(routes=routes), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.listen()}"
        self.running = asyncio.ensure_future(self._server.run())

    async def _discover(self, _request: Request) -> Response:
        told = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.discovery
        return JSONResponse(told)

    async def _keys(self, _request: Request) -> Response:
        self.asked += 1
        return self.answer or JSONResponse({"keys": [one.jwk for one in self.signers]})


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.running.cancel()
    with suppress(asyncio.CancelledError):
        await issuer.running


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def keys(issuer: Issuer, clock: VirtualClock) -> IssuerKeys:
    return IssuerKeys(issuer.url, clock)


async def test_tokens_of_the_issuer_are_accepted(issuer: Issuer, clock: VirtualClock) -> None:
    access = Access(issuer.url, clock=clock)
    token = issuer.signers[0].token(iss=issuer.url)
    assert (await access.authenticate(token)).subject == "ann"
    assert await access.ready() is None


async def test_tokens_of_another_issuer_with_the_same_key_are_not(
    issuer: Issuer, clock: VirtualClock
) -> None:
    access = Access(issuer.url, clock=clock)
    for other in ("https://other.example", f"{issuer.url}/", ""):
        with pytest.raises(Denied):
            await access.authenticate(issuer.signers[0].token(iss=other))


async def test_keys_are_kept_for_an_hour(
    issuer: Issuer, keys: IssuerKeys, clock: VirtualClock
) -> None:
    await asyncio.gather(*(keys.find("first") for _ in range(20)))
    assert issuer.asked == 1
    clock.advance_to(START + FRESH_FOR)
    await keys.find("first")
    assert issuer.asked == 1
    clock.advance_to(START + FRESH_FOR + SECOND)
    await keys.find("first")
    assert issuer.asked == 2


async def test_new_key_is_found_when_its_first_token_comes(
    issuer: Issuer, keys: IssuerKeys, clock: VirtualClock
) -> None:
    await keys.find("first")
    issuer.signers.append(Signer(kid="second"))
    clock.advance_to(START + ASK_AGAIN_AFTER)
    found = await keys.find("second")
    assert found is not None
    assert found.key_id == "second"


async def test_flood_of_unknown_keys_does_not_flood_the_issuer(
    issuer: Issuer, keys: IssuerKeys, clock: VirtualClock
) -> None:
    await keys.find("first")
    for step in range(1, 61):
        clock.advance_to(START + step * SECOND)
        assert await keys.find(f"unknown-{step}") is None
    assert issuer.asked == 3


async def test_issuer_that_is_away_for_hours_locks_nobody_out(
    issuer: Issuer, keys: IssuerKeys, clock: VirtualClock
) -> None:
    await keys.find("first")
    issuer.answer = Response(status_code=503)
    clock.advance_to(START + STALE_FOR)
    assert await keys.find("first") is not None
    clock.advance_to(START + STALE_FOR + SECOND)
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    issuer.answer = None
    clock.advance_to(clock.now() + ASK_AGAIN_AFTER)
    assert await keys.find("first") is not None


@pytest.mark.parametrize(
    "answer",
    [
        Response(status_code=500),
        RedirectResponse("http://127.0.0.1:1/keys"),
        Response(b"not json"),
        Response(b'{"keys": []}'),
        Response(b" " * 600_000),
        Response(b"[" * 100_000),
    ],
    ids=["500", "redirect", "no JSON", "no key", "huge", "deep"],
)
async def test_issuer_that_answers_rubbish_gives_no_key(
    issuer: Issuer, keys: IssuerKeys, clock: VirtualClock, answer: Response
) -> None:
    issuer.answer = answer
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    access = Access(keys, clock=clock)
    assert "could not be fetched" in (await access.ready() or "")
    with pytest.raises(CannotCheck):
        await access.authenticate(issuer.signers[0].token(iss=issuer.url))


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "http://127.0.0.1"},
        {"issuer": None},
        {"jwks_uri": "http://keys.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
    ],
)
async def test_discovery_that_leads_elsewhere_is_not_followed(
    issuer: Issuer, keys: IssuerKeys, told: dict[str, Any]
) -> None:
    issuer.discovery = told
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    assert issuer.asked == 0


async def test_issuer_that_is_not_there_is_an_outage(clock: VirtualClock) -> None:
    with pytest.raises(KeysUnavailable):
        await IssuerKeys("http://127.0.0.1:9", clock).find("first")
