"""Links by which a requester answers without signing in: a proposed meeting (SIG-07), an offer of
services (VIR-15), a request for a rating (INF-10).

A token names one ticket and one thing on it and is signed; it can do nothing but answer that thing,
and nothing any more once it is answered.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from intake.domain.signer import Signer

MAC_BYTES: Final = 16
_BODY_BYTES: Final = 32


class LinkKind(StrEnum):
    """What a link answers. The signature covers it: a link of one kind is none of another."""

    MEETING = "meeting"
    OFFER = "offer"
    RATING = "rating"

    @property
    def place(self) -> str:
        """What the addresses of its pages begin with."""
        return f"{self.value}s"


@dataclass(frozen=True, slots=True)
class RequesterLinks:
    """Makes and reads the links."""

    signer: Signer
    public_url: str

    def url(
        self, desk: str, ticket_id: UUID, thing_id: UUID, kind: LinkKind = LinkKind.MEETING
    ) -> str:
        """The page where the requester answers."""
        token = self.signer.seal(ticket_id.bytes + thing_id.bytes, _context(kind, desk), MAC_BYTES)
        return f"{self.public_url.rstrip('/')}/{kind.place}/{desk}/{token}"

    def read(
        self, desk: str, token: str, kind: LinkKind = LinkKind.MEETING
    ) -> tuple[UUID, UUID] | None:
        """The ticket and the thing that a token names, or None if it is none of ours."""
        body = self.signer.unseal(token, _context(kind, desk), MAC_BYTES)
        if body is None or len(body) != _BODY_BYTES:
            return None
        return UUID(bytes=body[:16]), UUID(bytes=body[16:])


def _context(kind: LinkKind, desk: str) -> bytes:
    return kind.encode() + b"\0" + desk.encode("utf-8", "replace") + b"\0"
