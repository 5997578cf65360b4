"""Use of an emergency line for what is none (SMS-05): found in triage, decided by a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pledge.events import Actor


@dataclass(frozen=True, slots=True)
class MisuseRule:
    """These lines are for these severities only."""

    name: str
    lines: frozenset[str]
    only_for: frozenset[str]


class MisuseState(StrEnum):
    """Whether a person has decided about it. Nothing is charged by any of them."""

    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Misuse:
    """What was found on a ticket, and what was decided."""

    rule: str
    line: str
    severity: str
    recorded_at: datetime
    state: MisuseState = MisuseState.RECORDED
    decided_by: Actor | None = None
    why: str = ""


def misused(
    rules: Iterable[MisuseRule], line: str | None, severity: str | None, at: datetime
) -> Misuse | None:
    """The misuse of the line that the request came by, if this severity shows one."""
    if line is None or severity is None:
        return None
    for rule in rules:
        if line in rule.lines and severity not in rule.only_for:
            return Misuse(rule.name, line, severity, at)
    return None
