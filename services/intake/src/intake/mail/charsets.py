"""Bytes as text: in the charset that they name, then tolerantly. Total: any bytes give a text."""

import codecs
import re
from collections.abc import Mapping
from typing import Final

# Labels whose bytes, in real mail, are of a larger charset, or that Python does not know.
_CHARSETS: Final[Mapping[str, str]] = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "gb_2312-80": "gb18030",
    "iso-gb2312": "gb18030",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ks_c_5601-1989": "cp949",
    "euc-kr": "cp949",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "iso-8859-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "latin1": "windows-1252",
    "latin-1": "windows-1252",
    "cp-1252": "windows-1252",
    "iso-8859-9": "windows-1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "x-euc-jp": "euc_jp",
    "unicode-1-1-utf-7": "utf-7",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
}

# Codecs of Python that are no charsets of mail. The first two take time by the square of the
# length: a few hundred kB of them would keep a processor busy for minutes.
_NOT_CHARSETS: Final = frozenset(
    {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"}
)
_LATIN: Final = frozenset(("utf-8", "windows-1252"))

# Their bytes are all ASCII: read as UTF-8, escape codes would stand where the words should.
_STATEFUL: Final = re.compile(r"iso-?2022|^utf-?7$|hz")
_JAPANESE: Final = re.compile(r"iso-?2022-?_?jp|^csiso2022jp")
_ESCAPE: Final = re.compile(rb"\x1b(\$\([@BD]|\$[@AB]|\([BHIJ]|\.A)")
_ISO_2022_JP: Final = re.compile(rb"\x1b(?:\$[@B]|\$\([BD]|\([IJ])")


def decode_bytes(data: bytes, charset: str | None, otherwise: str | None = None) -> str:
    """Bytes as text, under the charset they name, else UTF-8, else ``otherwise`` if they fit it,
    else Windows-1252; bytes that the charset named lacks become U+FFFD where the rest fits."""
    label = _label(charset)
    name = _CHARSETS.get(label, label)
    if (not label or name == "utf-8") and _ISO_2022_JP.search(data[:10_000]):
        label = name = "iso-2022-jp"
    if name and _STATEFUL.search(name):
        return _stateful(data, name)
    for each in (name, "utf-8", _CHARSETS.get(_label(otherwise), _label(otherwise))):
        if not each:
            continue
        try:
            return data.decode(each)
        except (LookupError, ValueError):  # an unknown charset, or bytes that are not in it
            continue
    if name == "utf-8" and (text := _mostly_utf8(data)):
        return text
    if not name or name in _LATIN:
        return data.decode("windows-1252", "replace")
    return _leniently(data, name)


def _label(charset: str | None) -> str:
    """The charset's name in lower case; "" for what is none."""
    label = (charset or "").strip().strip("\"'").lower()
    if not label or label in _CHARSETS or label == "utf-8":
        return label
    try:
        return "" if codecs.lookup(label).name in _NOT_CHARSETS else label
    except (LookupError, ValueError):  # ours may know it all the same
        return label


def _leniently(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("windows-1252", "replace")


def _mostly_utf8(data: bytes) -> str:
    """Text that is UTF-8 but for a few bytes, which become U+FFFD; "" if most are not."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    beyond_ascii = sum(not each.isascii() for each in text) - wrong
    return text if beyond_ascii >= wrong else ""


def _stateful(data: bytes, name: str) -> str:
    if not _JAPANESE.search(name):
        return _leniently(data, name)
    try:
        return data.decode("iso2022_jp_ext")
    except ValueError:
        return _iso_2022_jp(data)


def _iso_2022_jp(data: bytes) -> str:
    """ISO-2022-JP as mail programs write it: with the vendors' row 13 and the rows of extensions,
    each two bytes read as their Shift_JIS form is (WHATWG Encoding, index jis0208)."""
    pieces = _ESCAPE.split(data)
    out = [_leniently(pieces[0], "cp932")]
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape in {b"$@", b"$B", b"$(B", b"$(@"}:
            out.append(_jis(piece))
        elif escape == b"(I":  # half-width katakana
            out.append(_leniently(bytes(each | 0x80 for each in piece), "cp932"))
        elif escape in {b"$(D", b"$A", b".A"}:  # rare: the supplement, Chinese, Latin-1
            codec = "iso2022_jp_ext" if escape == b"$(D" else "iso2022_jp_2"
            out.append((b"\x1b" + escape + piece + b"\x1b(B").decode(codec, "replace"))
        else:
            out.append(_leniently(piece, "cp932"))
    return "".join(out)


def _jis(piece: bytes) -> str:
    """Two bytes a character of JIS X 0208; line ends and spaces stand for themselves."""
    shifted = bytearray()
    position = 0
    while position < len(piece):
        lead = piece[position] & 0x7F
        trail = piece[position + 1] & 0x7F if position + 1 < len(piece) else 0
        if not (0x21 <= lead <= 0x7E and 0x21 <= trail <= 0x7E):
            shifted.append(lead)
            position += 1
            continue
        row = (lead - 0x21) // 2
        shifted.append(row + (0x81 if row < 0x1F else 0xC1))
        if lead % 2:
            shifted.append(trail + (0x1F if trail < 0x60 else 0x20))
        else:
            shifted.append(trail + 0x7E)
        position += 2
    return _leniently(bytes(shifted), "cp932")
