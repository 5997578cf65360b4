"""Who may do what: one signed token (JWT) that each service checks by itself.

A token names its subject, the desks it is for (`"*"` or a list), its roles and its end. It is
signed by a key of a JWKS (a file, or an OIDC issuer's) with an asymmetric algorithm.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from fastapi import Request

from pledge.runtime.auth.jwks import KeySource, KeysUnavailable, key_source
from pledge.runtime.auth.session import FormRefused, check_form, session_token
from pledge.runtime.auth.verification import ALGORITHMS, CannotCheck, Denied, verified_claims
from pledge.runtime.clock import Clock
from pledge.runtime.config.reloading_file import WatchedFile

__all__ = [
    "ALGORITHMS",
    "AUDIENCE",
    "LONGEST_TOKEN",
    "Access",
    "CannotCheck",
    "Denied",
    "Forbidden",
    "Principal",
    "Role",
    "SessionReader",
    "principal_of",
    "require",
    "token_id",
]

AUDIENCE = "pledge"
# A cookie holds 4096 bytes with its name; so does the session, which is the token.
LONGEST_TOKEN = 3900
MOST_DESKS = 200
_DESK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Role(StrEnum):
    """What a principal may do. Admin implies all, and every role implies reader."""

    READER = "reader"
    AGENT = "agent"
    RESPONDER = "responder"
    PUBLISHER = "publisher"
    GATEWAY = "gateway"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person or a program, the desks it may see (None: all) and its roles."""

    subject: str
    desks: frozenset[str] | None
    roles: frozenset[str]
    expires_at: datetime
    token_id: str
    # By role, the desks that it is held on (None: all); without it each role is held on each desk.
    grants: tuple[tuple[str, frozenset[str] | None], ...] = ()

    def may(self, desk: str, *roles: str) -> bool:
        """Whether this principal may see anything of `desk`, and holds one of `roles` there."""
        if roles and not self.has(*roles):
            return False
        desks = self.narrowed(*roles).desks
        return desks is None or desk in desks

    def narrowed(self, *roles: str) -> Principal:
        """This principal with those of its desks only on which it holds one of `roles`."""
        if not self.grants or not roles:
            return self
        implied = {Role.ADMIN, *roles}
        is_any = Role.READER in roles
        held = [desks for role, desks in self.grants if is_any or role in implied]
        desks = _all_of(held)
        if self.desks is not None:
            desks = self.desks if desks is None else desks & self.desks
        return replace(self, desks=desks)

    def has(self, *roles: str) -> bool:
        """Whether one of `roles` is held, directly or as implied by another role."""
        if Role.ADMIN in self.roles or not roles:
            return True
        return any(role in self.roles or (role == Role.READER and self.roles) for role in roles)

    def only(self, desks: frozenset[str]) -> frozenset[str]:
        """Those of `desks` that this principal may see."""
        return desks if self.desks is None else desks & self.desks


class Forbidden(Exception):
    """The token is valid but not for this: 403. `reason` says what is missing."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class SessionReader(Protocol):
    """Reads the sessions that a sign-in opened."""

    def read(self, cookie: str) -> Principal:
        """The principal of the session. Raises Denied."""
        ...


class Access:
    """Checks tokens against the keys of `keys`, for `audience`, less those on the denylist."""

    def __init__(
        self,
        keys: KeySource | str,
        *,
        clock: Clock,
        audience: str = AUDIENCE,
        denylist: Path | None = None,
        sessions: SessionReader | None = None,
    ) -> None:
        self._keys = key_source(keys, clock) if isinstance(keys, str) else keys
        self._clock = clock
        self._audience = audience
        self._sessions = sessions
        self._denied = WatchedFile(denylist, _read_denylist) if denylist else None

    async def authenticate(self, token: str) -> Principal:
        """The principal of `token`. Raises Denied, with a reason that holds no secret."""
        if len(token) > LONGEST_TOKEN:
            raise Denied("the token is too long")
        claims = await verified_claims(token, self._keys, self._clock, audience=self._audience)
        principal = _principal(claims, token)
        self._refuse_revoked(principal)
        return principal

    async def authenticate_session(self, cookie: str) -> Principal:
        """The principal of a session cookie. Raises Denied.

        With a provider that signs people in, a session is one that we opened after that; else it
        is the token that the person gave.
        """
        if self._sessions is None:
            return await self.authenticate(cookie)
        principal = self._sessions.read(cookie)
        self._refuse_revoked(principal)
        return principal

    async def ready(self) -> str | None:
        """A readiness check: None while keys are available, else what is wrong."""
        try:
            await self._keys.refresh()
            self._denylist()
        except (KeysUnavailable, CannotCheck) as error:
            return str(error)
        return None

    def require(self, *roles: str) -> Callable[[Request], Awaitable[Principal]]:
        """A dependency that gives the request's principal if it holds one of `roles`."""
        return require(*roles)

    def _refuse_revoked(self, principal: Principal) -> None:
        if principal.token_id in self._denylist():
            raise Denied("the token was revoked")

    def _denylist(self) -> frozenset[str]:
        if self._denied is None:
            return frozenset()
        try:
            return self._denied.value()
        except (OSError, ValueError) as error:
            raise CannotCheck(f"the denylist can't be read: {error}") from error


def require(*roles: str) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the request's principal, if it holds one of `roles` (any, if none).

    Who holds them on some desks only is given for those desks alone.

    The token comes as a bearer or in the session cookie; with the cookie, a request that changes
    something must also carry the page's form token. Raises Denied, Forbidden or FormRefused, which
    `create_app` answers as problems, or with the sign-in page for a browser.
    """

    async def dependency(request: Request) -> Principal:
        principal = await principal_of(request)
        if not principal.has(*roles):
            raise Forbidden(f"this needs the role {' or '.join(roles)}")
        return principal.narrowed(*roles)

    return dependency


async def principal_of(request: Request) -> Principal:
    """The principal of `request`. Raises Denied without a valid token; see `require`."""
    access: Access = request.app.state.access
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Denied("the Authorization header must be: Bearer <token>")
        return await _remembered(request, await access.authenticate(token.strip()))
    if (cookie := session_token(request)) is None:
        raise Denied("sign in, or send a bearer token")
    principal = await access.authenticate_session(cookie)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        try:
            await check_form(request)
        except FormRefused as error:
            raise Forbidden(str(error)) from error
    return await _remembered(request, principal)


async def _remembered(request: Request, principal: Principal) -> Principal:
    # For the access log and for the page's header, which are rendered after the dependency.
    request.state.principal = principal
    return principal


def _all_of(desks: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Those in any of `desks`; None for all, if one of them is that."""
    found: set[str] = set()
    for each in desks:
        if each is None:
            return None
        found |= each
    return frozenset(found)


def token_id(claims: Mapping[str, Any], token: str) -> str:
    """What a denylist names a token by: its `jti`, or a hash of it when its issuer gives none."""
    given = claims.get("jti")
    # Of what is signed: a signature has several spellings, and with some algorithms many values.
    digest = hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()
    return given if isinstance(given, str) and given else f"sha256:{digest}"


def _principal(claims: Mapping[str, Any], token: str) -> Principal:
    desks, roles = claims.get("desks"), claims.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Denied("the token has no list of roles")
    known = frozenset(roles) & frozenset(Role)
    if not known:
        raise Denied("the token has no role that is known here")
    if desks != "*":
        is_list = isinstance(desks, list) and 0 < len(desks) <= MOST_DESKS
        if not is_list or not all(isinstance(d, str) and _DESK.fullmatch(d) for d in desks or []):
            raise Denied('the token\'s desks must be a list of desk ids, or "*"')
    try:
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Denied("the token's exp is not a time") from error
    allowed = None if desks == "*" else frozenset(desks or [])
    return Principal(claims["sub"], allowed, known, expires_at, token_id(claims, token))


def _read_denylist(content: bytes) -> frozenset[str]:
    """One token id (jti) a line; what follows a `#` is a remark."""
    lines = (line.partition("#")[0].strip() for line in content.decode("utf-8").splitlines())
    return frozenset(line for line in lines if line)
