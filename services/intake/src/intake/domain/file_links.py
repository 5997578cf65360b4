"""Links by which the reader of a mail fetches a file that an agent sent, without a sign-in.

A token names one file of one ticket and the instant of its end, and is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from intake.domain.signer import Signer
from pledge.events import AttachmentRef

MAC_BYTES: Final = 16
_NUMBER_BYTES: Final = 8
_BODY_BYTES: Final = 16 + 3 * _NUMBER_BYTES


@dataclass(frozen=True, slots=True)
class FileLinks:
    """Makes and reads the links; each is good for ``lasts``."""

    signer: Signer
    public_url: str
    lasts: timedelta

    def with_urls(
        self,
        refs: Sequence[AttachmentRef],
        desk: str,
        ticket_id: UUID,
        sequence: int,
        now: datetime,
    ) -> tuple[AttachmentRef, ...]:
        """The files of the fact, each with its link."""  # fmt: skip
        until = int((now + self.lasts).timestamp())
        found = []
        for position, ref in enumerate(refs):
            numbers = (sequence, position, until)
            body = ticket_id.bytes + b"".join(each.to_bytes(_NUMBER_BYTES) for each in numbers)
            token = self.signer.seal(body, _context(desk), MAC_BYTES)
            url = f"{self.public_url.rstrip('/')}/shared/{desk}/{token}"
            found.append(ref.model_copy(update={"url": url}))
        return tuple(found)

    def read(self, desk: str, token: str, now: datetime) -> tuple[UUID, int, int] | None:
        """The ticket, the fact and the place of the file that the token names; None: it is none of
        ours, or too old."""
        body = self.signer.unseal(token, _context(desk), MAC_BYTES)
        if body is None or len(body) != _BODY_BYTES:
            return None
        sequence, position, until = (
            int.from_bytes(body[start : start + _NUMBER_BYTES])
            for start in range(16, _BODY_BYTES, _NUMBER_BYTES)
        )
        if now.astimezone(UTC).timestamp() > until:
            return None
        return UUID(bytes=body[:16]), sequence, position


def _context(desk: str) -> bytes:
    return b"file\0" + desk.encode("utf-8", "replace") + b"\0"
