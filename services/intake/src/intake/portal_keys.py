"""What proves who somebody at the portal is: the mailed link and the session's cookie.

Both are signed with HMAC-SHA256 by keys of their own, derived from the service's secret, compared
in constant time, and mean nothing at another desk. A link is good once (see `sign_ins`), a session
until it ends.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_MAC: Final = 32
LONGEST: Final = 600
"""Characters of the longest token: an address has at most 254."""


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
        return self._signed("link", desk, sign_in.bytes)

    def read_link(self, desk: str, token: str) -> UUID | None:
        """The sign-in that the token stands for; None: it is none of ours."""
        body = self._body("link", desk, token)
        return UUID(bytes=body) if body is not None and len(body) == 16 else None

    def session(self, person: Person, until: datetime) -> str:
        """The value of the session's cookie."""
        ends = int(until.timestamp()).to_bytes(8, "big")
        return self._signed("session", person.desk, ends + person.address.encode())

    def read_session(self, desk: str, token: str | None, now: datetime) -> Person | None:
        """Who is signed in at the desk; None: nobody."""
        body = self._body("session", desk, token or "")
        if body is None or len(body) < 8:
            return None
        if datetime.fromtimestamp(int.from_bytes(body[:8], "big"), UTC) <= now:
            return None
        return Person(desk, body[8:].decode())

    def _signed(self, purpose: str, desk: str, body: bytes) -> str:
        return _text(body + _mac(self.secrets[0], purpose, desk, body))

    def _body(self, purpose: str, desk: str, token: str) -> bytes | None:
        if not token or len(token) > LONGEST or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, mac = raw[:-_MAC], raw[-_MAC:]
        known = [
            hmac.compare_digest(mac, _mac(secret, purpose, desk, body)) for secret in self.secrets
        ]
        return body if any(known) else None


def _mac(secret: bytes, purpose: str, desk: str, body: bytes) -> bytes:
    key = hmac.digest(secret, f"portal {purpose}".encode(), hashlib.sha256)
    return hmac.digest(key, desk.encode() + b"\0" + body, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
