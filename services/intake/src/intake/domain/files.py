"""What a desk takes of files, and how a file that somebody sent may be named and shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from intake.domain.text import one_line

KILOBYTE: Final = 1_000
MEGABYTE: Final = 1_000_000
MAX_NAME: Final = 150
"""Characters of a file's name that are kept: file systems take 255 bytes."""
# What Windows and Unix forbid in names, and what makes a path of one. The marks that turn the
# direction of writing make `gnp.exe` look like `exe.png`.
_UNSAFE: Final = re.compile('[/\\\\:*?"<>|\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
PICTURE_TYPES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))


@dataclass(frozen=True, slots=True)
class FileRules:
    """What a desk takes of files, and how long it keeps them. Sizes are bytes; None: no rule of its
    own. ``advice`` is said to senders whose files are not taken."""

    largest: int | None = None
    most: int | None = None
    advice: str = ""
    keep_messages: timedelta = timedelta(days=365)
    keep_files: timedelta | None = None

    def refusal(self, files: Sequence[tuple[str, int]]) -> str | None:
        """Why the files (name and bytes of each) are not taken, and what to do; None: they are."""
        if self.most is not None and len(files) > self.most:
            said = f"{len(files)} files are too many: {self.most} are taken at once"
            return f"{said}. {self.advice}".strip()
        for name, size in files:
            if self.largest is not None and size > self.largest:
                said = (
                    f"{safe_name(name)} has {size_in_words(size)}: files of up to "
                    f"{size_in_words(self.largest)} are taken here"
                )
                return f"{said}. {self.advice}".strip()
        return None


def size_in_words(size: int) -> str:
    """The size for people: 812 bytes, 12 kB, 3.4 MB."""
    if size < KILOBYTE:
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{size // KILOBYTE} kB" if size < MEGABYTE else f"{size / MEGABYTE:,.1f} MB"


def safe_name(name: str) -> str:
    """The name without a path and without what a system or a reader could mistake."""
    last = re.split(r"[/\\]", name.rstrip("/\\ "))[-1]
    clean = one_line(_UNSAFE.sub("_", last), MAX_NAME).strip(". ")
    return clean or "file"


def picture_type(content: bytes) -> str | None:
    """The type of a picture that a browser may show, by its first bytes; None: it is none. What its
    sender calls it says nothing."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _PICTURES if content.startswith(magic)), None)
