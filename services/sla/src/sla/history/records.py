"""Reads the records of an export: JSON lines, a JSON document that holds a list, or CSV.

Records are yielded one at a time; of a JSON document only its text and one record are in memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

MAX_BYTES = 4 * 1024**3
"""A JSON document is read whole: larger exports come as lines, or in several files."""

MAX_FIELD = 16 * 1024**2
"""Characters of a CSV field: a description with a pasted log is long, a lost quote has no end."""

Record = dict[str, Any]
Progress = Callable[[int], None]
"""Called with the number of bytes that were read since the last call."""


class BadExport(Exception):
    """The export can't be read: the file, the place, and what to do."""


def json_records(path: Path, names: tuple[str, ...], progress: Progress) -> Iterator[Record]:
    """The objects of a file: of each line, of a list, or of the lists under `names` in an object.

    Raises BadExport.
    """
    try:
        if _is_lines(path):
            yield from _lines(path, names, progress)
        else:
            yield from _document(path, names, progress)
    except OSError as error:
        raise BadExport(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadExport(f"{path} is not UTF-8 text: {error.reason}") from error


def csv_records(path: Path, delimiter: str, id_: str, progress: Progress) -> Iterator[Record]:
    """The rows of a CSV file by the names of its first row, `id_` among them. Raises BadExport."""
    csv.field_size_limit(MAX_FIELD)
    number = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(_counted(file, progress), delimiter=delimiter)
            if id_ not in (rows.fieldnames or ()):
                columns = ", ".join(rows.fieldnames or ())[:200] or "none"
                raise BadExport(
                    f"{path}: the first row has no column `{id_}`, which the mapping names as `id` "
                    f"(columns: {columns}); name the right one with --map, or another --from"
                )
            for row in rows:
                number += 1
                yield {name: value for name, value in row.items() if name is not None}
    except OSError as error:
        raise BadExport(f"{path} can't be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadExport(f"{path}: after row {number}: {error}") from error


def _counted(lines: Iterator[str], progress: Progress) -> Iterator[str]:
    for line in lines:
        progress(len(line))
        yield line


def _is_lines(path: Path) -> bool:
    """Whether the first line is an object by itself, and not the beginning of a document."""
    with path.open("rb") as file:
        for line in file:
            if text := line.strip():
                if not text.startswith(b"{"):
                    return False
                try:
                    json.loads(text)
                except (ValueError, RecursionError):
                    return False
                return True
    return False


def _lines(path: Path, names: tuple[str, ...], progress: Progress) -> Iterator[Record]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            progress(len(line))
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadExport(f"{path}:{number}: is not JSON: {error}") from error
            yield from _objects(found, names)


def _document(path: Path, names: tuple[str, ...], progress: Progress) -> Iterator[Record]:
    if path.stat().st_size > MAX_BYTES:
        limit = MAX_BYTES // 1024**3
        raise BadExport(f"{path} is larger than {limit} GiB: export JSON lines, or several files")
    text = path.read_text(encoding="utf-8-sig")
    decoder, at = json.JSONDecoder(), _blank(text, 0)
    try:
        if text[at : at + 1] == "[":
            yield from _list(text, at, decoder, progress)
        elif text[at : at + 1] == "{":
            yield from _members(text, at, names, decoder, progress)
        else:
            raise BadExport(f"{path} holds neither JSON objects nor a list of them")
    except (ValueError, RecursionError) as error:
        raise BadExport(f"{path}: is not JSON: {error}") from error


def _members(
    text: str, at: int, names: tuple[str, ...], decoder: json.JSONDecoder, progress: Progress
) -> Iterator[Record]:
    """The lists under `names`; an object without any of them is a record itself."""
    begin, is_page, at = at, False, _blank(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = decoder.raw_decode(text, at)
        at = _blank(text, at)
        at = _blank(text, at + 1)  # the colon
        if name in names and text[at : at + 1] == "[":
            is_page = True
            at = yield from _list(text, at, decoder, progress)
        else:
            _, at = decoder.raw_decode(text, at)
        at = _blank(text, at)
        at = _blank(text, at + 1)  # the comma, or the end
    if not is_page:
        found, _ = decoder.raw_decode(text, begin)
        yield found


def _list(
    text: str, at: int, decoder: json.JSONDecoder, progress: Progress
) -> Generator[Record, None, int]:
    """The objects of the list that begins at `at`; returns the place behind it."""
    at = _blank(text, at + 1)
    while text[at : at + 1] != "]":
        begin = at
        found, at = decoder.raw_decode(text, at)
        progress(at - begin)
        if isinstance(found, dict):
            yield found
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
    return at + 1


def _blank(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    while text[at : at + 1] in (" ", "\n", "\r", "\t") and at < len(text):
        at += 1
    return at


def _objects(found: Any, names: tuple[str, ...]) -> Iterator[Record]:
    """A line's object, or the records of a page of an API that stands on one line."""
    if not isinstance(found, dict):
        return
    lists = [found[name] for name in names if isinstance(found.get(name), list)]
    if lists and "id" not in found and "key" not in found:
        for each in lists:
            yield from (one for one in each if isinstance(one, dict))
        return
    yield found
