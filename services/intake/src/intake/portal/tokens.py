"""What proves who somebody at the portal is: the mailed link and the session's cookie.

Both are signed with HMAC-SHA256 by keys of their own, derived from the service's secret, compared
in constant time, and mean nothing at another desk. Both name a row of `sign_ins`, which says
whether the link was used and whether the session has ended.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_MAC: Final = 32
# Not `session`, whose cookies said something else: an earlier version refuses this one.
_SESSION: Final = "signed-in"
_LENGTH: Final = 64  # base64 of 48 bytes


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: the owner of a mail address, at one desk."""

    desk: str
    address: str


@dataclass(frozen=True, slots=True)
class PortalKeys:
    """Makes and reads the portal's tokens. The first secret signs; others, being retired, read."""

    secrets: Sequence[bytes]

    def link(self, desk: str, sign_in: UUID) -> str:
        """The token of a mailed link."""
        return self._signed("link", desk, sign_in)

    def read_link(self, desk: str, token: str) -> UUID | None:
        """The sign-in that the token stands for; None: it is none of ours."""
        return self._named("link", desk, token)

    def session(self, desk: str, sign_in: UUID) -> str:
        """The value of the session's cookie."""
        return self._signed(_SESSION, desk, sign_in)

    def read_session(self, desk: str, token: str | None) -> UUID | None:
        """The sign-in that the cookie stands for; None: it is none of ours."""
        return self._named(_SESSION, desk, token or "")

    def _signed(self, purpose: str, desk: str, sign_in: UUID) -> str:
        return _text(sign_in.bytes + _mac(self.secrets[0], purpose, desk, sign_in.bytes))

    def _named(self, purpose: str, desk: str, token: str) -> UUID | None:
        if len(token) != _LENGTH or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, mac = raw[:-_MAC], raw[-_MAC:]
        known = [
            hmac.compare_digest(mac, _mac(secret, purpose, desk, body)) for secret in self.secrets
        ]
        return UUID(bytes=body) if any(known) else None


def _mac(secret: bytes, purpose: str, desk: str, body: bytes) -> bytes:
    key = hmac.digest(secret, f"portal {purpose}".encode(), hashlib.sha256)
    return hmac.digest(key, desk.encode() + b"\0" + body, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
