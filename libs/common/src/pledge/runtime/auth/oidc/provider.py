"""The OpenID provider as a client sees it: its addresses, a code for tokens, its claims."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from pledge.runtime.auth.issuer_http import Answer, IssuerAway, ask, check_url
from pledge.runtime.auth.jwks import IssuerKeys, KeysUnavailable
from pledge.runtime.auth.verification import verified_claims
from pledge.runtime.clock import Clock

# Each waits for the provider; more at once mean that it hangs, or that somebody tries.
MOST_AT_ONCE = 16
LONGEST_ID_TOKEN = 64 * 1024


class ProviderAway(Exception):
    """The provider does not answer as it should; the message is for the log."""


class CodeRefused(Exception):
    """The provider gives no tokens for the code; the message is for the log."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at the provider."""

    issuer: str
    client_id: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider gave for a code."""

    id_token: str
    access_token: str | None


class Provider:
    """One provider, asked as `client`."""

    def __init__(
        self, client: Client, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._transport = transport
        self._keys = IssuerKeys(client.issuer, clock, transport=transport)
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return self._client.issuer

    async def authorization_url(self, parameters: Mapping[str, str]) -> str:
        """Where to send a browser so that its person signs in. Raises ProviderAway."""
        address = await self._address("authorization_endpoint")
        return with_query(address, {"client_id": self._client.client_id, **parameters})

    async def sign_out_url(self, back: str, id_token: str | None) -> str | None:
        """Where a browser is signed out of the provider (RP-Initiated Logout 1.0 §2), if anywhere.

        Raises ProviderAway.
        """
        if "end_session_endpoint" not in await self._metadata():
            return None
        hint = {"id_token_hint": id_token} if id_token else {}
        parameters = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        return with_query(await self._address("end_session_endpoint"), parameters | hint)

    async def says_who_it_is(self) -> bool:
        """Whether its answers bear its name (RFC 9207). Raises ProviderAway."""
        metadata = await self._metadata()
        return metadata.get("authorization_response_iss_parameter_supported") is True

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code. Raises CodeRefused, ProviderAway."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        headers: dict[str, str] = {}
        if await self._takes_basic():
            headers["authorization"] = _basic(self._client.client_id, self._client.secret or "")
        else:
            form["client_id"] = self._client.client_id
            if self._client.secret is not None:
                form["client_secret"] = self._client.secret
        answer = await self._ask(await self._address("token_endpoint"), form, headers)
        document = _object(answer)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or document is None:
            raise ProviderAway(f"the token endpoint answered {answer.status}")
        if answer.status != HTTPStatus.OK:
            raise CodeRefused(f"{answer.status} {str(document.get('error'))[:80]}")
        return _tokens(document)

    async def claims(self, tokens: Tokens) -> dict[str, Any]:
        """The ID token's claims, checked (OpenID Connect Core 1.0 §3.1.3.7). Raises Denied."""
        return await verified_claims(
            tokens.id_token,
            self._keys,
            self._clock,
            audience=self._client.client_id,
            required=("iss", "sub", "aud", "exp", "iat", "nonce"),
        )

    def is_ours(self, claims: Mapping[str, Any]) -> bool:
        """Whether the ID token was made for this client, also when it names several."""
        party, audience = claims.get("azp"), claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        return party == self._client.client_id or (party is None and not is_shared)

    async def userinfo(self, tokens: Tokens, subject: str) -> dict[str, Any]:
        """What else it says of the person (§5.3); empty if it says nothing. Raises ProviderAway."""
        metadata = await self._metadata()
        if tokens.access_token is None or "userinfo_endpoint" not in metadata:
            return {}
        address = await self._address("userinfo_endpoint")
        headers = {"authorization": f"Bearer {tokens.access_token}"}
        answer = await self._ask(address, None, headers)
        document = _object(answer)
        if answer.status != HTTPStatus.OK or document is None:
            raise ProviderAway(f"the userinfo endpoint answered {answer.status}")
        if document.get("sub") != subject:
            raise ProviderAway("the userinfo endpoint answered for somebody else")
        return document

    async def _takes_basic(self) -> bool:
        methods = (await self._metadata()).get("token_endpoint_auth_methods_supported")
        is_listed = methods is None or (
            isinstance(methods, list) and "client_secret_basic" in methods
        )
        return self._client.secret is not None and is_listed

    async def _metadata(self) -> Mapping[str, Any]:
        try:
            return await self._keys.metadata()
        except KeysUnavailable as error:
            raise ProviderAway(str(error)) from error

    async def _address(self, name: str) -> str:
        value = (await self._metadata()).get(name)
        try:
            check_url(str(value))
        except ValueError as error:
            raise ProviderAway(f"its {name} can't be used: {error}"[:500]) from error
        return str(value)

    async def _ask(
        self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._turns.locked():
            raise ProviderAway(f"{MOST_AT_ONCE} requests wait for the provider")
        async with self._turns:
            try:
                return await ask(url, form=form, headers=headers, transport=self._transport)
            except (IssuerAway, ValueError) as error:
                raise ProviderAway(str(error)) from error


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with more parameters."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"


def _tokens(document: Mapping[str, Any]) -> Tokens:
    id_token, access_token = document.get("id_token"), document.get("access_token")
    if not isinstance(id_token, str) or len(id_token) > LONGEST_ID_TOKEN:
        raise ProviderAway("the token endpoint gave no ID token")
    is_bearer = str(document.get("token_type", "")).lower() == "bearer"
    return Tokens(id_token, access_token if isinstance(access_token, str) and is_bearer else None)


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        document: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"
