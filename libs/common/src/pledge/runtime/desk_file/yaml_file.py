"""YAML files written by people: read safely, within bounds, with a place for everything in them.

Scalars follow YAML 1.2's core schema with two departures in favour of what people mean: a number
with a plus sign or a leading zero (`+15550101`, `0123`) is text. `no`, `08:00` and dates are text
too, for the model to read. Keys are always text. Tags, merge keys, doubled keys and a second
document are refused; aliases count as often as they are used, so that a small file can't become a
large value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pledge.runtime.config.error_messages import explain, suggest
from pledge.runtime.desk_file.problem import DeskFileError, Problem, in_file_order

MAX_BYTES = 512 * 1024
MAX_DEPTH = 40
MAX_VALUES = 100_000

Steps = tuple[str | int, ...]
"""The way to a value: keys of mappings and indexes (from 0) of lists, from the root down."""

M = TypeVar("M", bound=BaseModel)

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content (mappings, lists, text, numbers, booleans, None) and where each part is."""

    file: Path
    text: str = field(repr=False)
    data: Any
    values: dict[Steps, tuple[int, int]] = field(repr=False)
    keys: dict[Steps, tuple[int, int]] = field(repr=False)

    def where(self, steps: Steps) -> tuple[int, int]:
        """Line and column, from 1, of the value at `steps`, or of the nearest one around it."""
        return self._nearest(self.values, steps)

    def where_key(self, steps: Steps) -> tuple[int, int]:
        """Line and column, from 1, of the key that leads to `steps`, or of what is around it."""
        return self.keys.get(steps) or self.where(steps)

    def problem(self, steps: Steps, message: str, hint: str | None = None) -> Problem:
        """A Problem at the value at `steps`: for checks that go beyond the model."""
        return Problem(self.file, *self.where(steps), message, hint)

    def unknown(self, steps: Steps, kind: str, name: str, known: Iterable[str]) -> Problem:
        """A Problem at `steps`: the file defines no `kind` of that name."""
        names = list(known)
        hint = suggest(name, names) or (
            f"known: {', '.join(names)}" if names else f"the file defines no {kind} yet"
        )
        return self.problem(steps, f"there is no {kind} `{name}`", hint)

    def twice(self, steps: Steps, name: str) -> Problem:
        """A Problem at `steps`: the name was used before in the same list."""
        return self.problem(steps, f"`{name}` is used twice", "remove one of them, or rename it")

    @staticmethod
    def _nearest(places: dict[Steps, tuple[int, int]], steps: Steps) -> tuple[int, int]:
        while steps and steps not in places:
            steps = steps[:-1]
        return places.get(steps, (1, 1))


def load(path: Path) -> Document:
    """Read the YAML file `path`. Raises DeskFileError when it is none, or is beyond the bounds."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DeskFileError([Problem(path, 1, 1, f"can't be read: {reason}")]) from error
    if len(content) > MAX_BYTES:
        raise DeskFileError([Problem(path, 1, 1, f"is larger than {MAX_BYTES // 1024} KiB")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise DeskFileError([Problem(path, line, column, "is not UTF-8 text")]) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """Read YAML `text`; `path` is what problems name. Raises DeskFileError as `load` does."""
    reader = _Reader(path, text)
    try:
        data = reader.read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"is not valid YAML: {error.problem or error.context}"
        raise DeskFileError([Problem(path, line, column, message)]) from error
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        before = text[: position if isinstance(position, int) else 0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"is not valid YAML: {getattr(error, 'reason', error)}"
        raise DeskFileError([Problem(path, line, column, message)]) from error
    return Document(path, text, data, reader.values, reader.keys)


def validate_document(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """`document` as a `model` and no problem, or None and every problem in file order."""
    if not isinstance(document.data, dict):
        return None, [document.problem((), "should be a mapping with `key: value` lines")]
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        found = [explain(detail, model, document.data) for detail in error.errors()]
    problems = {
        Problem(
            document.file,
            *(document.where_key(one.steps) if one.at_key else document.where(one.steps)),
            one.message,
            one.hint,
        )
        for one in found
    }
    return None, in_file_order(problems)


class _Reader:
    """Builds plain values from YAML events, noting the place of each."""

    def __init__(self, file: Path, text: str) -> None:
        self.values: dict[Steps, tuple[int, int]] = {}
        self.keys: dict[Steps, tuple[int, int]] = {}
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        # The value of each anchor, and of how many values it consists.
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def read(self) -> Any:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise DeskFileError([Problem(self._file, 1, 1, "is empty")])
        data = self._value(next(self._events), ())
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._fail(event, "has a second document; keep one")
        return data

    def _fail(self, event: Any, message: str, hint: str | None = None) -> NoReturn:
        raise DeskFileError([Problem(self._file, *_place(event), message, hint)])

    def _value(self, event: Any, steps: Steps) -> Any:
        self.values[steps] = _place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count
        self._spend(event, 1)
        if len(steps) > MAX_DEPTH:
            self._fail(event, f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif event.tag not in (None, "!"):
            self._fail(event, f"the tag {event.tag} is not allowed", "remove it")
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(steps)
        else:
            value = self._mapping(steps)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _spend(self, event: Any, values: int) -> None:
        self._count += values
        if self._count > MAX_VALUES:
            self._fail(event, f"comes to more than {MAX_VALUES} values, aliases expanded")

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            self._fail(event, f"the alias *{event.anchor} has no anchor before it")
        value, size = self._anchors[event.anchor]
        self._spend(event, size)
        return value

    def _scalar(self, event: Any) -> Any:
        if event.tag not in _PLAIN_TAGS:
            self._fail(event, f"the tag {event.tag} is not allowed", "remove it")
        text = str(event.value)
        if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text):
            self._fail(event, "holds a NUL or half a surrogate pair, which no database stores")
        is_plain = event.implicit[0] and not event.style
        return _resolve(text) if is_plain else text

    def _list(self, steps: Steps) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*steps, len(items))))
        return items

    def _mapping(self, steps: Steps) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in entries:
                first = self.keys[(*steps, key)][0]
                self._fail(event, f"`{key}` is here a second time", f"first on line {first}")
            self.keys[(*steps, key)] = _place(event)
            entries[key] = self._value(next(self._events), (*steps, key))
        return entries

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._fail(event, "a key must be plain text")
        if event.value == "<<" and not event.style:
            self._fail(event, "merge keys (<<) are not supported", "write the entries out")
        self._scalar(event)
        return str(event.value)


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _resolve(text: str) -> str | int | float | bool | None:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
