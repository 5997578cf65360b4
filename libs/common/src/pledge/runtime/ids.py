"""The only source of randomness: ids, secrets and jitter."""

from __future__ import annotations

import random  # noqa: TID251 - this is the one place that may
import secrets
from typing import Protocol
from uuid import UUID

from pledge.runtime.clock import Clock


class Ids(Protocol):
    """Makes what must not be predictable or must not repeat."""

    def new(self) -> UUID:
        """A UUIDv7 (RFC 9562 §5.7): it sorts by the millisecond it was made in."""
        ...

    def token(self, size: int) -> str:
        """`size` random bytes as URL-safe text, for secrets that travel in links."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), to spread retries."""
        ...


def uuid7(milliseconds: int, randomness: int) -> UUID:
    """The UUIDv7 (RFC 9562 §5.7) of an instant and 74 random bits."""
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= ((randomness >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= randomness & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


class SystemIds:
    """Ids from the operating system's randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self) -> UUID:
        """A UUIDv7 of the clock's present millisecond."""
        return uuid7(int(self._clock.now().timestamp() * 1000), secrets.randbits(74))

    def token(self, size: int) -> str:
        """`size` bytes of the operating system's randomness, URL-safe."""
        return secrets.token_urlsafe(size)

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - spreading retries needs no secrecy
