"""Files that old programs write into a mail's text by uuencode. Linear, total."""

import binascii
import re
from dataclasses import dataclass
from typing import Final

_BEGIN: Final = re.compile(r"^begin(?:-base64)? [0-7]{3,4} (\S.{0,250})$", re.MULTILINE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}[ \t]*")
_END: Final = frozenset(("end", "===="))
MAX_FILES: Final = 50


@dataclass(frozen=True, slots=True)
class UuencodedFile:
    """A file found in a text."""

    name: str
    content: bytes


def uudecode(content: bytes) -> tuple[str, bytes] | None:
    """Name and bytes of the first file in ``content``, None if there is none."""
    _, files = take_files(content.decode("latin-1").replace("\r\n", "\n"))
    return (files[0].name.encode("latin-1", "replace").decode("utf-8", "replace"),
            files[0].content) if files else None  # fmt: skip


def take_files(text: str) -> tuple[str, tuple[UuencodedFile, ...]]:
    """The text without the files written into it, and those. What only looks like one stays."""
    if "begin" not in text or not _BEGIN.search(text):
        return text, ()
    kept: list[str] = []
    files: list[UuencodedFile] = []
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        begin = _BEGIN.match(lines[position]) if len(files) < MAX_FILES else None
        read = _read(lines, position + 1, "base64" in lines[position][:13]) if begin else None
        if begin is None or read is None:
            kept.append(lines[position])
            position += 1
            continue
        content, position = read
        files.append(UuencodedFile(begin[1].strip(), content))
    return "\n".join(kept), tuple(files)


def _read(lines: list[str], position: int, is_base64: bool) -> tuple[bytes, int] | None:
    """The bytes of the lines from ``position`` to the end mark, and the line behind it; None at
    the first line that is not of a file."""
    out = bytearray()
    for index in range(position, len(lines)):
        line = lines[index].rstrip("\r")
        if line.strip() in _END:
            return bytes(out), index + 1
        data = _line(line, is_base64)
        if data is None:
            return None
        out += data
    return None


def _line(line: str, is_base64: bool) -> bytes | None:
    if not line.strip() or not line.isascii():
        return b"" if not line.strip() else None
    try:
        if is_base64:
            return binascii.a2b_base64(line) if _BASE64.fullmatch(line) else None
        length = (ord(line[0]) - 32) & 63
        needed = (length + 2) // 3 * 4
        # Programs drop spaces at the end of a line, and some add a checksum.
        if not (needed - 4 <= len(line) - 1 <= needed + 2) and len(line) - 1 < needed // 2:
            return None
        if len(line) - 1 > needed + 2:
            return None
        return binascii.a2b_uu(line[: needed + 1])
    except (binascii.Error, ValueError):
        return None
