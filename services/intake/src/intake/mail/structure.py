"""A mail taken apart into its parts, in one pass over the lines that may begin one.

Parts are slices of the mail's bytes: nothing is written anew. Work and memory are bounded by the
number of such lines, the depth and the number of parts, whatever the mail looks like.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from intake.mail.fields import (
    BLANK_LINE,
    MAX_FIELD,
    MAX_HEADER_BLOCK,
    Fields,
    Structured,
    block_end,
    first,
    read_fields,
    structured,
)

MAX_PARTS: Final = 200
MAX_DEPTH: Final = 50
MAX_DELIMITERS: Final = 100_000
"""Lines that may begin a part; a mail with more is not taken apart."""

_TRIED: Final = 2
"""Lines within one header block that are compared with the boundary declared before them."""
_DELIMITER: Final = re.compile(rb"^--([^\r\n]*)", re.MULTILINE)


@dataclass(slots=True)
class Part:
    """One part: its fields, and its content as a slice of the mail, or its parts."""

    fields: Fields
    content_type: Structured
    start: int
    end: int
    default_type: str = "text/plain"
    parts: list["Part"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its media type in lower case."""
        value = self.content_type.value
        return (value.split() or [""])[0] if value else self.default_type


def read_structure(raw: bytes, fields: Fields, body: int) -> tuple[Part, list[str]]:
    """The tree of the mail whose body begins at ``body``, and what was wrong with it."""
    root = Part(fields, structured(first(fields, "content-type")), body, len(raw))
    if not (root.kind.startswith("multipart/") and root.content_type.parameters.get("boundary")):
        return root, []
    lines = _candidates(raw, body)
    if lines is None:
        return root, ["too_many_lines"]
    splitter = _Splitter(raw, lines)
    splitter.split(root)
    return root, splitter.defects


def _candidates(raw: bytes, body: int) -> list[tuple[int, int, bytes]] | None:
    """Where each line that may begin a part begins and ends, and what follows its ``--``; None if
    there are too many of them."""
    found = []
    for count, each in enumerate(_DELIMITER.finditer(raw, body)):
        if count >= MAX_DELIMITERS:
            return None
        found.append((each.start(), each.end(), each[1].rstrip()))
    return found


@dataclass(slots=True)
class _Open:
    """A multipart that is not closed yet. With ``is_prefix`` none of its lines is exact (RFC 2046
    §5.1.1: it is enough that a line begins with the boundary)."""

    boundary: bytes
    part: Part
    is_prefix: bool


class _Splitter:
    def __init__(self, raw: bytes, lines: Sequence[tuple[int, int, bytes]]) -> None:
        self._raw, self._lines = raw, lines
        self._names: set[bytes] | None = None
        self._sorted: list[bytes] = []
        self._open: list[_Open] = []
        self._lost: dict[bytes, Part] = {}
        """Multiparts that a line of an outer one ended; their own lines still begin parts."""
        self._depths: dict[bytes, list[int]] = {}
        self._prefixes = 0
        self._count = 0
        self._blank = -1
        self.defects: list[str] = []

    def split(self, root: Part) -> None:
        """Fill ``root`` with its parts, and those with theirs."""
        leaf: Part | None = None
        index = 0
        self._begin(root)
        while index < len(self._lines) and self._open:
            start, end, name = self._lines[index]
            index += 1
            found = self._match(name)
            if found is None:
                continue
            depth, is_close = found
            if leaf is not None:
                self._finish(leaf, start)
                leaf = None
            self._close_to(depth + 1, start, is_lost=True)
            if is_close:
                self._close_to(depth, start)
                continue
            if self._count >= MAX_PARTS:
                self.defects.append("too_many_parts")
                break
            leaf, index = self._part(depth, self._after_line(end), index)
        if leaf is not None:
            leaf.end = self._end_of_last(leaf)

    def _end_of_last(self, leaf: Part) -> int:
        """Where a part ends that no line ends: with the mail, or before a last delimiter that does
        not stand at the beginning of its line."""
        tail = self._raw[max(leaf.start, len(self._raw) - 1_100) :].rstrip()
        stripped = len(self._raw[leaf.start :].rstrip())
        for each in reversed(self._open):
            if tail.endswith(b"--" + each.boundary + b"--"):
                return leaf.start + stripped - len(each.boundary) - 4
        return len(self._raw)

    def _after_line(self, end: int) -> int:
        line_end = self._raw.find(b"\n", end, end + 1_000)
        return len(self._raw) if line_end < 0 else line_end + 1

    def _part(self, depth: int, start: int, index: int) -> tuple[Part | None, int]:
        """The part that begins at ``start``, None if it is a multipart; and the next line."""
        self._count += 1
        parent = self._open[depth].part
        default = "message/rfc822" if parent.kind == "multipart/digest" else "text/plain"
        stop, index = self._end_of_fields(start, index)
        end, body = block_end(self._raw, start, stop)
        fields, defects = read_fields(self._raw[start : min(end, start + MAX_HEADER_BLOCK)])
        self.defects += defects
        kind = structured(first(fields, "content-type"))
        part = Part(fields, kind, body, len(self._raw), default)
        parent.parts.append(part)
        if kind.value.startswith("multipart/") and self._begin(part):
            return None, index
        return part, index

    def _end_of_fields(self, start: int, index: int) -> tuple[int, int]:
        """Where the header block that begins at ``start`` must end: behind its empty line, or at
        a line that begins another part."""
        raw = self._raw
        if raw.startswith((b"\n", b"\r\n"), start):
            return start + 2, index
        if self._blank <= start:  # the same empty line serves all parts before it
            blank = BLANK_LINE.search(raw, max(start - 1, 0))
            self._blank = blank.end() if blank else len(raw) + 1
        stop = min(self._blank, len(raw))
        tried = 0
        while index < len(self._lines) and self._lines[index][0] < stop:
            line_start, _, name = self._lines[index]
            if self._match(name) is not None:
                return line_start, index
            if tried < _TRIED and self._declares(start, line_start, name):
                return line_start, index
            tried += 1
            index += 1
        return stop, index

    def _declares(self, start: int, line_start: int, name: bytes) -> bool:
        """Whether the fields before a line, with no empty line between, make it begin a part."""
        if not name or line_start - start > MAX_FIELD:
            return False
        block = self._raw[start:line_start]
        if name not in block:
            return False
        kind = structured(first(read_fields(block)[0], "content-type"))
        return kind.value.startswith("multipart/") and _boundary(kind) == name

    def _begin(self, part: Part) -> bool:
        """Open a multipart; without a usable boundary it stays as it is: False."""
        boundary = _boundary(part.content_type)
        if not boundary:
            return False
        if len(self._open) >= MAX_DEPTH:
            self.defects.append("too_deep")
            return False
        names = self._all_names()
        is_prefix = boundary not in names and boundary + b"--" not in names
        if is_prefix:
            at = bisect_left(self._sorted, boundary)
            if at == len(self._sorted) or not self._sorted[at].startswith(boundary):
                return False
            self._prefixes += 1
        self._push(_Open(boundary, part, is_prefix))
        return True

    def _push(self, opened: _Open) -> None:
        self._open.append(opened)
        self._depths.setdefault(opened.boundary, []).append(len(self._open) - 1)

    def _all_names(self) -> set[bytes]:
        if self._names is None:
            self._names = {each[2] for each in self._lines}
            self._sorted = sorted(self._names)
        return self._names

    def _match(self, name: bytes) -> tuple[int, bool] | None:
        """Which open multipart a line belongs to, the innermost first, and whether it ends it."""
        depths = self._depths
        begins = depths.get(name)
        closes = depths.get(name[:-2]) if name.endswith(b"--") else None
        if begins and (not closes or begins[-1] > closes[-1]):
            return begins[-1], False
        if closes:
            return closes[-1], True
        if self._prefixes:
            for depth in range(len(self._open) - 1, -1, -1):
                each = self._open[depth]
                if each.is_prefix and name.startswith(each.boundary):
                    return depth, name == each.boundary + b"--"
        return self._reopened(name) if self._lost else None

    def _reopened(self, name: bytes) -> tuple[int, bool] | None:
        is_close = name.endswith(b"--") and name not in self._lost
        boundary = name[:-2] if is_close else name
        part = self._lost.pop(boundary, None)
        if part is None or len(self._open) >= MAX_DEPTH:
            return None
        again = Part(part.fields, part.content_type, part.start, part.end)
        self._open[-1].part.parts.append(again)
        self._push(_Open(boundary, again, is_prefix=False))
        return len(self._open) - 1, is_close

    def _finish(self, leaf: Part, start: int) -> None:
        """End a part before the line at ``start``; the line end between them is the line's."""
        end = start
        if end > leaf.start and self._raw[end - 1 : end] == b"\n":
            end -= 1
            if end > leaf.start and self._raw[end - 1 : end] == b"\r":
                end -= 1
        leaf.end = max(end, leaf.start)

    def _close_to(self, depth: int, end: int, *, is_lost: bool = False) -> None:
        while len(self._open) > depth:
            closed = self._open.pop()
            closed.part.end = end
            if is_lost:
                self._lost[closed.boundary] = closed.part
            depths = self._depths[closed.boundary]
            depths.pop()
            if not depths:
                del self._depths[closed.boundary]
            self._prefixes -= closed.is_prefix


def _boundary(kind: Structured) -> bytes:
    value = kind.parameters.get("boundary", "")
    return value[:1_000].rstrip().encode("utf-8", "surrogateescape")
