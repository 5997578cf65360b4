"""Keeps the message and the files that come with a mail; events only refer to them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from intake.mail.parse import Attachment
from intake.storage.blobs import Blobs, BlobsUnavailable, Kind
from pledge.events import AttachmentRef

MESSAGE_TYPE: Final = "message/rfc822"


class StoreUnavailable(Exception):
    """The files can't be kept at the moment; the sender should try again later."""


class Attachments:
    """Messages and files by content, in the store of files."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def keep(
        self, desk: str, raw: bytes, attachments: Sequence[Attachment], now: datetime
    ) -> tuple[AttachmentRef, list[AttachmentRef]]:
        """Store the whole message as it came, and its files; return their references. Raises
        StoreUnavailable while the store is away."""
        try:
            (key, digest), *kept = await asyncio.gather(
                self._blobs.put(desk, Kind.MESSAGES, raw, now),
                *(
                    self._blobs.put(desk, Kind.FILES, each.content, now, each.sha256)
                    for each in attachments
                ),
            )
        except BlobsUnavailable as error:
            raise StoreUnavailable(f"a mail's files could not be kept: {error}") from error
        whole = AttachmentRef(
            name="message.eml", content_type=MESSAGE_TYPE, size=len(raw), sha256=digest, key=key
        )
        return whole, [_ref(each, key) for each, (key, _) in zip(attachments, kept, strict=True)]


def _ref(file: Attachment, key: str) -> AttachmentRef:
    return AttachmentRef(
        name=file.name,
        content_type=file.content_type,
        size=len(file.content),
        sha256=file.sha256,
        key=key,
        is_inline=file.is_inline,
        content_id=file.content_id,
    )
