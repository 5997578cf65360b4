"""Links by which a requester answers a proposed meeting without signing in (SIG-07).

A token names one ticket and one meeting and is signed; it can do nothing but accept or decline
that meeting, and nothing any more once the meeting was agreed, cancelled or is over.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from intake.domain.signer import Signer

MAC_BYTES: Final = 16
_BODY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class MeetingLinks:
    """Makes and reads the links."""

    signer: Signer
    public_url: str

    def url(self, desk: str, ticket_id: UUID, meeting_id: UUID) -> str:
        """The page where the requester answers."""
        token = self.signer.seal(ticket_id.bytes + meeting_id.bytes, _context(desk), MAC_BYTES)
        return f"{self.public_url.rstrip('/')}/meetings/{desk}/{token}"

    def read(self, desk: str, token: str) -> tuple[UUID, UUID] | None:
        """The ticket and the meeting that a token names, or None if it is none of ours."""
        body = self.signer.unseal(token, _context(desk), MAC_BYTES)
        if body is None or len(body) != _BODY_BYTES:
            return None
        return UUID(bytes=body[:16]), UUID(bytes=body[16:])


def _context(desk: str) -> bytes:
    return b"meeting\0" + desk.encode("utf-8", "replace") + b"\0"
