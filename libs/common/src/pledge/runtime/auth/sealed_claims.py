"""Claims that a service hands to a browser and gets back: signed with its own key, with an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt

from pledge.runtime.auth.key_derivation import derive_key
from pledge.runtime.auth.verification import Denied, check_times
from pledge.runtime.clock import Clock

_ALGORITHM = "HS256"


class SealedClaims:
    """Seals claims for one `purpose`: what was sealed for another can't be opened here."""

    def __init__(self, secret: str, purpose: str, clock: Clock) -> None:
        self._key = derive_key(secret, purpose)
        self._clock = clock

    def seal(self, claims: Mapping[str, Any], *, lasts: timedelta) -> str:
        """`claims` as a text that `open` reads for as long as it `lasts`."""
        now = self._clock.now()
        times = {"iat": int(now.timestamp()), "exp": int((now + lasts).timestamp())}
        return jwt.encode({**claims, **times}, self._key, algorithm=_ALGORITHM)

    def open(self, text: str) -> dict[str, Any]:
        """The claims of a text that `seal` made. Raises Denied."""
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                self._key,
                algorithms=[_ALGORITHM],
                options={
                    "require": ["exp", "iat"],
                    # Below, with the injected clock.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise Denied("this was not made here") from error
        check_times(claims, self._clock)
        return claims
