"""Checks a signed token (JWT): its key, algorithm, signature, issuer, audience and times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import jwt

from pledge.runtime.auth.jwks import KeySource, KeysUnavailable
from pledge.runtime.clock import Clock

ALGORITHMS = ("EdDSA", "RS256", "ES256")
# Clocks of machines differ by this much at most when somebody keeps them by NTP.
LEEWAY = timedelta(seconds=30)


class Denied(Exception):
    """The request shows no valid token: 401. `reason` is short and holds no secret."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class CannotCheck(Denied):
    """Token verification is unavailable: 503."""


async def verified_claims(
    token: str,
    keys: KeySource,
    clock: Clock,
    *,
    audience: str,
    required: Sequence[str] = ("exp", "aud", "sub"),
) -> dict[str, Any]:
    """The claims of `token`, all checked but for what is ours to mean. Raises Denied."""
    key = await _key(token, keys)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            options={
                "require": list(required),
                # Below, with the injected clock.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
            audience=audience,
            issuer=keys.issuer,
        )
    except jwt.InvalidTokenError as error:
        raise Denied(_reason(error)) from error
    check_times(claims, clock)
    return claims


def check_times(claims: Mapping[str, Any], clock: Clock) -> None:
    """Check `exp`, `nbf` and `iat` by `clock`, as far as they are there. Raises Denied."""
    now = clock.now().timestamp()
    leeway = LEEWAY.total_seconds()
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, now)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise Denied(f"the token's {name} is not a time")
    if claims["exp"] <= now - leeway:
        raise Denied("the token has expired")
    if claims.get("nbf", now) > now + leeway or claims.get("iat", now) > now + leeway:
        raise Denied("the token is not valid yet")


async def _key(token: str, keys: KeySource) -> jwt.PyJWK:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise Denied("the token is not a JWT") from error
    if header.get("alg") not in ALGORITHMS:
        raise Denied("the token's algorithm is not accepted")
    if "crit" in header:
        raise Denied("the token has critical headers that are not understood")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise Denied("the token is not a JWT")
    try:
        key = await keys.find(kid)
    except KeysUnavailable as error:
        raise CannotCheck("the keys that sign tokens can't be read at the moment") from error
    if key is None or key.algorithm_name != header["alg"]:
        raise Denied("the token is signed by a key that is not known")
    return key


def _reason(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.InvalidAudienceError):
        return "the token is for another audience"
    if isinstance(error, jwt.InvalidIssuerError):
        return "the token is from another issuer"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no {error.claim}"
    if isinstance(error, jwt.InvalidSignatureError):
        return "the token's signature is wrong"
    return "the token is not valid"
