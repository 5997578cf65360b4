"""The header block of a message or part: its fields as they stand, and their parameters.

Bounded by size, number and length before anything is split. Total: any bytes give fields.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from intake.mail.charsets import decode_bytes

Fields: TypeAlias = Mapping[str, Sequence[str]]
"""Raw values by lower-case name; bytes beyond ASCII are surrogate escapes."""

MAX_HEADER_BLOCK: Final = 262_144
MAX_FIELDS: Final = 2_000
MAX_SAME_FIELD: Final = 20
MAX_FIELD: Final = 8_192
"""Characters of one header field that are looked at."""

# A line that begins no field, and is no folded one either, belongs to the field before it: some
# gateways fold at a fixed width and forget the space.
_FIELD: Final = re.compile(
    r"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\n(?![!-9;-~]+[ \t]*:).*)*)", re.MULTILINE
)
_FIELD_OR_FOLDED: Final = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]")
_USUAL_FIELD: Final = re.compile(
    rb"^(?:from|to|subject|date|message-id|received|mime-version|content-type|return-path"
    rb"|delivered-to|reply-to|x-[a-z-]+)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_LEADING: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?(?:[ \t]*\r?\n)*")
_ENVELOPE_LINE: Final = re.compile(rb">?From [^\n]*\n")

_FOLD: Final = re.compile(r"\r?\n")
_PARAMETER: Final = re.compile(r";\s*([^\s=;]+)\s*=\s*(\"(?:[^\"\\]|\\.)*(?:\"|\\?$)|[^;]*)", re.S)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.S)
_PIECE: Final = re.compile(r"^(.+?)(?:\*(\d{1,3}))?(\*)?$", re.S)


@dataclass(frozen=True, slots=True)
class Head:
    """A mail's own header block and where its body begins."""

    fields: Fields
    body: int
    defects: tuple[str, ...]


def read_head(raw: bytes) -> Head:
    """The fields at the beginning of a mail, also behind what gateways put before them: a mark of
    byte order, empty lines, a ``From `` line."""
    skipped = _LEADING.match(raw)
    start = skipped.end() if skipped else 0
    envelope_line = _ENVELOPE_LINE.match(raw, start, start + 1_000)
    if envelope_line:
        start = envelope_line.end()
    end, body = block_end(raw, start, len(raw))
    if start and not _USUAL_FIELD.search(raw[start : min(end, start + MAX_HEADER_BLOCK)]):
        return Head({}, skipped.end() if skipped else 0, ())  # the words of a mail without fields
    fields, defects = read_fields(raw[start : min(end, start + MAX_HEADER_BLOCK)])
    if end - start > MAX_HEADER_BLOCK:
        defects = (*defects, "header_too_long")
    return Head(fields, body, defects) if fields else Head({}, start, defects)


def block_end(raw: bytes, start: int, stop: int) -> tuple[int, int]:
    """Where the header block from ``start`` ends and its body begins. Without an empty line the
    first line that is neither a field nor folded begins the body."""
    empty = 1 if raw.startswith(b"\n", start) else 2 if raw.startswith(b"\r\n", start) else 0
    if empty:
        return start, start + empty
    blank = BLANK_LINE.search(raw, start, stop)
    if blank:
        return blank.start() + 1, blank.end()
    position = start
    while position < stop and _FIELD_OR_FOLDED.match(raw, position, stop):
        line_end = raw.find(b"\n", position, stop)
        position = stop if line_end < 0 else line_end + 1
    return position, position


def read_fields(block: bytes) -> tuple[Fields, tuple[str, ...]]:
    """The fields of a header block, and what was wrong with it."""
    found: dict[str, list[str]] = {}
    text = block.decode("ascii", "surrogateescape")
    fields = _FIELD.findall(text)
    for name, value in fields[:MAX_FIELDS]:
        lowered = name.lower()
        values = found.get(lowered)
        if values is None:
            found[lowered] = [value.rstrip("\r\n")]
        elif len(values) < MAX_SAME_FIELD:
            values.append(value.rstrip("\r\n"))
    return found, ("too_many_fields",) if len(fields) > MAX_FIELDS else ()


def first(fields: Fields, name: str) -> str:
    """The first field of that name, "" if there is none."""
    values = fields.get(name)
    return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class Structured:
    """A field such as Content-Type: its value in lower case, and its parameters by name."""

    value: str
    parameters: Mapping[str, str]
    is_cut: bool = False


_NOTHING: Final = Structured("", {})


def structured(field: str) -> Structured:
    """The value and parameters of a field, of which ``MAX_FIELD`` characters are looked at."""
    if not field:
        return _NOTHING
    is_cut = len(field) > MAX_FIELD
    looked_at = field[:MAX_FIELD]
    if "\n" in looked_at:
        looked_at = _FOLD.sub("", looked_at)
    value, semicolon, _ = looked_at.partition(";")
    value, _, behind = value.strip().partition(" " if "\t" not in value else "\t")
    if "=" in behind:  # the semicolon before the first parameter is missing
        looked_at = f";{looked_at.strip()[len(value) :]}"
    elif not semicolon:
        return Structured(value.lower(), {}, is_cut)
    return Structured(value.lower(), _parameters(looked_at), is_cut)


def _parameters(field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, raw in _PARAMETER.findall(field):
        value = _unquoted(raw)
        if "*" not in name:
            found.setdefault(name.lower(), value)
        elif piece := _PIECE.match(name):
            numbered = pieces.setdefault(piece[1].lower(), {})
            numbered.setdefault(int(piece[2] or 0), (value, bool(piece[3])))
    for name, numbered in pieces.items():
        found[name] = _joined(numbered)
    return found


def _unquoted(raw: str) -> str:
    if raw.startswith('"'):
        inner = raw[1:-1] if len(raw) > 1 and raw.endswith('"') else raw[1:]
        return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner
    return raw.strip()


def _joined(numbered: Mapping[int, tuple[str, bool]]) -> str:
    """The pieces of one parameter, percent codes decoded in the charset that the first names
    (RFC 2231)."""
    charset = ""
    out = bytearray()
    for index, (number, (value, is_coded)) in enumerate(sorted(numbered.items())):
        if number != index:  # what follows a piece that is missing can't be placed
            break
        text = value
        if index == 0 and is_coded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data = text.encode("utf-8", "surrogateescape")
        out += unquote_to_bytes(data) if is_coded else data
    return decode_bytes(bytes(out), charset)
