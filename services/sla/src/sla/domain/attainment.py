"""How many promises were kept: counted from assessments, so that two policies can be compared.

A cycle counts in the month in which it was due, or, while nothing was promised, in which it
began. Cancelled cycles were neither kept nor missed and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from sla.domain.replay.missed_intervals import begun
from sla.domain.values import Assessment, State, Timer


class Group(NamedTuple):
    """What is counted together."""

    metric: str
    severity: str
    month: str  # 2026-03; empty where months are counted together


@dataclass(frozen=True, slots=True)
class Tally:
    """Cycles by how they ended. `expected` are those kept within the softer promise, of `hoped`."""

    kept: int = 0
    missed: int = 0
    running: int = 0
    hoped: int = 0
    expected: int = 0

    @property
    def attainment(self) -> float | None:
        """The share of promises kept of those decided, or None when none was."""
        decided = self.kept + self.missed
        return self.kept / decided if decided else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One group under two policies; None where a policy promises nothing."""

    group: Group
    before: Tally | None
    after: Tally | None


def tally(
    assessments: Iterable[Assessment],
    now: datetime,
    *,
    by_month: bool = True,
    zone: tzinfo = UTC,
) -> dict[Group, Tally]:
    """The tallies of many tickets as they stand at `now`, by group; months are of `zone`."""
    found: dict[Group, Tally] = {}
    for assessment in assessments:
        severity = str(assessment.attributes.get("severity") or "")
        for timer in begun(assessment, now):
            state = timer.state_at(now)
            if state is State.CANCELLED:
                continue
            at = timer.due_at or timer.started_at
            month = at.astimezone(zone).strftime("%Y-%m") if by_month else ""
            group = Group(timer.metric, severity, month)
            found[group] = _counted(found.get(group, Tally()), timer, state, now)
    return found


def merged(one: Mapping[Group, Tally], other: Mapping[Group, Tally]) -> dict[Group, Tally]:
    """What both counted, of different tickets."""
    return summed(other.items(), one)


def summed(
    counts: Iterable[tuple[Group, Tally]], to: Mapping[Group, Tally] = MappingProxyType({})
) -> dict[Group, Tally]:
    """The tallies of `to` with those of `counts` added, in which a group may come repeatedly."""
    found = dict(to)
    for group, counted in counts:
        known = found.get(group, Tally())
        found[group] = Tally(
            *(a + b for a, b in zip(astuple(known), astuple(counted), strict=True))
        )
    return found


def side_by_side(before: dict[Group, Tally], after: dict[Group, Tally]) -> tuple[Comparison, ...]:
    """Every group of either, in order."""
    return tuple(
        Comparison(group, before.get(group), after.get(group))
        for group in sorted({*before, *after})
    )


def _counted(so_far: Tally, timer: Timer, state: State, now: datetime) -> Tally:
    if timer.expect_at is not None and timer.expect_at <= now:
        is_expected = timer.met_at is not None and timer.met_at <= timer.expect_at
        so_far = replace(so_far, hoped=so_far.hoped + 1, expected=so_far.expected + is_expected)
    if state is State.BREACHED:
        return replace(so_far, missed=so_far.missed + 1)
    if state is State.MET:
        # What was only measured was not promised, and so not kept either.
        return replace(so_far, kept=so_far.kept + 1) if timer.target else so_far
    return replace(so_far, running=so_far.running + 1)
