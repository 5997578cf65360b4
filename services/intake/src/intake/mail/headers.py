"""Header fields of real mail: raw 8-bit bytes, encoded-words in any charset, odd addresses.

Addresses are found in the raw field, by grammar (``address_fields``); only their names are decoded.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from intake.domain.text import one_line
from intake.mail.address_fields import named_addresses

MAX_FIELD: Final = 8_192
"""Characters of one header field that are looked at."""
MAX_ADDRESSES: Final = 50
MAX_IDS: Final = 50

_ENCODED_WORD: Final = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\s]*)\?=")
_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,500})>")
_BARE_ID: Final = re.compile(r"^[^<>\s]{1,500}@[^<>\s]{1,200}$")

# Labels whose bytes, in real mail, are of a larger charset, or that Python does not know.
_CHARSETS: Final[Mapping[str, str]] = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-gb2312": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-mac-roman": "mac-roman",
}

# Codecs of Python that are no charsets of mail. The first two take time by the square of the
# length: a few hundred kB of them would keep a processor busy for minutes.
_NOT_CHARSETS: Final = frozenset(
    {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"}
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, lower-cased, and the name that stands with it, or None."""

    address: str
    name: str | None


def decode_bytes(data: bytes, charset: str | None) -> str:
    """Bytes as text, under the charset they name, else UTF-8, else Windows-1252. Total."""
    label = _charset_label(charset)
    for name in (_CHARSETS.get(label, label), "utf-8"):
        if not name:
            continue
        try:
            return data.decode(name)
        except (LookupError, ValueError):  # an unknown charset, or bytes that are not in it
            continue
    if label in {"", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "utf-8"}:
        return data.decode("windows-1252", "replace")
    return _decode_leniently(data, _CHARSETS.get(label, label))


def _charset_label(charset: str | None) -> str:
    """The charset's name in lower case; "" for what is none."""
    label = (charset or "").strip().strip("\"'").lower()
    try:
        return "" if codecs.lookup(label).name in _NOT_CHARSETS else label
    except (LookupError, ValueError):  # ours may know it all the same
        return label


def _decode_leniently(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("windows-1252", "replace")


def raw_text(value: str) -> str:
    """A raw field unfolded; 8-bit bytes (surrogate escapes) read as UTF-8, else Windows-1252."""
    value = _FOLD.sub(" ", value[:MAX_FIELD])
    if value.isascii():
        return value
    return decode_bytes(value.encode("utf-8", "surrogateescape"), None)


def decode_words(value: str) -> str:
    """A raw unstructured field as text: RFC 2047 words decoded, white space between adjacent ones
    dropped (§6.2), and a character split over two words of one charset put together again."""
    text = raw_text(value)
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
        pending, pending_charset = pending + _word_bytes(word[2], word[3]), charset
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
