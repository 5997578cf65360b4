"""Conditions on a ticket's attributes and on a fact's fields, and the triggers built from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate

from sla.domain.model import Scalar

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Condition:
    """`name` is one of `values` (or, with `is_not`, none of them).

    Text is compared without case; `*` in a value stands for any text. A missing value is null, and
    null is in the list only when it is written there.
    """

    name: str
    values: tuple[Scalar, ...]
    is_not: bool = False

    def test(self) -> Callable[[Scalar], bool]:
        """The condition as a function of the value alone."""
        plain = frozenset(_folded(value) for value in self.values)
        patterns = [
            re.compile(translate(value.casefold()))
            for value in self.values
            if isinstance(value, str) and "*" in value
        ]
        wanted = not self.is_not

        def holds(value: Scalar) -> bool:
            folded = _folded(value)
            found = folded in plain
            if not found and patterns and isinstance(value, str):
                found = any(pattern.match(value.casefold()) for pattern in patterns)
            return found is wanted

        return holds

    def __str__(self) -> str:
        """As a person would write it: `severity is p1 or p2`."""
        listed = " or ".join("nothing" if v is None else str(v).lower() for v in self.values)
        return f"{self.name} is {'not ' if self.is_not else ''}{listed}"


def _folded(value: Scalar) -> tuple[str, Scalar]:
    # True == 1 in Python; the kind keeps them apart.
    if isinstance(value, str):
        return "text", value.casefold()
    return ("flag" if isinstance(value, bool) else "number"), value


@dataclass(frozen=True, slots=True)
class Trigger:
    """A type of fact, what its fields must say (`where`), and what the ticket must be at that
    moment (`when`; flags and bounds may only ask for `where`)."""

    fact: str
    where: tuple[Condition, ...] = ()
    when: tuple[Condition, ...] = ()

    def applies(self) -> Callable[[Mapping[str, Scalar]], bool] | None:
        """A test of the ticket's attributes, or None when any will do."""
        if not self.when:
            return None
        tests = [(one.name, one.test()) for one in self.when]
        return lambda attributes: all(test(attributes.get(name)) for name, test in tests)

    def matcher(self) -> Callable[[Mapping[str, object]], bool] | None:
        """A test of a fact's data, or None when any will do. `reached` also finds `is_reached`."""
        if not self.where:
            return None
        tests = [(one.name, f"is_{one.name}", one.test()) for one in self.where]

        def matches(data: Mapping[str, object]) -> bool:
            for name, alias, test in tests:
                value = data.get(name, _MISSING)
                if value is _MISSING:
                    value = data.get(alias)
                if not test(value if isinstance(value, str | bool | int) else None):
                    return False
            return True

        return matches
