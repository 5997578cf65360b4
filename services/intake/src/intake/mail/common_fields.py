"""The fields of a mail that hold neither addresses nor ids: dates, languages, what is kept as it
is, and the key by which copies of one mail are known."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from intake.domain.text import one_line
from intake.mail.charsets import decode_bytes
from intake.mail.fields import Fields, first
from intake.mail.headers import raw_text
from intake.mail.structure import Part

_LANGUAGE_TAG: Final = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")
_KEPT_HEADERS: Final = (
    "importance", "x-priority", "list-id", "content-language", "authentication-results",
    "auto-submitted", "precedence",
)  # fmt: skip


def readable(fields: Fields, root: Part) -> Fields:
    """The fields with raw bytes beyond ASCII read: as UTF-8, else in the charset of the mail's
    text, as mail programs of China and Russia mean them."""
    if all(value.isascii() for values in fields.values() for value in values):
        return fields
    charset = next((each for part in _leaves(root) if (each := _charset(part))), None)
    return {
        name: [
            value
            if value.isascii()
            else decode_bytes(value.encode("ascii", "surrogateescape"), None, charset)
            for value in values
        ]
        for name, values in fields.items()
    }


def _leaves(part: Part) -> Iterator[Part]:
    pending = [part]
    while pending:
        each = pending.pop()
        yield each
        pending.extend(reversed(each.parts))


def _charset(part: Part) -> str | None:
    is_text = part.kind.startswith("text/")
    return part.content_type.parameters.get("charset") if is_text else None


def kept(headers: Fields) -> dict[str, str]:
    """Other fields worth a rule."""
    return {
        name: one_line(raw_text(headers[name][0]), 500) for name in _KEPT_HEADERS if name in headers
    }


def language(headers: Fields) -> str | None:
    """The tag of Content-Language."""
    tag = first(headers, "content-language").partition(",")[0].strip()
    return tag if _LANGUAGE_TAG.match(tag) else None


def sent_at(values: Sequence[str]) -> datetime | None:
    """The instant of the first Date field that is one."""
    for value in values:
        try:
            instant = parsedate_to_datetime(value[:100])
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def content_key(fields: Fields, body: bytes) -> str:
    """A hash of what its writer sent: fields that relays add are left out, so that a mail resent by
    another route is the same, and two mails that share a Message-ID are not."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("message-id", "date", "from", "subject"):
        digest.update(first(fields, name).strip().encode("utf-8", "surrogateescape") + b"\0")
    digest.update(body.replace(b"\r\n", b"\n").strip())
    return digest.hexdigest()
