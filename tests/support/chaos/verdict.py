"""What the oracle found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SHOWN = 15


class Violation(StrEnum):
    """In which way a guarantee was broken."""

    LOST = "lost"
    TWICE = "applied twice"
    FALSE_BREACH = "false breach"
    DISORDER = "out of order"
    OTHER = "otherwise wrong"


@dataclass(slots=True)
class Verdict:
    """Everything that is wrong, and counts of what was looked at."""

    problems: dict[Violation, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in Violation}
    )
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: Violation, what: str) -> None:
        """Note that a guarantee was broken."""
        self.problems[kind].append(what)

    def expect(self, holds: bool, kind: Violation, what: str) -> None:
        """Note `what` unless it holds."""
        if not holds:
            self.add(kind, what)

    def same(self, found: set[str], wanted: set[str], what: str) -> None:
        """Compare sets: what is missing is lost, what is too much is otherwise wrong."""
        for each in sorted(wanted - found):
            self.add(Violation.LOST, f"{what}: {each} is missing")
        for each in sorted(found - wanted):
            self.add(Violation.OTHER, f"{what}: {each} should not be")

    def count(self, what: str, number: int) -> None:
        """Add to a count of the report."""
        self.counts[what] = self.counts.get(what, 0) + number

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.problems.values())

    def __str__(self) -> str:
        lines = []
        for kind, found in self.problems.items():
            if found:
                lines.append(f"{kind}: {len(found)}")
                lines += [f"  {each}" for each in found[:SHOWN]]
        return "\n".join(lines) or "nothing is wrong"
