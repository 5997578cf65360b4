"""Conditions as a desk's `sla.yaml` writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from pledge.runtime.desk_file.model import Part

Plain = str | bool | int | None


class Except(Part):
    """Any value but these."""

    is_not: Annotated[Plain | list[Plain], Field(alias="not")]


def _kind_of_test(value: object) -> str:
    if isinstance(value, dict | Except):
        return "except"
    return "list" if isinstance(value, list) else "plain"


Test = Annotated[
    Annotated[Plain, Tag("plain")]
    | Annotated[list[Plain], Tag("list")]
    | Annotated[Except, Tag("except")],
    Discriminator(_kind_of_test),
]
"""`p1`, `[p1, p2]`, `{not: p3}`; `*` in text matches anything."""

When = dict[str, Test]
