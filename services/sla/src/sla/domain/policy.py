"""A desk's promises, compiled: what `sla.yaml` says, ready for `assess`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import IntEnum, StrEnum
from typing import NamedTuple

from sla.domain.attributes import SETTERS, Setter
from sla.domain.calendar import ALWAYS, Calendar
from sla.domain.conditions import Condition, Trigger
from sla.domain.model import Rule, Scalar

CACHE_LIMIT = 4096
CLOSINGS = ("closed", "merged")
REOPENING = "reopened"


class Repeats(StrEnum):
    """When a metric begins another cycle."""

    NEVER = "never"
    ON_START = "on_start"  # whenever what starts it happens again, once the last cycle is over
    ON_MEET = "on_meet"  # as soon as the last one is met: an update every so often


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
    by_days: int | None = None  # close of the same (0) or n-th next business day
    field: str | None = None  # the starting fact's own field holds the instant
    words: str = ""


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

    @property
    def is_promise(self) -> bool:
        """Whether a timer follows from it at all."""
        return self.due is not None or self.expect is not None or self.is_measured


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


class Role(IntEnum):
    """What a fact does to a metric; several happen in this order."""

    MEET = 0
    CANCEL = 1
    RESUME = 2
    START = 3
    PAUSE = 4


class Effect(NamedTuple):
    """One thing that a type of fact does to one metric. `bits` are the pauses concerned."""

    metric: int
    role: Role
    matches: Callable[[Mapping[str, object]], bool] | None
    bits: int
    applies: Callable[[Mapping[str, Scalar]], bool] | None


FlagEffect = tuple[str, bool, Callable[[Mapping[str, object]], bool] | None]
SilenceEffect = tuple[int, bool, Callable[[Mapping[str, object]], bool] | None]


class Handling(NamedTuple):
    """All that one type of fact does, in this order."""

    setter: Setter | None
    flags: tuple[FlagEffect, ...]
    is_reopening: bool
    effects: tuple[Effect, ...]
    silences: tuple[SilenceEffect, ...]
    is_closing: bool


@dataclass(slots=True)
class Resolved:
    """The severity and the targets in force for one set of attributes."""

    severity: Scalar
    attributes: Mapping[str, Scalar]
    silences: tuple[bool, ...] = ()  # which silence rules apply
    _targets: dict[tuple[int, tuple[bool, ...]], tuple[Target | None, ...]] = field(
        default_factory=dict
    )

    def targets(
        self, number: int, metric: Metric, bits: tuple[bool, ...]
    ) -> tuple[Target | None, ...]:
        """The first match of each track; `bits` answer the metric's questions at its start."""
        key = (number, bits)
        found = self._targets.get(key)
        if found is None:
            found = tuple(self._first(track, metric, bits) for track in metric.tracks)
            self._targets[key] = found
        return found

    def _first(
        self, track: Sequence[Target], metric: Metric, bits: tuple[bool, ...]
    ) -> Target | None:
        questions = start_questions(metric)
        answers = dict(zip(questions, bits, strict=True))
        for target in track:
            if target.during is not None and not answers["open", target.during.name]:
                continue
            if target.outside is not None and answers["open", target.outside.name]:
                continue
            due_field = target.due.field if target.due is not None else None
            if due_field is not None and not answers["field", due_field]:
                continue
            if holds(target.when, self.attributes):
                return target
        return None


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


def holds(conditions: Sequence[Condition], attributes: Mapping[str, Scalar]) -> bool:
    """Whether all conditions hold."""
    return all(one.test()(attributes.get(one.name)) for one in conditions)


class Policy:
    """One version of a desk's promises.

    `version` is a hash of what it says. A ticket keeps the version of its opening unless a later
    one with `applies_to` OPEN takes over.
    """

    def __init__(
        self,
        desk: str,
        version: str,
        *,
        metrics: Sequence[Metric],
        calendars: Mapping[str, Calendar],
        effective_from: datetime | None = None,
        applies_to: VersionScope = VersionScope.NEW,
        levels: Sequence[str] = (),
        default_severity: str | None = None,
        bounds: Sequence[Bound] = (),
        defaults: Mapping[str, Scalar] | None = None,
        flags: Sequence[Flag] = (),
        silences: Sequence[SilenceRule] = (),
        label: str = "",
        zone: tzinfo = UTC,
    ) -> None:
        self.desk, self.version, self.label = desk, version, label
        self.effective_from, self.applies_to = effective_from, applies_to
        self.zone = zone  # in which people read times that no calendar's zone explains
        self.metrics = tuple(metrics)
        self.calendars = dict(calendars)
        self.levels = tuple(levels)  # strictest first
        self.default_severity = default_severity
        self.bounds = tuple(bounds)
        self.defaults = dict(defaults or {})
        self.flags = tuple(flags)
        self.silences = tuple(silences)
        self.numbers = {metric.name: number for number, metric in enumerate(self.metrics)}
        self.questions = tuple(start_questions(metric) for metric in self.metrics)
        self.handling = self._handling()
        self.asked = self._asked()
        self._cache: dict[tuple[Scalar, ...], Resolved] = {}
        self._ranks = {level.casefold(): rank for rank, level in enumerate(self.levels)}

    def resolve(self, attributes: Mapping[str, Scalar]) -> Resolved:
        """The severity and targets in force for a ticket's attributes."""
        key = tuple([attributes.get(name) for name in self.asked])
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            severity = self._severity(attributes)
            kept = {name: attributes.get(name) for name in self.asked}
            seen = {**kept, "severity": severity}
            silences = tuple(holds(rule.when, seen) for rule in self.silences)
            found = Resolved(severity, seen, silences)
            self._cache[key] = found
        return found

    def is_level(self, severity: Scalar) -> bool:
        """Whether the desk knows the severity (any, when it lists none)."""
        return not self._ranks or str(severity).casefold() in self._ranks

    def _severity(self, attributes: Mapping[str, Scalar]) -> Scalar:
        """Set by people, else the default; then ceilings, then floors."""
        severity = attributes.get("severity")
        if severity is None or not self.is_level(severity):
            severity = self.default_severity
        if severity is None:
            return None
        seen = {**attributes, "severity": severity}
        rank = self._ranks.get(str(severity).casefold())
        if rank is None:
            return severity
        for bound in sorted(self.bounds, key=lambda one: one.is_floor):
            if holds(bound.when, seen):
                limit = self._ranks[bound.level.casefold()]
                rank = min(rank, limit) if bound.is_floor else max(rank, limit)
        return self.levels[rank]

    def _handling(self) -> dict[str, Handling]:
        effects, flags = _effects(self.metrics), _flag_effects(self.flags)
        silences = _silence_effects(self.silences)
        return {
            fact: Handling(
                setter=SETTERS.get(fact),
                flags=flags.get(fact, ()),
                is_reopening=fact == REOPENING,
                effects=effects.get(fact, ()),
                silences=silences.get(fact, ()),
                is_closing=fact in CLOSINGS,
            )
            for fact in {*SETTERS, *effects, *flags, *silences, REOPENING, *CLOSINGS}
        }

    def _asked(self) -> tuple[str, ...]:
        asked = {"severity": None}
        for metric in self.metrics:
            for trigger in metric.triggers():
                asked |= dict.fromkeys(one.name for one in trigger.when)
            for track in metric.tracks:
                for target in track:
                    asked |= dict.fromkeys(one.name for one in target.when)
        for bound in self.bounds:
            asked |= dict.fromkeys(one.name for one in bound.when)
        for rule in self.silences:
            asked |= dict.fromkeys(one.name for one in rule.when)
        return tuple(asked)


def _effects(metrics: Sequence[Metric]) -> dict[str, tuple[Effect, ...]]:
    found: dict[str, list[Effect]] = {}

    def add(number: int, role: Role, triggers: Sequence[Trigger], bits: int = 0) -> None:
        for trigger in triggers:
            effect = Effect(number, role, trigger.matcher(), bits, trigger.applies())
            found.setdefault(trigger.fact, []).append(effect)

    for number, metric in enumerate(metrics):
        add(number, Role.MEET, metric.meets)
        add(number, Role.CANCEL, metric.cancels)
        add(number, Role.START, metric.starts)
        for bit, pause in enumerate(metric.pauses):
            add(number, Role.RESUME, pause.until, 1 << bit)
        for bit, pause in enumerate(metric.pauses):
            add(number, Role.PAUSE, (pause.on,), 1 << bit)
    return {
        fact: tuple(sorted(effects, key=lambda one: (one.role, one.metric)))
        for fact, effects in found.items()
    }


def _flag_effects(flags: Sequence[Flag]) -> dict[str, tuple[FlagEffect, ...]]:
    found: dict[str, list[FlagEffect]] = {}
    for flag in flags:
        for is_on, triggers in ((False, flag.off), (True, flag.on)):
            for trigger in triggers:
                found.setdefault(trigger.fact, []).append((flag.name, is_on, trigger.matcher()))
    return {fact: tuple(effects) for fact, effects in found.items()}


def _silence_effects(rules: Sequence[SilenceRule]) -> dict[str, tuple[SilenceEffect, ...]]:
    found: dict[str, list[SilenceEffect]] = {}
    for number, rule in enumerate(rules):
        for is_heard, triggers in ((True, rule.heard), (False, rule.attempts)):
            for trigger in triggers:
                effect = (number, is_heard, trigger.matcher())
                found.setdefault(trigger.fact, []).append(effect)
    return {fact: tuple(effects) for fact, effects in found.items()}
