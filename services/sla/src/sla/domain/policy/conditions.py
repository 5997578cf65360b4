"""Conditions on a ticket's attributes and on a fact's fields, and the triggers built from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate

from sla.domain.values import Scalar


@dataclass(frozen=True, slots=True)
class Condition:
    """`name` is one of `values` (or, with `is_not`, none of them).

    Text is compared without case; `*` in a value stands for any text. A missing value is null, and
    null is in the list only when it is written there.
    """

    name: str
    values: tuple[Scalar, ...]
    is_not: bool = False

    def test(self) -> Callable[[object], bool]:
        """The condition as a function of the value alone."""
        texts = frozenset(one.casefold() for one in self.values if isinstance(one, str))
        # True == 1 in Python; the kind keeps them apart.
        others = frozenset((type(one), one) for one in self.values if not isinstance(one, str))
        patterns = [re.compile(translate(text)) for text in texts if "*" in text]
        wanted = not self.is_not

        def holds(value: object) -> bool:
            if isinstance(value, str):
                folded = value.casefold()
                found = folded in texts or any(one.match(folded) for one in patterns)
            elif value is None or isinstance(value, bool | int):
                found = (type(value), value) in others
            else:
                found = False
            return found is wanted

        return holds

    def __str__(self) -> str:
        """As a person would write it: `severity is p1 or p2`."""
        listed = " or ".join("nothing" if v is None else str(v).lower() for v in self.values)
        return f"{self.name} is {'not ' if self.is_not else ''}{listed}"


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
        if len(self.where) == 1:
            return _field_matcher(self.where[0])
        tests = [_field_matcher(one) for one in self.where]
        return lambda data: all(test(data) for test in tests)


def _field_matcher(condition: Condition) -> Callable[[Mapping[str, object]], bool]:
    name, alias = condition.name, f"is_{condition.name}"
    values = condition.values
    if len(values) == 1 and isinstance(values[0], bool) and not condition.is_not:
        flag = values[0]
        return lambda data: data.get(name, data.get(alias)) is flag
    test = condition.test()
    return lambda data: test(data.get(name, data.get(alias)))
