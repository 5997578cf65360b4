"""The sessions of people whom a provider signed in: all of it stands in the signed cookie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pledge.runtime.auth.access import LONGEST_TOKEN, Denied, Principal
from pledge.runtime.auth.sealed_claims import SealedClaims
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids

Grants = Mapping[str, frozenset[str] | None]
"""By role, the desks that it is held on; None: all."""


class TooManyDesks(Exception):
    """The session would not fit into a browser's cookie."""


class Sessions:
    """Opens sessions that last `lasts`, and reads them. Services with one secret share them."""

    def __init__(self, secret: str, *, lasts: timedelta, clock: Clock, ids: Ids) -> None:
        self._sealed = SealedClaims(secret, "pledge session", clock)
        self._ids = ids
        self.lasts = lasts

    def issue(self, subject: str, grants: Grants) -> tuple[str, str]:
        """A new session and its id, which a denylist may name. Raises TooManyDesks."""
        token_id = str(self._ids.new())
        told = {role: "*" if desks is None else sorted(desks) for role, desks in grants.items()}
        cookie = self._sealed.seal(
            {"sub": subject, "jti": token_id, "grants": told}, lasts=self.lasts
        )
        if len(cookie) > LONGEST_TOKEN:
            raise TooManyDesks
        return cookie, token_id

    def read(self, cookie: str) -> Principal:
        """The principal of a session. Raises Denied."""
        if len(cookie) > LONGEST_TOKEN:
            raise Denied("the session is too long")
        claims = self._sealed.open(cookie)
        grants = _grants(claims)
        return Principal(
            claims["sub"],
            None if None in grants.values() else _union(grants),
            frozenset(grants),
            datetime.fromtimestamp(claims["exp"], UTC),
            claims["jti"],
            tuple(grants.items()),
        )


def _grants(claims: Mapping[str, Any]) -> dict[str, frozenset[str] | None]:
    told: Mapping[str, Any] = claims["grants"]
    return {role: None if desks == "*" else frozenset(desks) for role, desks in told.items()}


def _union(grants: Grants) -> frozenset[str]:
    return frozenset(desk for desks in grants.values() for desk in desks or ())
