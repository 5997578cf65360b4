"""docs/reference/settings.md: every environment variable, from the classes that read them.

What a variable means is its field's description and the comment above the field.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AwareDatetime, SecretStr
from pydantic.fields import FieldInfo

from pledge.runtime.config.settings import (
    EnvironmentSettings,
    KafkaSettings,
    ServiceSettings,
    Variable,
    variables_of,
)
from pledge.runtime.reference.plugins import classes_of_services

_HEAD = """\
# Settings

Every environment variable that Pledge's services read. This file is generated from the code by
`make spec`; do not edit it.

Any of them can come from a file instead: `NAME_FILE` holds its path, as secrets are mounted in
containers. Durations are seconds (`2.5`), with units (`2m30s`) or ISO 8601 (`PT2M30S`). A process
that is given something wrong says which variable, and what is wrong with it, and does not start.
"""


@dataclass(frozen=True, slots=True)
class Described:
    """One variable: what it may be, what it is when not set, and what it means."""

    variable: str
    kind: str
    default: str
    meaning: str


def render() -> str:
    """The whole document, of the runtime and of every installed service. Raises NoSuchClass."""
    shared = [one for one in _fields(ServiceSettings) if _is_shared(one[1])]
    each = [one for one in _fields(ServiceSettings) if not _is_shared(one[1])]
    parts = [_HEAD]
    parts += _section("Kafka", describe(KafkaSettings, _fields(KafkaSettings)))
    parts += _section("All services", describe(ServiceSettings, shared))
    described = describe(ServiceSettings, each)
    parts += _section(
        "Each service by itself",
        [
            Described(f"PLEDGE_<SERVICE>_{one.variable}", one.kind, one.default, one.meaning)
            for one in described
        ],
    )
    inherited = set(ServiceSettings.model_fields)
    for service, settings in classes_of_services("settings", "Settings"):
        own = [(name, field) for name, field in _fields(settings) if name not in inherited]
        parts += _section(service, describe(settings, own))
    return "\n".join(parts)


def describe(
    cls: type[EnvironmentSettings], fields: Sequence[tuple[str, FieldInfo]]
) -> list[Described]:
    """`fields` of `cls` in words."""
    remarks = _remarks(cls)
    names = dict(zip(cls.model_fields, variables_of(cls), strict=True))
    return [
        Described(
            names[name],
            _kind(field),
            _default(field),
            _meaning(field.description, remarks.get(name, "")),
        )
        for name, field in fields
    ]


def _fields(cls: type[EnvironmentSettings]) -> list[tuple[str, FieldInfo]]:
    return list(cls.model_fields.items())


def _is_shared(field: FieldInfo) -> bool:
    return any(isinstance(extra, Variable) for extra in field.metadata)


def _kind(field: FieldInfo) -> str:
    words = _type_in_words(field.annotation)
    bounds = {
        sign: getattr(extra, name)
        for extra in field.metadata
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(extra, name)
    }
    limits = ", ".join(f"{sign} {_in_words(value)}" for sign, value in bounds.items())
    return f"{words}, {limits}" if limits else words


def _type_in_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _type_in_words(get_args(annotation)[0])
    members = [one for one in get_args(annotation) if one is not type(None)]
    if members and type(None) in get_args(annotation):
        return " or ".join(_type_in_words(one) for one in members)
    names = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        Path: "path",
        SecretStr: "secret",
        timedelta: "duration",
        AwareDatetime: "instant",
    }
    return names.get(annotation, "JSON" if members else getattr(annotation, "__name__", "text"))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", [], {}):
        return "–"
    return "(secret)" if isinstance(value, SecretStr) else f"`{_in_words(value)}`"


def _in_words(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)


def _meaning(description: str | None, remark: str) -> str:
    sentences = [one.strip().rstrip(".") for one in (description or "", remark) if one.strip()]
    text = ". ".join(one[:1].upper() + one[1:] for one in sentences)
    return f"{text}." if text else ""


def _remarks(cls: type[EnvironmentSettings]) -> dict[str, str]:
    """The comments that stand directly above the fields of `cls` and its bases, by field."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, EnvironmentSettings) or base is EnvironmentSettings:
            continue
        source = textwrap.dedent(inspect.getsource(base))
        lines = source.splitlines()
        (tree,) = ast.parse(source).body
        assert isinstance(tree, ast.ClassDef)
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = _comment_above(lines, node.lineno - 1)
    return found


def _comment_above(lines: Sequence[str], index: int) -> str:
    comment: list[str] = []
    while index > 0 and (line := lines[index - 1].strip()).startswith("#"):
        comment.insert(0, line.lstrip("# "))
        index -= 1
    return " ".join(comment)


def _section(title: str, described: Sequence[Described]) -> list[str]:
    head = [f"## {title}", "", "| variable | value | default | meaning |", "|---|---|---|---|"]
    rows = [
        f"| `{one.variable}` | {one.kind} | {one.default} | {one.meaning} |".replace("||", "|")
        for one in described
    ]
    return [*head, *rows, ""]
