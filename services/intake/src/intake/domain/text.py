"""Text that a database, a JSON parser and a reader can all take."""

import re
from typing import Final

# PostgreSQL refuses NUL, UTF-8 refuses lone surrogates, and neither means anything to a reader.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_UNPRINTABLE: Final = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
CUT_MARK: Final = "\n[…]"


def storable(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD and other controls dropped."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return _UNPRINTABLE.sub("", _UNSTORABLE.sub("\ufffd", text))


def one_line(text: str, limit: int) -> str:
    """The text on one line, storable, white space collapsed, at most ``limit`` characters."""
    line = " ".join(storable(text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def paragraphs(text: str, limit: int) -> str:
    """The text storable, with LF line ends, of at most ``limit`` characters, marked where cut."""
    clean = storable(text[: limit * 2]).replace("\r\n", "\n").replace("\r", "\n")
    clean = _BLANK_LINES.sub("\n\n", clean).strip()
    if len(clean) <= limit and len(text) <= limit * 2:
        return clean
    return clean[: limit - len(CUT_MARK)].rstrip() + CUT_MARK
