"""The public keys that sign tokens: from a JWKS file, or from an OIDC issuer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import httpx
import jwt

from pledge.runtime.auth.issuer_http import IssuerAway, ask, check_url
from pledge.runtime.clock import Clock
from pledge.runtime.config.reloading_file import WatchedFile
from pledge.runtime.observability import logs

MAX_KEYS = 100
SMALLEST_RSA = 2048
# Issuers rotate keys over days; an hour is what most of them ask caches to keep.
FRESH_FOR = timedelta(hours=1)
# A token with an unknown key id asks the issuer again, but a flood of them asks it this often.
ASK_AGAIN_AFTER = timedelta(seconds=30)
# An issuer that is away does not lock everybody out, for a working day.
STALE_FOR = timedelta(hours=12)
# The signature algorithms by type and curve of key. Symmetric keys (oct) are never accepted.
_ALGORITHM_OF = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}

log = logs.get(__name__)


class KeysUnavailable(Exception):
    """No key can be read: the message says from where, and why."""


class KeySource(Protocol):
    """Where the keys come from."""

    @property
    def issuer(self) -> str | None:
        """The `iss` that tokens must carry; None when any will do."""
        ...

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """The key `kid`; without a kid the only key there is. Raises KeysUnavailable."""
        ...

    async def refresh(self) -> None:
        """Read the keys unless they are cached and fresh. Raises KeysUnavailable."""
        ...


def key_source(location: str, clock: Clock) -> KeySource:
    """The source that the setting `PLEDGE_JWKS` names: a file's path or an issuer's URL.

    Raises ValueError for an issuer without TLS that is not on this machine.
    """
    if "://" in location:
        return IssuerKeys(location, clock)
    return FileKeys(Path(location))


class FileKeys:
    """The keys of a JWKS file (RFC 7517 §5), read again when it changes."""

    issuer: str | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = WatchedFile(path, parse_jwks)

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """See KeySource."""
        return _pick(self._keys(), kid)

    async def refresh(self) -> None:
        """See KeySource."""
        self._keys()

    def _keys(self) -> Sequence[jwt.PyJWK]:
        try:
            return self._file.value()
        except (OSError, ValueError) as error:
            raise KeysUnavailable(f"the keys in {self._path} can't be read: {error}") from error


class IssuerKeys:
    """The keys of an OIDC issuer, found by OpenID Connect Discovery 1.0 §4 and cached."""

    def __init__(
        self, issuer: str, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.issuer: str | None = issuer
        self._url = issuer.rstrip("/")
        check_url(self._url)
        self._clock = clock
        self._transport = transport
        self._keys: Sequence[jwt.PyJWK] = ()
        self._metadata: Mapping[str, Any] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """See KeySource."""
        await self.refresh()
        key = _pick(self._keys, kid)
        if key is None and kid is not None and self._may_ask():
            async with self._lock:
                await self._ask_unless_just_asked()
            key = _pick(self._keys, kid)
        return key

    async def refresh(self) -> None:
        """See KeySource."""
        if self._age() <= FRESH_FOR:
            return
        async with self._lock:
            if self._age() > FRESH_FOR:
                await self._ask_unless_just_asked()
        if self._age() > STALE_FOR:
            raise KeysUnavailable(f"the keys of {self._url} could not be fetched")

    async def metadata(self) -> Mapping[str, Any]:
        """The issuer's discovery document, as old as its keys. Raises KeysUnavailable."""
        await self.refresh()
        return self._metadata

    def _age(self) -> timedelta:
        if self._fetched_at is None:
            return timedelta.max
        return self._clock.now() - self._fetched_at

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._clock.now() - self._asked_at >= ASK_AGAIN_AFTER

    async def _ask_unless_just_asked(self) -> None:
        if not self._may_ask():
            return
        self._asked_at = self._clock.now()
        try:
            self._metadata, self._keys = await self._fetch()
        except (IssuerAway, ValueError) as error:
            log.warning("issuer_keys_unavailable", issuer=self._url, error=str(error))
            return
        self._fetched_at = self._asked_at
        log.info("issuer_keys_fetched", issuer=self._url, keys=len(self._keys))

    async def _fetch(self) -> tuple[Mapping[str, Any], Sequence[jwt.PyJWK]]:
        found = await self._get(f"{self._url}/.well-known/openid-configuration")
        document: Any = json.loads(found)
        if not isinstance(document, dict) or document.get("issuer") != self.issuer:
            raise ValueError("the discovery document names another issuer")
        address = str(document.get("jwks_uri", "(no jwks_uri)"))
        return document, parse_jwks(await self._get(address))

    async def _get(self, url: str) -> bytes:
        answer = await ask(url, transport=self._transport)
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"{url} answered {answer.status}")
        return answer.body


def parse_jwks(content: bytes) -> list[jwt.PyJWK]:
    """The usable public keys of a JWKS. Raises ValueError when it is none, or has no such key."""
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error})") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError(f'is no JWKS: an object with a list "keys" of at most {MAX_KEYS}')
    usable = [key for one in keys if (key := _usable(one)) is not None]
    if not usable:
        raise ValueError("has no Ed25519, P-256 or RSA key (of 2048 bits) for signatures")
    return usable


def _usable(entry: object) -> jwt.PyJWK | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    if "d" in entry:
        raise ValueError("holds a private key; give services the public keys only")
    kind = entry.get("kty")
    algorithm = _ALGORITHM_OF.get((str(kind), None if kind == "RSA" else str(entry.get("crv"))))
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(entry, algorithm)
    except jwt.PyJWTError as error:
        raise ValueError(f"holds a key that can't be read: {error}") from error
    return (
        None if getattr(key.key, "key_size", SMALLEST_RSA) < SMALLEST_RSA and kind == "RSA" else key
    )


def _pick(keys: Sequence[jwt.PyJWK], kid: str | None) -> jwt.PyJWK | None:
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.key_id == kid), None)
