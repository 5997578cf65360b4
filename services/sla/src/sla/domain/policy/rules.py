"""What a desk's file can say: metrics, targets, pauses, floors, flags, silences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from sla.domain.calendar.business_days import BusinessDay
from sla.domain.calendar.calendar import ALWAYS, Calendar
from sla.domain.policy.conditions import Condition, Trigger
from sla.domain.values import Rule


class Repeats(StrEnum):
    """When a metric begins another cycle."""

    NEVER = "never"
    ON_START = "on_start"  # whenever it is started again, once the last one was met or missed
    ON_MEET = "on_meet"  # as soon as the last one is met or missed: an update every so often


STOPS_AFTER = 48
"""A day of half hours: whoever has missed so many intervals in a row is told no more of the same,
and an incident that nobody ended does not page for ever."""


class Reopening(StrEnum):
    """What reopening a ticket does to a metric whose cycle is over."""

    KEEP = "keep"  # met stays met; what closing cancelled goes on in a new cycle
    RESUME = "resume"  # a new cycle goes on with the time that was left
    RESTART = "restart"  # a new cycle with the whole time


class VersionScope(StrEnum):
    """Which tickets a policy version governs."""

    NEW = "new"  # those opened from `effective_from` on
    OPEN = "open"  # those, and the ones that are open then


class Threshold(NamedTuple):
    """An at-risk warning: when `percent` of the budget is used, or `left_us` of it is left."""

    percent: int | None
    left_us: int | None


class Due(NamedTuple):
    """How an instant follows from a start; exactly one of the first three is set."""

    within_us: int | None = None
    by: BusinessDay | None = None
    field: str | None = None  # the starting fact's own field holds the instant
    words: str = ""
    within: timedelta | None = None  # the same as `within_us`


@dataclass(frozen=True, slots=True)
class Target:
    """One rule of a metric: under which conditions which promise holds.

    `due` None with `is_measured` means that time is measured and nothing promised; without it the
    rule takes the promise away.
    """

    rule: Rule
    calendar: Calendar
    when: tuple[Condition, ...] = ()
    during: Calendar | None = None
    outside: Calendar | None = None
    due: Due | None = None
    expect: Due | None = None
    closing: Calendar | None = None
    is_measured: bool = False
    track: int = 0  # the position of its list in the metric
    is_promise: bool = field(init=False)
    """Whether a timer follows from it at all."""
    timer_fields: tuple[str, str, Rule, str, timedelta | None] = field(init=False, compare=False)
    """The fields that each of its timers copies: words, those of `expect`, rule, name of the
    calendar, budget."""

    def __post_init__(self) -> None:
        due, expect = self.due or Due(), self.expect or Due()
        is_promise = self.due is not None or self.expect is not None or self.is_measured
        timer_fields = due.words, expect.words, self.rule, self.calendar.name, due.within
        object.__setattr__(self, "is_promise", is_promise)
        object.__setattr__(self, "timer_fields", timer_fields)


@dataclass(frozen=True, slots=True)
class Pause:
    """Time stands still from `on` until one of `until`."""

    on: Trigger
    until: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """Which promise, what moves its timer, and how long it may take.

    Each of `tracks` gives its first matching target; of several, the earliest due instant binds
    (SIS-12).
    """

    name: str
    starts: tuple[Trigger, ...]
    meets: tuple[Trigger, ...]
    tracks: tuple[tuple[Target, ...], ...]
    title: str = ""
    pauses: tuple[Pause, ...] = ()
    cancels: tuple[Trigger, ...] = ()
    repeats: Repeats = Repeats.NEVER
    after: str | None = None
    reopening: Reopening = Reopening.KEEP
    outlives_closing: bool = False
    at_risk: tuple[Threshold, ...] = ()
    stops_after: int = STOPS_AFTER
    """Of what repeats when met: so many intervals missed in a row. 0, in versions of a release that
    knew no such: one that is missed stays until it is met."""
    team: str = ""  # whose promise it is, where it is one team's
    revisable: bool = False  # an agent may agree another due time with the customer
    for_each: str = ""  # a field of the facts: each of its values has timers of its own

    def triggers(self) -> Iterator[Trigger]:
        """Everything that moves its timers."""
        yield from self.starts
        yield from self.meets
        yield from self.cancels
        for pause in self.pauses:
            yield pause.on
            yield from pause.until


@dataclass(frozen=True, slots=True)
class Bound:
    """A floor (`is_floor`) or ceiling on severity under some condition (VIR-07, SIS-09)."""

    level: str
    is_floor: bool
    when: tuple[Condition, ...]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """The severity under some condition where nobody has set one the desk knows."""

    level: str
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes-or-no attribute of the policy's own, turned by facts."""

    name: str
    on: tuple[Trigger, ...]
    off: tuple[Trigger, ...] = ()


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """When a quiet ticket closes by itself (VIR-10): both conditions must hold."""

    name: str
    when: tuple[Condition, ...]
    attempts: tuple[Trigger, ...]
    attempts_needed: int
    heard: tuple[Trigger, ...]
    quiet_us: int
    warn_us: int
    calendar: Calendar = ALWAYS


def start_questions(metric: Metric) -> tuple[tuple[str, str], ...]:
    """What must be known about a start to choose a target: is a calendar open, is a field there."""
    asked: dict[tuple[str, str], None] = {}
    for track in metric.tracks:
        for target in track:
            for calendar in (target.during, target.outside):
                if calendar is not None:
                    asked["open", calendar.name] = None
            if target.due is not None and target.due.field is not None:
                asked["field", target.due.field] = None
    return tuple(asked)
