"""Puts what pydantic says about a wrong value into words for the person who wrote the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Explained:
    """One error: the way to its place, what is wrong, a hint, whether the key is meant."""

    steps: tuple[str | int, ...]
    message: str
    hint: str | None = None
    at_key: bool = False


def explain(detail: ErrorDetails, model: type[BaseModel], data: object) -> Explained:
    """Explain one pydantic error in `data`, read as a `model`."""
    steps = _steps_in(data, detail["loc"])
    kind = detail["type"]
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "missing":
        return Explained(steps, f"`{name}` is missing", at_key=True)
    if kind == "extra_forbidden":
        known = sorted(_keys_at(model, steps[:-1]))
        message = f"`{name}` is not known here"
        return Explained(steps, message, suggest(name, known), at_key=True)
    if kind == "union_tag_invalid":
        return _wrong_kind(detail, steps)
    value = detail["input"]
    hint = None
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        hint = suggest(str(value), choices)
    elif kind == "string_type" and isinstance(value, int | float):
        hint = "put it in quotes"
    label = f"`{steps[-1]}` " if steps and isinstance(steps[-1], str) else ""
    return Explained(steps, f"{label}{in_words(detail)}{_shown(value)}", hint)


def in_words(detail: ErrorDetails) -> str:
    """What is wrong, as the rest of a sentence that begins with the value's name."""
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "extra_forbidden":
        return "is not known here"
    if detail["type"].startswith("datetime"):
        return "is no instant (written like 2026-01-31T09:00:00Z)"
    if detail["type"].startswith("uuid"):
        return "is no id (a UUID, like 019a1c1e-7a54-7c11-8d5e-0d5cd4b0a1f3)"
    words = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    words = words.removeprefix("Input ")
    return words[:1].lower() + words[1:]


def _wrong_kind(detail: ErrorDetails, steps: tuple[str | int, ...]) -> Explained:
    """A mapping whose discriminator (`kind: fax`) names none of the models it may be."""
    context = detail.get("ctx", {})
    name = str(context.get("discriminator", "")).strip("'")
    choices = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
    given = str(context.get("tag", ""))
    return Explained((*steps, name), f"`{name}` is not known: '{given}'", suggest(given, choices))


def suggest(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the one of `known` that `word` was probably meant to be, or all of few."""
    choices = list(known)
    if (near := nearest(word, choices)) is not None:
        return f"did you mean `{near}`?"
    if 0 < len(choices) <= 12:
        return "known: " + ", ".join(choices)
    return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` is with a slip of the fingers; None when none is that near.

    A slip is a letter too many, too few, another, or two exchanged: one of them in a short word,
    three in ten letters.
    """
    best: tuple[int, str] | None = None
    for one in known:
        longest = max(len(word), len(one))
        most = min(max(1, longest * 3 // 10), (longest - 1) // 2)
        if abs(len(word) - len(one)) > most:
            continue
        slips = _slips(word.casefold(), one.casefold())
        if slips <= most and (best is None or slips < best[0]):
            best = slips, one
    return None if best is None else best[1]


def _slips(one: str, other: str) -> int:
    """The least number of slips between two words (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, its in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | bool) or value is None:
        text = repr(value)
        short = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
        return f", not {short}"
    return ""


def _steps_in(data: object, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """`location` without what is no place in `data`: names of union members and validators."""
    steps: list[str | int] = []
    for index, step in enumerate(location):
        is_last = index == len(location) - 1
        if isinstance(data, Mapping) and str(step) in data:
            data = data[str(step)]
            steps.append(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
            steps.append(step)
        elif is_last and step == "[key]":
            continue
    return tuple(steps)


def _keys_at(model: type[BaseModel], steps: tuple[str | int, ...]) -> set[str]:
    """The keys that `model` allows at `steps`."""
    annotations: list[object] = [model]
    for step in steps:
        annotations = [
            found for one in annotations for found in _members(one, step) if found is not None
        ]
    names: set[str] = set()
    for annotation in annotations:
        for kind in _models_in(annotation):
            names.update(field.alias or name for name, field in kind.model_fields.items())
    return names


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """The models that a value of `annotation` may be: itself, or members of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (list, tuple, dict, set, frozenset):
        return []
    return [kind for one in get_args(annotation) for kind in _models_in(one)]


def _members(annotation: object, step: str | int) -> list[object]:
    """The annotations of what stands at `step` in a value of `annotation`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return [f.annotation for name, f in fields.items() if step in (f.alias or name, name)]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return []
    if isinstance(origin, type) and issubclass(origin, Mapping | list | tuple | set | frozenset):
        return [one for one in arguments if one is not Ellipsis][-1:]
    if origin.__name__ in ("Sequence", "Iterable", "Collection", "Set"):
        return list(arguments[-1:])
    return [found for one in arguments for found in _members(one, step)]
