"""A desk's promises, compiled: what `sla.yaml` says, ready for `assess`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.customers import CustomersHours
from sla.domain.objectives import Objective
from sla.domain.policy.attributes import Attributes
from sla.domain.policy.conditions import Condition
from sla.domain.policy.counting import Counts, names_from_opening
from sla.domain.policy.fact_effects import effects_by_fact
from sla.domain.policy.matrix import ASKED, Matrix
from sla.domain.policy.rules import (
    Bound,
    Default,
    Flag,
    Metric,
    SilenceRule,
    Target,
    VersionScope,
    start_questions,
)
from sla.domain.values import Scalar

CACHE_LIMIT = 4096
CUSTOMER = "customer"


class Choice:
    """The targets in force for one metric: the first match of each of its tracks."""

    __slots__ = ("is_one_calendar", "is_plain", "is_promise", "promises", "risks", "targets")

    def __init__(self, metric: Metric, targets: tuple[Target | None, ...]) -> None:
        self.targets = targets
        self.promises = tuple(
            (track, target)
            for track, target in enumerate(targets)
            if target is not None and target.is_promise
        )
        self.is_promise = bool(self.promises)
        tracks = metric.tracks
        self.is_one_calendar = all(
            len({one.calendar for one in track}) == 1
            and all(one.is_promise and one.calendar.template is None for one in track)
            for track in tracks
        )
        # A single promise of a budget, or none: takes the short path.
        self.is_plain = len(self.promises) == 1 and all(
            due is None or due.within_us is not None
            for due in (self.promises[0][1].due, self.promises[0][1].expect)
        )
        # Of a single promise, the warnings as (time used, percent), ready to be counted.
        self.risks: tuple[tuple[int, int], ...] = ()
        if len(self.promises) == 1 and (due := self.promises[0][1].due) is not None:
            self.risks = () if due.within_us is None else risk_parts(metric, due.within_us)


def risk_parts(metric: Metric, budget: int) -> tuple[tuple[int, int], ...]:
    """A metric's warnings for a budget, as (time used, percent of it), in order."""
    found: dict[int, int] = {}
    for percent, left in metric.at_risk:
        part = budget - left if left is not None else budget * (percent or 0) // 100
        if 0 < part < budget:
            found.setdefault(part, part * 100 // budget)
    return tuple(sorted(found.items()))


@dataclass(slots=True)
class Resolved:
    """The severity and the targets in force for one set of attributes."""

    severity: Scalar
    attributes: Mapping[str, Scalar]
    silences: tuple[bool, ...] = ()  # which silence rules apply
    customers: CustomersHours | None = None
    _choices: dict[tuple[int, tuple[bool, ...]], Choice] = field(default_factory=dict)

    def choice(self, number: int, metric: Metric, bits: tuple[bool, ...]) -> Choice:
        """What holds for a metric; `bits` answer its questions at the start."""
        key = (number, bits)
        found = self._choices.get(key)
        if found is None:
            targets = tuple(
                self._bound(self._first(track, metric, bits)) for track in metric.tracks
            )
            found = self._choices[key] = Choice(metric, targets)
        return found

    def _bound(self, target: Target | None) -> Target | None:
        """The target on the calendars of the ticket's customer."""
        if target is None or self.customers is None:
            return target
        return bound_target(target, self.customers, self.attributes.get(CUSTOMER))

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


def bound_target(target: Target, customers: CustomersHours, customer: Scalar) -> Target:
    """A target on the calendars as they are for a customer."""
    calendar = customers.bound(target.calendar, customer)
    closing = target.closing and customers.bound(target.closing, customer)
    if calendar is target.calendar and closing is target.closing:
        return target
    return replace(target, calendar=calendar, closing=closing)


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
        default_severities: Sequence[Default] = (),
        bounds: Sequence[Bound] = (),
        defaults: Mapping[str, Scalar] | None = None,
        flags: Sequence[Flag] = (),
        silences: Sequence[SilenceRule] = (),
        counts: Mapping[str, Counts] | None = None,
        objectives: Sequence[Objective] = (),
        label: str = "",
        zone: tzinfo = UTC,
        matrix: Matrix | None = None,
        customers: CustomersHours | None = None,
    ) -> None:
        self.desk, self.version, self.label = desk, version, label
        self.effective_from, self.applies_to = effective_from, applies_to
        self.zone = zone  # in which people read times that no calendar's zone explains
        self.metrics = tuple(metrics)
        self.calendars = dict(calendars)
        self.levels = tuple(levels)  # strictest first
        self.default_severities = tuple(default_severities)
        self.bounds = tuple(bounds)
        self.defaults = dict(defaults or {})
        self.flags = tuple(flags)
        self.silences = tuple(silences)
        self.matrix = matrix
        self.objectives = tuple(objectives)
        self.customers = customers  # their own hours, where the file has some
        self.numbers = {metric.name: number for number, metric in enumerate(self.metrics)}
        self.grouped = {
            number: metric.for_each for number, metric in enumerate(self.metrics) if metric.for_each
        }
        self.questions = tuple(start_questions(metric) for metric in self.metrics)
        self.asked = self._asked()
        self.from_opening = names_from_opening(
            self.asked, [flag.name for flag in self.flags], self._counts(counts or {})
        )
        self.effects = effects_by_fact(
            self.metrics, self.flags, self.silences, self.defaults, self.from_opening
        )
        self.findings = frozenset(
            fact for fact, effects in self.effects.items() if effects.is_finding
        )
        self._cache: dict[tuple[Scalar, ...], Resolved] = {}
        self._ranks = {level.casefold(): rank for rank, level in enumerate(self.levels)}

    def _counts(self, counts: Mapping[str, Counts]) -> Mapping[str, Counts]:
        """Impact and urgency count as what they give does, unless the file says otherwise."""
        given = None if self.matrix is None else counts.get(self.matrix.gives)
        return counts if given is None else {**dict.fromkeys(ASKED, given), **counts}

    def calendar(self, name: str) -> Calendar | None:
        """The calendar of this name, of the desk or as it is for one of its customers."""
        found = self.calendars.get(name)
        if found is None and self.customers is not None:
            return self.customers.named(name)
        return found

    def attributes_before(self) -> Attributes:
        """What a ticket is before its first fact."""
        return {**self.defaults, **{flag.name: False for flag in self.flags}}

    def resolve(self, attributes: Mapping[str, Scalar]) -> Resolved:
        """The severity and targets in force for a ticket's attributes."""
        key = tuple([attributes.get(name) for name in self.asked])
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            kept = {name: attributes.get(name) for name in self.asked}
            if self.matrix is not None:
                kept[self.matrix.gives] = self.matrix.chosen(attributes)
            severity = self._severity(kept)
            seen = {**kept, "severity": severity}
            silences = tuple(holds(rule.when, seen) for rule in self.silences)
            found = Resolved(severity, seen, silences, self.customers)
            self._cache[key] = found
        return found

    def is_level(self, severity: Scalar) -> bool:
        """Whether the desk knows the severity (any, when it lists none)."""
        return not self._ranks or str(severity).casefold() in self._ranks

    def _severity(self, attributes: Mapping[str, Scalar]) -> Scalar:
        """Set by people, else the default; then ceilings, then floors."""
        severity = attributes.get("severity")
        if severity is None or not self.is_level(severity):
            severity = next(
                (one.level for one in self.default_severities if holds(one.when, attributes)), None
            )
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

    def _asked(self) -> tuple[str, ...]:
        asked = {"severity": None}
        for metric in self.metrics:
            for trigger in metric.triggers():
                asked |= dict.fromkeys(one.name for one in trigger.when)
            for track in metric.tracks:
                for target in track:
                    asked |= dict.fromkeys(one.name for one in target.when)
        for when in (
            *(bound.when for bound in self.bounds),
            *(default.when for default in self.default_severities),
        ):
            asked |= dict.fromkeys(one.name for one in when)
        for rule in self.silences:
            asked |= dict.fromkeys(one.name for one in rule.when)
        if self.matrix is not None:
            asked |= dict.fromkeys((self.matrix.gives, *ASKED))
        if self.customers is not None:
            asked[CUSTOMER] = None
        return tuple(asked)
