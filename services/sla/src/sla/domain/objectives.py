"""Objectives over many tickets: 95 % of P2 within four hours a month.

A promise counts in the period in which it was due. Counting is in whole numbers: shares are in
millionths, so that a share that is just reached is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from sla.domain.policy.conditions import Condition
from sla.domain.values import Scalar

WHOLE = 1_000_000
"""100 % in millionths."""


class PeriodKind(StrEnum):
    """How long an objective counts before it begins anew, on the wall clock of the desk."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class TimeKept(StrEnum):
    """Which instant must be kept: the promised one, or the softer one that is expected."""

    PROMISED = "promised"
    EXPECTED = "expected"


class CreditStep(NamedTuple):
    """What is owed when less than `below` was kept; both in millionths."""

    below: int
    owes: int


@dataclass(frozen=True, slots=True)
class Objective:
    """So large a share of a metric's promises is to be kept in each period, on tickets that are as
    `when` says. `share` is in millionths."""

    name: str
    metric: str
    share: int
    period: PeriodKind
    when: tuple[Condition, ...] = ()
    title: str = ""
    time: TimeKept = TimeKept.PROMISED
    credits: tuple[CreditStep, ...] = ()
    _tests: tuple[tuple[str, Callable[[object], bool]], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tests", tuple((one.name, one.test()) for one in self.when))

    def concerns(self, attributes: Mapping[str, Scalar]) -> bool:
        """Whether the promises of a ticket that is so count."""
        return all(test(attributes.get(name)) for name, test in self._tests)

    def owed(self, attained: Standing) -> int:
        """What the period owes, in millionths: the most of the steps that it fell below."""
        if not attained.decided:
            return 0
        below = [step.owes for step in self.credits if not attained.reaches(step.below)]
        return max(below, default=0)


class Period(NamedTuple):
    """A period: its name (`2026-03`, `2026-Q1`, `2026-W10`), from when to when, half open."""

    name: str
    start: datetime
    end: datetime


class PeriodState(StrEnum):
    """How an objective stands in a period."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"  # more are missed by now than may be, of those that are known
    KEPT = "kept"  # the period is over
    LOST = "lost"


class Standing(NamedTuple):
    """The promises of one period: kept, missed, and running still but due in it."""

    kept: int
    missed: int
    running: int = 0

    @property
    def decided(self) -> int:
        """How many were kept or missed."""
        return self.kept + self.missed

    @property
    def attainment(self) -> float | None:
        """The share kept of those decided, or None when none was."""
        return self.kept / self.decided if self.decided else None

    def reaches(self, share: int) -> bool:
        """Whether at least this share, in millionths, was kept; of none, any was."""
        return self.kept * WHOLE >= share * self.decided

    def left(self, share: int) -> int:
        """How many more of the promises known by now may be missed; below 0: so many too many."""
        known = self.decided + self.running
        return known * (WHOLE - share) // WHOLE - self.missed

    def burn_rate(self, share: int) -> float | None:
        """How fast what may be missed is used up: at 1 exactly so much is missed as may be. None
        while nothing is decided, and where nothing may be missed at all."""
        if not self.decided or share >= WHOLE:
            return None
        return self.missed * WHOLE / (self.decided * (WHOLE - share))

    def state(self, share: int, *, is_over: bool) -> PeriodState:
        """How the objective stands; `is_over` once nothing of the period is undecided."""
        if is_over:
            return PeriodState.KEPT if self.reaches(share) else PeriodState.LOST
        return PeriodState.AT_RISK if self.left(share) < 0 else PeriodState.ON_TRACK


def period_at(kind: PeriodKind, at: datetime, zone: tzinfo) -> Period:
    """The period in which an instant lies, on the wall clock of the zone."""
    return _period(kind, _first_day(kind, at.astimezone(zone).date()), zone)


def periods(kind: PeriodKind, since: datetime, until: datetime, zone: tzinfo) -> list[Period]:
    """The periods that end after `since`, to the one of `until`, oldest first."""
    found = [period_at(kind, since, zone)]
    while found[-1].end <= until:
        found.append(period_at(kind, found[-1].end, zone))
    return found


def _first_day(kind: PeriodKind, day: date) -> date:
    if kind is PeriodKind.WEEK:
        return day - timedelta(days=day.weekday())
    if kind is PeriodKind.MONTH:
        return day.replace(day=1)
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)


def _period(kind: PeriodKind, first: date, zone: tzinfo) -> Period:
    if kind is PeriodKind.WEEK:
        year, week, _ = first.isocalendar()
        name, following = f"{year}-W{week:02}", first + timedelta(days=7)
    elif kind is PeriodKind.MONTH:
        name, following = f"{first:%Y-%m}", _first_day(kind, first + timedelta(days=31))
    else:
        name = f"{first.year}-Q{(first.month + 2) // 3}"
        following = _first_day(kind, first + timedelta(days=92))
    return Period(name, _midnight(first, zone), _midnight(following, zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins: where clocks skip midnight, at the first instant behind it."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def percent_words(share: int) -> str:
    """`95 %`, `99.95 %`."""
    whole, part = divmod(share * 100, WHOLE)
    digits = f"{part:06}".rstrip("0")
    return f"{whole}.{digits} %" if digits else f"{whole} %"


def concerned(objectives: Sequence[Objective], attributes: Mapping[str, Scalar]) -> tuple[str, ...]:
    """The names of the objectives that count the promises of a ticket that is so."""
    return tuple([one.name for one in objectives if one.concerns(attributes)])
