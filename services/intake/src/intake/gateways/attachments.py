"""Keeps the files that come with deliveries; events only refer to them."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from intake.mail.parse import Attachment
from intake.storage import store
from pledge.events import AttachmentRef
from pledge.runtime.postgres.errors import is_retriable


class StoreUnavailable(Exception):
    """The files can't be kept at the moment; the sender should try again later."""


class Attachments:
    """Files by content, in intake's database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(
        self, desk: str, attachments: Sequence[Attachment], now: datetime
    ) -> list[AttachmentRef]:
        """Store the files; return their references. Raises StoreUnavailable while the database is
        away."""
        refs = [_ref(each) for each in attachments]
        rows = {
            ref.sha256: (desk, ref.sha256, ref.content_type, ref.size, each.content, now)
            for ref, each in zip(refs, attachments, strict=True)
        }
        try:
            async with self._pool.acquire(timeout=5) as connection:
                await store.keep_attachments(connection, list(rows.values()))
        except Exception as error:
            if is_retriable(error):
                raise StoreUnavailable(f"attachments could not be kept: {error!r}") from error
            raise
        return refs


def _ref(attachment: Attachment) -> AttachmentRef:
    digest = attachment.sha256
    return AttachmentRef(
        name=attachment.name,
        content_type=attachment.content_type,
        size=len(attachment.content),
        sha256=digest,
        key=digest,
        is_inline=attachment.is_inline,
        content_id=attachment.content_id,
    )
