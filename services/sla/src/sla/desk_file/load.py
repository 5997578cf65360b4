"""From the shape of `sla.yaml` to the promises it makes, with every problem at its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Literal, NamedTuple

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.problem import errors_of
from pledge.runtime.desk_file.yaml_file import Document, Steps
from pledge.runtime.desk_file.zones import UnknownZone
from sla.desk_file.attributes import known_attributes
from sla.desk_file.calendar_data import CalendarSource
from sla.desk_file.calendars import Calendars
from sla.desk_file.conditions import condition_of
from sla.desk_file.due import read_dues
from sla.desk_file.facts import fact_named, facts_of_desk, fields_of, hint_for_fact
from sla.desk_file.findings import Findings
from sla.desk_file.matrix import matrix_of
from sla.desk_file.model import (
    CalendarChoice,
    MetricPart,
    PolicyFile,
    Received,
    TargetPart,
    TriggerModel,
)
from sla.desk_file.objectives import read_objectives
from sla.desk_file.version import counts_as_before, version_of
from sla.desk_file.when import When
from sla.domain.calendar.calendar import ALWAYS, FIRST_US, LAST_US, YEARS, Calendar
from sla.domain.calendar.zones import MICROSECOND, to_us
from sla.domain.policy.conditions import Condition, Trigger
from sla.domain.policy.counting import Counts
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import (
    STOPS_AFTER,
    Bound,
    Default,
    Flag,
    Metric,
    Pause,
    SilenceRule,
    Target,
)
from sla.domain.values import Rule


class _Case(NamedTuple):
    """The calendars of a target under a condition."""

    calendar: Calendar
    closing: Calendar | None
    when: tuple[Condition, ...]
    track: int


class Compiler:
    """Compiles one file; `findings` are the problems that it meets.

    What is stored was in force once, and tickets are under it: it is made, under its `version`,
    unless what is promised can't be told any more.
    """

    def __init__(
        self,
        document: Document,
        file: PolicyFile,
        desk: str,
        source: CalendarSource,
        version: str | None = None,
    ) -> None:
        self.document, self.file, self.desk = document, file, desk
        self._source, self._version = source, version
        self._is_as_before = version is not None and counts_as_before(version, document.data)
        self._are_dues_readable = True
        self.findings = Findings(document)
        self.fail = self.findings.report
        self._calendars = Calendars(file, self.fail, source)
        self._facts = facts_of_desk(file.milestones, self.fail)
        self._known = known_attributes(file)

    def compile(self) -> Policy | None:
        """The policy, or None when there is an error."""
        file = self.file
        self._check_start()
        self._calendars.read_all()
        try:
            where = self._source.zone(file.timezone)
        except UnknownZone as error:
            self.fail(("timezone",), str(error), error.hint)
            where = UTC
        metrics = [self._metric(name, part) for name, part in file.metrics.items()]
        bounds = self._bounds()
        flags = [
            Flag(
                name,
                self._triggers(part.on, ("flags", name, "on")),
                self._triggers(part.off, ("flags", name, "off")),
            )
            for name, part in file.flags.items()
        ]
        silences = [self._silence(name) for name in file.silences]
        for key, names in (("defaults", file.defaults), ("counts", file.counts)):
            for name in names:
                self._attribute(name, (key, name))
        levels = file.severity.levels if file.severity else []
        matrix = matrix_of(self.document, file.matrix, levels, self.fail)
        objectives = read_objectives(file.objectives, metrics, self._conditions, self.fail)
        if self._is_refused():
            return None
        return Policy(
            self.desk,
            self._version or version_of(self.document.data, self._calendars.found),
            label=file.label,
            metrics=metrics,
            calendars=self._calendars.found,
            effective_from=file.effective_from,
            applies_to=file.applies_to,
            levels=levels,
            default_severities=self._defaults(),
            bounds=bounds,
            defaults=file.defaults,
            flags=flags,
            silences=silences,
            counts=self._counts(),
            objectives=objectives,
            zone=where,
            matrix=matrix,
            customers=self._calendars.customers,
        )

    def _check_start(self) -> None:
        start = self.file.effective_from
        if start is not None and not FIRST_US <= to_us(start) < LAST_US:
            hint = "without it the version holds from when it is read"
            self.fail(("effective_from",), f"must lie in the years {YEARS}", hint)

    def _counts(self) -> Mapping[str, Counts]:
        """Since when changes count; in a version of an earlier release, each from its moment on."""
        if self._is_as_before:
            return dict.fromkeys(self._known, Counts.FROM_CHANGE)
        return self.file.counts

    def _is_refused(self) -> bool:
        if self._source.is_stored:
            return not (self._are_dues_readable and self._calendars.is_whole)
        return bool(errors_of(self.findings.problems))

    # Conditions and triggers

    def _named_calendar(self, name: str | None, steps: Steps) -> Calendar | None:
        return None if name is None else self._calendars.named(name, steps)

    def _attribute(self, name: str, steps: Steps) -> None:
        if name not in self._known:
            hint = suggest(name, sorted(self._known)) or "a flag of your own is one, see `flags`"
            self.fail(steps, f"a ticket has no attribute `{name}`", hint)

    def _conditions(self, when: When, steps: Steps) -> tuple[Condition, ...]:
        found: list[Condition] = []
        for name, test in when.items():
            self._attribute(name, (*steps, name))
            condition = condition_of(name, test)
            if name == "severity":
                self._levels(condition, (*steps, name))
            found.append(condition)
        return tuple(found)

    def _levels(self, condition: Condition, steps: Steps) -> None:
        for value in condition.values:
            if isinstance(value, str) and "*" not in value:
                self._level(value, steps)

    def _level(self, level: str, steps: Steps) -> None:
        severity = self.file.severity
        if severity is not None and level not in severity.levels:
            hint = suggest(level, severity.levels)
            self.fail(steps, f"`{level}` is not among the severities", hint)

    def _triggers(self, parts: Iterable[TriggerModel], steps: Steps) -> tuple[Trigger, ...]:
        return tuple(self._trigger(part, (*steps, i)) for i, part in enumerate(parts))

    def _trigger(self, part: TriggerModel, steps: Steps) -> Trigger:
        model = self._facts.get(part.fact)
        if model is None:
            hint = hint_for_fact(part.fact, self._facts)
            at = (*steps, "fact") if (*steps, "fact") in self.document.values else steps
            self.fail(at, f"there is no fact `{part.fact}`", hint)
            return Trigger(part.fact)
        fields = model.model_fields
        for name in part.where:
            if name not in fields and f"is_{name}" not in fields:
                hint = suggest(name, sorted(fields))
                self.fail((*steps, "where", name), f"`{part.fact}` has no `{name}`", hint)
        return Trigger(
            fact_named(part.fact, self.file.milestones),
            tuple(condition_of(name, test) for name, test in part.where.items()),
            self._conditions(part.when, (*steps, "when")),
        )

    def _for_each(self, part: MetricPart, steps: Steps) -> str:
        field = part.for_each or ""
        known = fields_of(one.fact for one in part.starts)
        if field and field not in known:
            hint = suggest(field, sorted(known))
            self.fail((*steps, "for_each"), f"no fact that starts it has `{field}`", hint)
        return field

    # Metrics and targets

    def _metric(self, name: str, part: MetricPart) -> Metric:
        steps: Steps = ("metrics", name)
        if part.after is not None and part.after not in self.file.metrics:
            hint = suggest(part.after, self.file.metrics)
            self.fail((*steps, "after"), f"there is no metric `{part.after}`", hint)
        lists = part.targets if isinstance(part.targets, dict) else {"": part.targets}
        tracks = tuple(
            self._track(name, part, position, track, targets)
            for position, (track, targets) in enumerate(lists.items())
        )
        if not any(tracks):
            self.fail((*steps, "targets"), "no target is given", "e.g. - within: 4h")
        at_risk = self.file.at_risk if part.at_risk is None else part.at_risk
        return Metric(
            name=name,
            title=part.title,
            starts=self._triggers(part.starts, (*steps, "starts")),
            meets=self._triggers(part.meets, (*steps, "meets")),
            pauses=tuple(
                Pause(
                    self._trigger(pause.on, (*steps, "pauses", i, "on")),
                    self._triggers(pause.until, (*steps, "pauses", i, "until")),
                )
                for i, pause in enumerate(part.pauses)
            ),
            cancels=self._triggers(part.cancels, (*steps, "cancels")),
            repeats=part.repeats,
            stops_after=0 if self._is_as_before else part.stops_after or STOPS_AFTER,
            after=part.after,
            reopening=part.reopening,
            outlives_closing=part.outlives_closing,
            at_risk=tuple(at_risk),
            revisable=part.revisable,
            team=part.team or "",
            for_each=self._for_each(part, steps),
            tracks=tracks,
        )

    def _track(
        self,
        metric: str,
        part: MetricPart,
        position: int,
        track: str,
        targets: list[TargetPart],
    ) -> tuple[Target, ...]:
        at: Steps = ("metrics", metric, "targets", *((track,) if track else ()))
        found: list[Target] = []
        for i, target in enumerate(targets):
            steps = (*at, i)
            line, _ = self.document.where(steps)
            rule = Rule(metric, i + 1, line, track)
            for calendar, when in self._cases(target, part, "calendar", steps):
                for closing, more in self._cases(target, part, "closing", steps):
                    case = _Case(calendar or ALWAYS, closing, when + more, position)
                    found.append(self._target(target, rule, case, part.received, steps))
        return tuple(found)

    def _cases(
        self, target: TargetPart, part: MetricPart, key: Literal["calendar", "closing"], at: Steps
    ) -> list[tuple[Calendar | None, tuple[Condition, ...]]]:
        """The calendars of a target (or its metric), each with its condition."""
        own: CalendarChoice | None = getattr(target, key)
        choice: CalendarChoice | None = getattr(part, key) if own is None else own
        steps = (*(at if own is not None else at[:2]), key)
        if choice is None:
            return [(None, ())]
        if isinstance(choice, str):
            return [(self._calendars.named(choice, steps), ())]
        if not choice or choice[-1].when:
            self.fail(
                steps,
                "the last calendar of a choice needs no `when`",
                "end the list with `- use: NAME`",
            )
        return [
            (
                self._calendars.named(case.use, (*steps, i, "use")),
                self._conditions(case.when, (*steps, i, "when")),
            )
            for i, case in enumerate(choice)
        ]

    def _target(
        self,
        part: TargetPart,
        rule: Rule,
        case: _Case,
        received: Received | None,
        steps: Steps,
    ) -> Target:
        calendar = case.calendar
        given = [
            key
            for key in ("within", "by", "measure", "no_promise")
            if getattr(part, key) is not None
        ]
        if len(given) > 1 or (not given and part.expect is None):
            what = " and ".join(f"`{key}`" for key in given) or "nothing"
            hint = "write one of within, by, expect, measure: true, no_promise: true"
            self.fail(steps, f"a target promises one thing, this one {what}", hint)
        due, expect = read_dues(part, received, calendar, steps, self.fail)
        if (part.by and due is None) or (part.expect and expect is None):
            self._are_dues_readable = False
        if due and expect and (expect.within_us or 0) > (due.within_us or expect.within_us or 0):
            self.fail(
                (*steps, "expect"),
                "expects later than promised",
                "`expect` is the softer, earlier time",
                "warning",
            )
        if part.during is not None and part.during == part.outside:
            self.fail(
                (*steps, "outside"),
                "no start is both during and outside a calendar",
                "remove one of the two",
            )
        return Target(
            rule=rule,
            calendar=calendar,
            when=self._conditions(part.when, (*steps, "when")) + case.when,
            during=self._named_calendar(part.during, (*steps, "during")),
            outside=self._named_calendar(part.outside, (*steps, "outside")),
            due=due,
            expect=expect,
            closing=case.closing,
            is_measured=part.measure is True,
            track=case.track,
        )

    # Severity and silence

    def _bounds(self) -> list[Bound]:
        severity = self.file.severity
        if severity is None:
            return []
        found: list[Bound] = []
        for i, floor in enumerate(severity.floors):
            steps: Steps = ("severity", "floors", i)
            self._level(floor.at_least, (*steps, "at_least"))
            when = self._conditions(floor.when, (*steps, "when"))
            line, _ = self.document.where(steps)
            found.append(Bound(floor.at_least, is_floor=True, when=when, line=line))
        for i, ceiling in enumerate(severity.ceilings):
            steps = ("severity", "ceilings", i)
            self._level(ceiling.at_most, (*steps, "at_most"))
            when = self._conditions(ceiling.when, (*steps, "when"))
            line, _ = self.document.where(steps)
            found.append(Bound(ceiling.at_most, is_floor=False, when=when, line=line))
        return found

    def _defaults(self) -> list[Default]:
        severity = self.file.severity
        if severity is None:
            return []
        at: Steps = ("severity", "default")
        if isinstance(severity.default, str):
            self._level(severity.default, at)
            return [Default(severity.default)]
        if not severity.default or severity.default[-1].when:
            self.fail(
                at,
                "the last default of a choice needs no `when`",
                "end the list with `- use: LEVEL`",
            )
        found: list[Default] = []
        for i, case in enumerate(severity.default):
            self._level(case.use, (*at, i, "use"))
            found.append(Default(case.use, self._conditions(case.when, (*at, i, "when"))))
        return found

    def _silence(self, name: str) -> SilenceRule:
        part, steps = self.file.silences[name], ("silences", name)
        if part.attempts and not part.attempt:
            self.fail(
                steps, "`attempts` is set and `attempt` is not", "name the fact that is an attempt"
            )
        return SilenceRule(
            name=name,
            when=self._conditions(part.when, (*steps, "when")),
            attempts=self._triggers(part.attempt, (*steps, "attempt")),
            attempts_needed=part.attempts,
            heard=self._triggers(part.heard, (*steps, "heard")),
            quiet_us=part.quiet // MICROSECOND,
            warn_us=part.warn // MICROSECOND if part.warn else 0,
            calendar=self._calendars.named(part.calendar, (*steps, "calendar")) or ALWAYS,
        )
