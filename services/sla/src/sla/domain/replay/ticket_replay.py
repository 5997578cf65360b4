"""The state that a ticket's facts lead to, applied one after the other.

A cycle that is over never changes, so its timer is kept: what a new fact costs does not depend on
how many came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sla.domain.facts import CLOSINGS, instant_us
from sla.domain.policy.attributes import Attributes
from sla.domain.policy.fact_effects import Effect, FactEffects, Role, SilenceEffect
from sla.domain.policy.matrix import BY_MATRIX
from sla.domain.policy.policy import Policy, Resolved
from sla.domain.policy.rules import Metric, Reopening, Repeats
from sla.domain.replay.auto_close import QuietPeriod, build_silence
from sla.domain.replay.build_timer import build_timer
from sla.domain.replay.cycle import Cycle
from sla.domain.replay.findings import apply_to_attributes
from sla.domain.values import Assessment, Fact, Note, Silence, Timer

AFTER_CLOSING = "ignored: the ticket was closed"
# Module-level names: looking up a member of an enumeration is slow.
CANCEL, RESUME, START = Role.CANCEL, Role.RESUME, Role.START
NEVER, ON_MEET = Repeats.NEVER, Repeats.ON_MEET
NO_ANSWERS: tuple[tuple[bool, ...], dict[str, int]] = ((), {})


class _Progress:
    """The state of one metric: its current cycle, how many there were, its open pauses."""

    __slots__ = (
        "cycle",
        "cycle_count",
        "last",
        "met_early_at",
        "met_once",
        "metric",
        "number",
        "paused",
    )

    def __init__(self, number: int, metric: Metric) -> None:
        self.number, self.metric = number, metric
        self.cycle: Cycle | None = None
        self.last: Cycle | None = None
        self.cycle_count = 0
        self.met_once = False
        self.met_early_at: int | None = None
        self.paused: dict[int, tuple[str, str]] = {}  # by bit: the fact and who


class TicketReplay:
    """Applies a ticket's facts in the order in which they count, and gives the assessment.

    `opened_us` is when the ticket was opened. `known` are the attributes that count from then on,
    where a later fact corrected one, and `notes` say so (`findings`). `assessment` may be asked
    for after every fact: a timer is built again only when its cycle has changed.
    """

    __slots__ = (
        "_all",
        "_groups",
        "_known",
        "attributes",
        "cycles",
        "is_closed",
        "notes",
        "policy",
        "progress",
        "quiet",
        "timeline",
    )

    def __init__(
        self,
        policy: Policy,
        opened_us: int,
        known: Attributes | None = None,
        notes: Iterable[Note] = (),
    ) -> None:
        self.policy = policy
        self.notes = [*notes]
        self.attributes = policy.attributes_before()
        self._known = known
        self.timeline: list[tuple[int, Resolved]] = []
        self.progress = [_Progress(number, each) for number, each in enumerate(policy.metrics)]
        self.cycles: list[Cycle] = []
        self.quiet = [QuietPeriod(opened_us) for _ in policy.silences]
        self.is_closed = False
        # Of metrics with a timer for each value of a field; without a value: `progress`.
        self._groups: dict[int, dict[str, _Progress]] = {number: {} for number in policy.grouped}
        self._all = [*self.progress]  # and those of all the groups

    def apply(self, at: int, fact: Fact, fact_effects: FactEffects) -> None:
        """Apply one fact."""
        setter, flags, is_reopening, effects, silences, is_closing, _ = fact_effects
        if setter is not None or flags:
            apply_to_attributes(self.attributes, fact, fact_effects)
            if self._known:
                self.attributes.update(self._known)
            self._resolve(at)
        if is_reopening:
            self._reopen(at, fact)
        if effects:
            self._apply_to_metrics(effects, at, fact)
        if silences:
            self._apply_to_silences(silences, at, fact.data)
        if is_closing:
            self._close(at, fact.type)

    def _apply_to_metrics(self, effects: Sequence[Effect], at: int, fact: Fact) -> None:
        data, all_progress, groups = fact.data, self.progress, self._groups
        for number, role, test, bits, applies in effects:
            if (test is not None and not test(data)) or (
                applies is not None and not applies(self.timeline[-1][1].attributes)
            ):
                continue
            if self.is_closed and not all_progress[number].metric.outlives_closing:
                if role is not CANCEL and role is not RESUME:
                    self.notes.append(Note(fact.sequence, fact.type, AFTER_CLOSING))
            elif number in groups:
                for progress in self._progress_for(number, role, fact):
                    _ACTIONS[role](self, progress, bits, at, fact)
            else:
                _ACTIONS[role](self, all_progress[number], bits, at, fact)

    def _progress_for(self, number: int, role: Role, fact: Fact) -> Sequence[_Progress]:
        """A fact with a value applies to the timer of that value; one without, to all."""
        base, groups = self.progress[number], self._groups[number]
        value = fact.data.get(self.policy.grouped[number])
        if value is None:
            return [base] if role is START else [base, *groups.values()]
        found = groups.get(str(value))
        if found is None:
            found = groups[str(value)] = _Progress(number, base.metric)
            found.paused.update(base.paused)
            self._all.append(found)
        return [found]

    def _apply_to_silences(
        self, effects: tuple[SilenceEffect, ...], at: int, data: Mapping[str, object]
    ) -> None:
        for number, is_heard, matches in effects:
            if matches is None or matches(data):
                self.quiet[number].record(at, is_heard=is_heard)

    def _resolve(self, at: int) -> None:
        """Add to the timeline when the attributes put other promises in force."""
        resolved = self.policy.resolve(self.attributes)
        if self.timeline and self.timeline[-1][1] is resolved:
            return
        self.timeline.append((at, resolved))
        for progress in self._all:
            if progress.cycle is not None:
                progress.cycle.built = None

    def _meet(self, progress: _Progress, _: int, at: int, fact: Fact) -> None:
        metric, cycle = progress.metric, progress.cycle
        if cycle is not None:
            self._end(progress, cycle, at, fact.type, is_met=True)
            if metric.repeats is ON_MEET:
                self._start(progress, 0, at, fact)
        elif not progress.cycle_count and metric.repeats is NEVER:
            progress.met_early_at = at  # met before its clock started: met at once
            progress.met_once = True

    def _cancel(self, progress: _Progress, _: int, at: int, fact: Fact) -> None:
        if progress.cycle is not None:
            self._end(progress, progress.cycle, at, fact.type, is_met=False)

    def _resume(self, progress: _Progress, bits: int, at: int, fact: Fact) -> None:
        paused = progress.paused
        if paused.pop(bits, None) is not None and not paused and progress.cycle is not None:
            progress.cycle.resume(at)

    def _start(self, progress: _Progress, _: int, at: int, fact: Fact) -> None:
        if progress.cycle is None and self._may_start(progress):
            self._begin(progress, at, fact)

    def _pause(self, progress: _Progress, bits: int, at: int, fact: Fact) -> None:
        if not progress.paused and progress.cycle is not None:
            progress.cycle.pause(at, fact.type, _who(fact))
        progress.paused.setdefault(bits, (fact.type, _who(fact)))

    def _may_start(self, progress: _Progress) -> bool:
        metric = progress.metric
        if progress.cycle_count and metric.repeats is NEVER:
            return False
        if metric.after is None:
            return True
        after = self.policy.numbers[metric.after]
        groups = self._groups.get(after, {}).values()
        return self.progress[after].met_once or any(each.met_once for each in groups)

    def _begin(
        self, progress: _Progress, at: int, fact: Fact, carried: Cycle | None = None
    ) -> None:
        number, metric = progress.number, progress.metric
        bits, fields = (
            self._answers(number, at, fact) if self.policy.questions[number] else NO_ANSWERS
        )
        entry = len(self.timeline) - 1
        if metric.repeats is not NEVER and not (
            self.timeline[entry][1].choice(number, metric, bits).is_promise
        ):
            return  # nothing is promised for this cycle; the next may differ
        progress.cycle_count += 1
        counted = self.progress[number]  # cycles are numbered for the metric as a whole
        if counted is not progress:
            counted.cycle_count += 1
        cycle = Cycle(number, counted.cycle_count, at, fact.type, bits, fields, entry, carried)
        self.cycles.append(cycle)
        progress.cycle = progress.last = cycle
        if progress.paused:
            cycle.pause(at, *next(iter(progress.paused.values())))
        if progress.met_early_at is not None:
            self._end(progress, cycle, at, fact.type, is_met=True)

    def _answers(self, number: int, at: int, fact: Fact) -> tuple[tuple[bool, ...], dict[str, int]]:
        """What the metric's targets ask about a start, and the instants that the fact gives."""
        answers: list[bool] = []
        fields: dict[str, int] = {}
        for kind, name in self.policy.questions[number]:
            if kind == "open":
                answers.append(self.policy.calendars[name].is_open_us(at))
                continue
            us = instant_us(fact.data.get(name))
            answers.append(us is not None)
            if us is not None:
                fields[name] = us
        return tuple(answers), fields

    def _end(self, progress: _Progress, cycle: Cycle, at: int, by: str, *, is_met: bool) -> None:
        cycle.end(at, by, is_met=is_met, entry=len(self.timeline) - 1)
        progress.cycle = None
        progress.met_once = progress.met_once or is_met

    def _close(self, at: int, kind: str) -> None:
        self.is_closed = True
        for progress in self._all:
            if progress.cycle is not None and not progress.metric.outlives_closing:
                self._end(progress, progress.cycle, at, kind, is_met=False)

    def _reopen(self, at: int, fact: Fact) -> None:
        """Each metric continues as its `reopening` says; all pauses end."""
        self.is_closed = False
        for quiet in self.quiet:
            quiet.record(at, is_heard=True)
        for progress in self._all:
            metric = progress.metric
            progress.paused.clear()
            if progress.cycle is not None:
                progress.cycle.resume(at)
                continue
            last = progress.last
            if last is None or metric.outlives_closing:
                continue
            if last.is_met and metric.reopening is Reopening.KEEP:
                continue
            if not last.is_met and last.ended_by not in CLOSINGS:
                continue  # it was not cancelled by closing
            progress.met_early_at = None
            self._begin(progress, at, fact, None if metric.reopening is Reopening.RESTART else last)

    def assessment(self, newest: str, odd: Iterable[Note]) -> Assessment:
        """The timers of all cycles, by metric and cycle, and all else that follows from the facts.

        `newest` is the type of the fact with the highest sequence, `odd` the notes of `arrange`.
        """
        timers: list[Timer] = []
        notes = [*odd, *self.notes]
        for cycle in self.cycles:
            built = cycle.built
            if built is None:
                built = cycle.built = build_timer(cycle, self.policy, self.timeline)
            timer, about = built
            if timer is not None:
                timers.append(timer)
            if about is not None:
                notes.append(about)
        resolved = self.timeline[-1][1] if self.timeline else self.policy.resolve(self.attributes)
        return Assessment(
            tuple(timers),
            self._silences(resolved),
            tuple(dict.fromkeys(notes)),
            self._shown(resolved),
            self.is_closed,
            self.policy.version,
            newest,
        )

    def _shown(self, resolved: Resolved) -> Attributes:
        """What the ticket is, with the severity and the priority in force."""
        found = {**self.attributes, "severity": resolved.severity}
        matrix = self.policy.matrix
        if matrix is not None:
            found[BY_MATRIX] = matrix.decides(self.attributes)
            if matrix.gives == "priority":
                found["priority"] = resolved.attributes["priority"]
        return found

    def _silences(self, resolved: Resolved) -> tuple[Silence, ...]:
        if self.is_closed or not self.quiet:
            return ()
        rules = zip(self.policy.silences, self.quiet, resolved.silences, strict=True)
        return tuple([build_silence(rule, quiet) for rule, quiet, applies in rules if applies])


_ACTIONS = (
    TicketReplay._meet,
    TicketReplay._cancel,
    TicketReplay._resume,
    TicketReplay._start,
    TicketReplay._pause,
)
"""By role."""


def _who(fact: Fact) -> str:
    by = fact.part("by") or fact.part("agent")  # its former name
    name = by.get("name") or by.get("id") or by.get("email")
    return name if isinstance(name, str) else ""
