"""Links by which a requester answers a proposed meeting without signing in (SIG-07).

A token names one ticket and one meeting and is signed; it can do nothing but accept or decline
that meeting, and nothing any more once the meeting was agreed, cancelled or is over.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

MAC_BYTES: Final = 16
_LENGTH: Final = 64  # base64 of 48 bytes, without padding


@dataclass(frozen=True, slots=True)
class MeetingLinks:
    """Makes and reads the links. The first key signs; others, being retired, still read."""

    keys: Sequence[bytes]
    public_url: str

    def url(self, desk: str, ticket_id: UUID, meeting_id: UUID) -> str:
        """The page where the requester answers."""
        body = ticket_id.bytes + meeting_id.bytes
        token = base64.urlsafe_b64encode(body + _mac(self.keys[0], desk, body)).decode()
        return f"{self.public_url.rstrip('/')}/meetings/{desk}/{token}"

    def read(self, desk: str, token: str) -> tuple[UUID, UUID] | None:
        """The ticket and the meeting that a token names, or None if it is none of ours."""
        if len(token) != _LENGTH or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        body, mac = raw[:32], raw[32:]
        known = [hmac.compare_digest(mac, _mac(key, desk, body)) for key in self.keys]
        return (UUID(bytes=body[:16]), UUID(bytes=body[16:])) if any(known) else None


def _mac(key: bytes, desk: str, body: bytes) -> bytes:
    purpose = b"meeting\0" + desk.encode("utf-8", "replace") + b"\0"
    return hmac.digest(key, purpose + body, hashlib.sha256)[:MAC_BYTES]
