"""Impact and urgency of a request, and the matrix by which they give severity or priority."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Level:
    """A value that people choose, with its description for them."""

    name: str
    title: str
    definition: str
    examples: tuple[str, ...] = ()


class Origin(StrEnum):
    """How a ticket's severity (or priority, where the desk's matrix gives that) came about."""

    CHOSEN = "chosen"  # by a person or by a rule of the desk's file
    MATRIX = "matrix"
    DEFAULT = "default"


class Values(NamedTuple):
    """A severity and a priority."""

    severity: str | None
    priority: str | None


class Assessed(NamedTuple):
    """A ticket's severity and priority; ``origin`` is of the one that the desk's matrix gives."""

    severity: str | None
    priority: str | None
    origin: Origin = Origin.CHOSEN


@dataclass(frozen=True, slots=True)
class Matrix:
    """What each impact gives at each urgency; both lists from the gravest on.

    ``gives`` is severity or priority. ``requester_sets``: requesters say impact and urgency.
    """

    gives: str
    impacts: tuple[Level, ...]
    urgencies: tuple[Level, ...]
    table: Mapping[tuple[str, str], str] = field(default_factory=dict)
    requester_sets: bool = True

    def value(self, impact: str | None, urgency: str | None) -> str | None:
        """What the two give; None where one of them is not known."""
        return None if impact is None or urgency is None else self.table.get((impact, urgency))

    def known(self, impact: str | None, urgency: str | None) -> tuple[str | None, str | None]:
        """Those of the two that the desk's file has, by their names in it."""
        return _named(impact, self.impacts), _named(urgency, self.urgencies)


def _named(word: str | None, levels: tuple[Level, ...]) -> str | None:
    lowered = (word or "").strip().lower()
    return next((each.name for each in levels if each.name == lowered), None)


def assess(
    matrix: Matrix | None, chosen: Values, usual: Values, impact: str | None, urgency: str | None
) -> Assessed:
    """What somebody chose, else what impact and urgency give, else the usual."""
    severity, priority = chosen.severity or usual.severity, chosen.priority or usual.priority
    if matrix is None:
        return Assessed(severity, priority)
    is_severity = matrix.gives == "severity"
    if (chosen.severity if is_severity else chosen.priority) is not None:
        return Assessed(severity, priority)
    given = matrix.value(impact, urgency)
    if given is None:
        return Assessed(severity, priority, Origin.DEFAULT)
    if is_severity:
        return Assessed(given, priority, Origin.MATRIX)
    return Assessed(severity, given, Origin.MATRIX)
