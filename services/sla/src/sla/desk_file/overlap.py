"""Which rules of a list hide each other, and which compete for the same tickets."""

from __future__ import annotations

from sla.domain.policy.conditions import Condition
from sla.domain.policy.rules import Target


def covers(earlier: Target, later: Target) -> bool:
    """Whether every start that `later` matches is one that `earlier` matches."""
    for mine, other in ((earlier.during, later.during), (earlier.outside, later.outside)):
        if mine is not None and mine is not other:
            return False
    if earlier.due is not None and earlier.due.field is not None and earlier.due != later.due:
        return False
    tests = {one.name: one for one in later.when}
    return all(one.name in tests and _implies(tests[one.name], one) for one in earlier.when)


def _implies(narrow: Condition, wide: Condition) -> bool:
    if narrow.is_not:
        return wide.is_not and set(wide.values) <= set(narrow.values)
    return all(wide.test()(value) for value in narrow.values)


def may_both_match(one: Target, other: Target) -> bool:
    """Whether some start could match both."""
    for mine, its in ((one.during, other.outside), (one.outside, other.during)):
        if mine is not None and mine is its:
            return False
    tests = {condition.name: condition for condition in other.when}
    return not any(
        condition.name in tests and _excludes(condition, tests[condition.name])
        for condition in one.when
    )


def _excludes(one: Condition, other: Condition) -> bool:
    if one.is_not and other.is_not:
        return False
    if one.is_not:
        one, other = other, one
    return not any(other.test()(value) for value in one.values)
