"""A ticket's life as its facts tell it, one after the other.

Once a cycle is over nothing touches it any more, so its timer is kept: what a new fact costs does
not depend on how long the ticket has lived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sla.domain.attributes import Attributes
from sla.domain.facts import instant_us
from sla.domain.handling import CLOSINGS, Effect, Handling, Role, SilenceEffect
from sla.domain.model import Assessment, Fact, Note, Silence, Timer
from sla.domain.policy import Policy, Resolved
from sla.domain.promises import Metric, Reopening, Repeats
from sla.domain.run import Built, Run
from sla.domain.silence import Quiet, build_silence
from sla.domain.timers import build_timer

AFTER_CLOSING = "ignored: the ticket was closed"
MEET, CANCEL, RESUME, START = Role.MEET, Role.CANCEL, Role.RESUME, Role.START
NO_ANSWERS: tuple[tuple[bool, ...], dict[str, int]] = ((), {})


class _Progress:
    """Where one metric stands."""

    __slots__ = ("cycles", "last", "met_early_at", "met_once", "paused", "run")

    def __init__(self) -> None:
        self.run: Run | None = None
        self.last: Run | None = None
        self.cycles = 0
        self.met_once = False
        self.met_early_at: int | None = None
        self.paused: dict[int, tuple[str, str]] = {}  # by bit: the fact and who


class Life:
    """What a ticket's facts made of it, each taken in the order that counts.

    `opened_us` is when it began. `take` moves it on; `assessment` says how it stands, again and
    again: a timer is built anew only after something happened to its cycle.
    """

    def __init__(self, policy: Policy, opened_us: int) -> None:
        self.policy = policy
        self.notes: list[Note] = []
        self.attributes: Attributes = dict(policy.defaults)
        for flag in policy.flags:
            self.attributes[flag.name] = False
        self.timeline: list[tuple[int, Resolved]] = []
        self.progress = [_Progress() for _ in policy.metrics]
        self.runs: list[Run] = []
        self.quiet = [Quiet(opened_us) for _ in policy.silences]
        self.is_closed = False
        # Of metrics with a timer for each value of a field; without a value: `progress`.
        self.groups: dict[int, dict[str, _Progress]] = {number: {} for number in policy.grouped}

    def take(self, at: int, fact: Fact, handling: Handling) -> None:
        """Let one fact have its effects."""
        setter, flags, is_reopening, effects, silences, is_closing = handling
        data = fact.data
        if setter is not None:
            setter(self.attributes, data)
        for name, is_on, matches in flags:
            if matches is None or matches(data):
                self.attributes[name] = is_on
        if setter is not None or flags:
            self._describe(at)
        if is_reopening:
            self._reopen(at, fact)
        if effects:
            self._affect(effects, at, fact)
        if silences:
            self._hear(silences, at, data)
        if is_closing:
            self._close(at, fact.type)

    def _affect(self, effects: tuple[Effect, ...], at: int, fact: Fact) -> None:
        data, all_progress, groups = fact.data, self.progress, self.groups
        for effect in effects:
            number, role, test, bits, applies = effect
            if groups and number in groups:
                self._affect_each(effect, at, fact)
                continue
            progress = all_progress[number]
            # Most effects find nothing to do: a reply when nobody waits for one.
            if role is START:
                if progress.run is not None:
                    continue
            elif role is RESUME:
                if not progress.paused:
                    continue
            elif role is CANCEL and progress.run is None:
                continue
            if (test is None or test(data)) and (
                applies is None or applies(self.timeline[-1][1].attributes)
            ):
                self._apply(progress, number, role, bits, at, fact)

    def _affect_each(self, effect: Effect, at: int, fact: Fact) -> None:
        """The same for a metric that has a timer for each value of a field."""
        number, role, test, bits, applies = effect
        if (test is None or test(fact.data)) and (
            applies is None or applies(self.timeline[-1][1].attributes)
        ):
            for progress in self._concerned(number, role, fact):
                if role is not START or progress.run is None:
                    self._apply(progress, number, role, bits, at, fact)

    def _concerned(self, number: int, role: Role, fact: Fact) -> list[_Progress]:
        """A fact with a value concerns that one's timer; one without, whatever is there."""
        base, groups = self.progress[number], self.groups[number]
        value = fact.data.get(self.policy.grouped[number])
        if value is None:
            return [base] if role is START else [base, *groups.values()]
        found = groups.get(str(value))
        if found is None:
            found = groups[str(value)] = _Progress()
            found.paused.update(base.paused)
        return [found]

    def _everything(self) -> Iterator[tuple[int, _Progress]]:
        """Each metric's progress, with its number."""
        yield from enumerate(self.progress)
        for number, groups in self.groups.items():
            for progress in groups.values():
                yield number, progress

    def _hear(
        self, effects: tuple[SilenceEffect, ...], at: int, data: Mapping[str, object]
    ) -> None:
        for number, is_heard, matches in effects:
            if matches is None or matches(data):
                self.quiet[number].take(at, is_heard=is_heard)

    def _describe(self, at: int) -> None:
        """Note when what the ticket is now puts other promises in force."""
        resolved = self.policy.resolve(self.attributes)
        if not self.timeline or self.timeline[-1][1] is not resolved:
            self.timeline.append((at, resolved))
            for _, progress in self._everything():
                if progress.run is not None:
                    progress.run.built = None

    def _apply(
        self, progress: _Progress, number: int, role: Role, bits: int, at: int, fact: Fact
    ) -> None:
        metric = self.policy.metrics[number]
        if self.is_closed and not metric.outlives_closing and role is not RESUME:
            self.notes.append(Note(fact.sequence, fact.type, AFTER_CLOSING))
            return
        run = progress.run
        if role is MEET:
            self._meet(progress, number, at, fact)
        elif role is START:
            self._start(progress, number, at, fact)
        elif role is RESUME:
            if progress.paused.pop(bits, None) is not None and not progress.paused and run:
                run.resume(at)
        elif role is CANCEL:
            if run is not None:
                self._end(progress, run, at, fact.type, is_met=False)
        else:
            if not progress.paused and run is not None:
                run.pause(at, fact.type, _who(fact))
            progress.paused.setdefault(bits, (fact.type, _who(fact)))

    def _start(
        self,
        progress: _Progress,
        number: int,
        at: int,
        fact: Fact,
        carried: Run | None = None,
        *,
        is_reopening: bool = False,
    ) -> None:
        metric = self.policy.metrics[number]
        if not is_reopening and not self._may_start(progress, metric):
            return
        bits, fields = (
            self._answers(number, at, fact) if self.policy.questions[number] else NO_ANSWERS
        )
        resolved = self.timeline[-1][1]
        if metric.repeats is not Repeats.NEVER and not (
            resolved.choice(number, metric, bits).is_promise
        ):
            return  # nothing is promised for this one; the next may be another matter
        progress.cycles += 1
        counted = self.progress[number]  # cycles are numbered for the metric as a whole
        if counted is not progress:
            counted.cycles += 1
        run = Run(
            number, counted.cycles, at, fact.type, bits, fields, len(self.timeline) - 1, carried
        )
        self.runs.append(run)
        progress.run = progress.last = run
        if progress.paused:
            run.pause(at, *next(iter(progress.paused.values())))
        if progress.met_early_at is not None:
            self._end(progress, run, at, fact.type, is_met=True)

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

    def _may_start(self, progress: _Progress, metric: Metric) -> bool:
        if progress.cycles and metric.repeats is Repeats.NEVER:
            return False
        if metric.after is None:
            return True
        after = self.policy.numbers[metric.after]
        groups = self.groups.get(after, {}).values()
        return self.progress[after].met_once or any(each.met_once for each in groups)

    def _meet(self, progress: _Progress, number: int, at: int, fact: Fact) -> None:
        metric = self.policy.metrics[number]
        run = progress.run
        if run is None:
            if not progress.cycles and metric.repeats is Repeats.NEVER:
                progress.met_early_at = at  # done before its clock began: kept at once
                progress.met_once = True
            return
        self._end(progress, run, at, fact.type, is_met=True)
        if metric.repeats is Repeats.ON_MEET and (metric.outlives_closing or not self.is_closed):
            self._start(progress, number, at, fact)

    def _end(self, progress: _Progress, run: Run, at: int, by: str, *, is_met: bool) -> None:
        run.end(at, by, is_met=is_met, entry=len(self.timeline) - 1)
        progress.run = None
        progress.met_once = progress.met_once or is_met

    def _close(self, at: int, kind: str) -> None:
        self.is_closed = True
        for number, progress in self._everything():
            if progress.run is not None and not self.policy.metrics[number].outlives_closing:
                self._end(progress, progress.run, at, kind, is_met=False)

    def _reopen(self, at: int, fact: Fact) -> None:
        """Each metric goes on as its `reopening` says; nobody waits for anybody any more."""
        self.is_closed = False
        for quiet in self.quiet:
            quiet.take(at, is_heard=True)
        for number, progress in self._everything():
            metric = self.policy.metrics[number]
            progress.paused.clear()
            if progress.run is not None:
                progress.run.resume(at)
                continue
            last = progress.last
            if last is None or metric.outlives_closing:
                continue
            if last.is_met and metric.reopening is Reopening.KEEP:
                continue
            if not last.is_met and last.ended_by not in CLOSINGS:
                continue  # what cancelled it was no closing
            progress.met_early_at = None
            carried = None if metric.reopening is Reopening.RESTART else last
            self._start(progress, number, at, fact, carried, is_reopening=True)

    def assessment(self, newest: str, odd: Iterable[Note]) -> Assessment:
        """The timers of all cycles, by metric and cycle, and all else that the facts mean.

        `newest` is the type of the fact with the highest sequence, `odd` what `arrange` noted.
        """
        timers: list[Timer] = []
        notes = [*odd, *self.notes]
        for run in self.runs:
            timer, about = run.built or self._build(run)
            if timer is not None:
                timers.append(timer)
            notes += about
        resolved = self.timeline[-1][1] if self.timeline else self.policy.resolve(self.attributes)
        return Assessment(
            tuple(timers),
            self._silences(resolved),
            tuple(dict.fromkeys(notes)),
            {**self.attributes, "severity": resolved.severity},
            self.is_closed,
            self.policy.version,
            newest,
        )

    def _build(self, run: Run) -> Built:
        notes: list[Note] = []
        run.built = build_timer(run, self.policy, self.timeline, notes), notes
        return run.built

    def _silences(self, resolved: Resolved) -> tuple[Silence, ...]:
        if self.is_closed or not self.quiet:
            return ()
        rules = zip(self.policy.silences, self.quiet, resolved.silences, strict=True)
        return tuple([build_silence(rule, quiet) for rule, quiet, applies in rules if applies])


def _who(fact: Fact) -> str:
    by = fact.part("by") or fact.part("agent")
    name = by.get("name") or by.get("id") or by.get("email")
    return name if isinstance(name, str) else ""
