"""A matrix of impact and urgency, which gives a ticket's severity or priority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sla.domain.values import Scalar

IMPACT, URGENCY = "impact", "urgency"
BY_MATRIX = "by_matrix"
"""The attribute that says that the value came from the sender's own matrix, and nobody chose it."""
ASKED = (IMPACT, URGENCY, BY_MATRIX)


@dataclass(frozen=True, slots=True)
class Matrix:
    """What each impact gives at each urgency. `gives` is the attribute: severity or priority."""

    gives: str
    cells: Mapping[tuple[str, str], str]  # by impact and urgency, both without case
    line: int | None = None

    def value(self, attributes: Mapping[str, Scalar]) -> str | None:
        """What impact and urgency give; None where one of them is not known."""
        impact, urgency = attributes.get(IMPACT), attributes.get(URGENCY)
        if not isinstance(impact, str) or not isinstance(urgency, str):
            return None
        return self.cells.get((impact.casefold(), urgency.casefold()))

    def decides(self, attributes: Mapping[str, Scalar]) -> bool:
        """Whether the value is the matrix's: impact and urgency are known and nobody chose it."""
        is_chosen = attributes.get(self.gives) is not None and not attributes.get(BY_MATRIX)
        return not is_chosen and self.value(attributes) is not None

    def chosen(self, attributes: Mapping[str, Scalar]) -> Scalar:
        """The value that binds: what somebody chose, else what the matrix gives."""
        return self.value(attributes) if self.decides(attributes) else attributes.get(self.gives)

    def words(self, attributes: Mapping[str, Scalar]) -> str:
        """How the value in force came about; empty where impact or urgency is not known."""
        given, value = self.value(attributes), attributes.get(self.gives)
        if given is None:
            return ""
        line = f" on line {self.line}" if self.line else ""
        why = (
            f"impact {attributes.get(IMPACT)} and urgency {attributes.get(URGENCY)} give"
            f" {self.gives} {given} (matrix{line})"
        )
        if not attributes.get(BY_MATRIX):
            return f"{self.gives.capitalize()} {value} was chosen, which comes first; {why}."
        bound = f"; in force is {value}" if value != given else ""
        return f"I{why[1:]}{bound}."
