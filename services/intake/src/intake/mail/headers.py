"""Header fields of real mail: raw 8-bit bytes, encoded-words in any charset, odd addresses.

Addresses are found in the raw field, by grammar (``address_fields``); only their names are decoded.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from intake.domain.text import one_line
from intake.mail.address_fields import named_addresses
from intake.mail.charsets import decode_bytes
from intake.mail.fields import MAX_FIELD

MAX_ADDRESSES: Final = 50
MAX_IDS: Final = 50

# Spaces and question marks don't belong into a word, and yet some programs write them.
_ENCODED_WORD: Final = re.compile(
    r"=\?([^?\s]{1,60})\?(?:([bBqQ])\?([^?\s]*)|([qQ])\?((?:[^?\r\n]|\?(?!=)){0,1000}))\?="
)
_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,500})>")
_BARE_ID: Final = re.compile(r"^[^<>\s]{1,500}@[^<>\s]{1,200}$")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, lower-cased, and the name that stands with it, or None."""

    address: str
    name: str | None


def raw_text(value: str, charset: str | None = None) -> str:
    """A raw field unfolded; 8-bit bytes (surrogate escapes) read as UTF-8, else in ``charset``,
    else as Windows-1252."""
    value = value[:MAX_FIELD]
    if "\n" in value:
        value = _FOLD.sub(" ", value)
    if value.isascii() and "\x1b" not in value:
        return value
    return decode_bytes(value.encode("utf-8", "surrogateescape"), None, charset)


def decode_words(value: str, raw_charset: str | None = None) -> str:
    """A raw unstructured field as text: RFC 2047 words decoded, white space between adjacent ones
    dropped (§6.2), and a character split over two words of one charset put together again. Bytes
    beyond ASCII outside of words are read as ``raw_text`` does."""
    text = raw_text(value, raw_charset)
    if "=?" not in text:
        return text
    out: list[str] = []
    pending = b""
    pending_charset = ""
    position = 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[position : word.start()]
        charset = word[1].partition("*")[0].lower()  # RFC 2231 §5 adds a language after "*"
        if pending and (between.strip() or charset != pending_charset):
            out.append(decode_bytes(pending, pending_charset))
            pending = b""
        if between.strip() or position == 0:
            out.append(between)
        pending, pending_charset = (
            pending + _word_bytes(word[2] or word[4], word[3] or word[5] or ""),
            charset,
        )
        position = word.end()
    out.append(decode_bytes(pending, pending_charset) if pending else "")
    out.append(text[position:])
    return "".join(out)


def _word_bytes(encoding: str, payload: str) -> bytes:
    raw = payload.encode("utf-8", "replace")
    if encoding in "bB":
        try:
            return base64.b64decode(raw + b"=" * (-len(raw) % 4))
        except binascii.Error:
            return raw
    return binascii.a2b_qp(raw, header=True)


def mailboxes(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """The addresses of raw address fields, in order, each once; what is no address is left out."""
    found: dict[str, Mailbox] = {}
    for value in values:
        for each in named_addresses(raw_text(value)):
            address = str(each.address)
            if address not in found:
                name = one_line(decode_words(each.name), 200)
                found[address] = Mailbox(address, name or None)
            if len(found) >= MAX_ADDRESSES:
                return tuple(found.values())
    return tuple(found.values())


def message_ids(values: Iterable[str]) -> tuple[str, ...]:
    """The message ids of raw fields, in angle brackets, each once; the first (the root of the
    conversation) and the last ones are kept when there are more than ``MAX_IDS``."""
    found: dict[str, None] = {}
    for value in values:
        text = raw_text(value)
        ids = _MESSAGE_ID.findall(text)
        bare = text.strip()
        if not ids and _BARE_ID.match(bare):
            ids = [bare]
        for each in ids:
            clean = one_line(each, 500)
            if clean:
                found.setdefault(f"<{clean}>")
    every = tuple(found)
    return every if len(every) <= MAX_IDS else every[:1] + every[-(MAX_IDS - 1) :]
