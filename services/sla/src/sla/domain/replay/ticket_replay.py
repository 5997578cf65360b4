"""The state that a ticket's facts lead to, applied one after the other.

A cycle that is over never changes, so its timer is kept: what a new fact costs does not depend on
how many came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sla.domain.facts import CLOSINGS
from sla.domain.policy.attributes import Attributes, severity_told
from sla.domain.policy.fact_effects import Effect, FactEffects, Role, SilenceEffect
from sla.domain.policy.matrix import BY_MATRIX
from sla.domain.policy.policy import Policy, Resolved
from sla.domain.policy.rules import Reopening
from sla.domain.replay.auto_close import QuietPeriod, build_silence
from sla.domain.replay.findings import apply_to_attributes
from sla.domain.replay.metric_cycles import NEVER, ON_MEET, ON_START, MetricCycles
from sla.domain.replay.progress import Progress, who_of
from sla.domain.replay.revisions import NOTHING_OPEN, revision_of
from sla.domain.values import Assessment, Fact, Note, Silence, Timer

AFTER_CLOSING = "ignored: the ticket was closed"
# Module-level names: looking up a member of an enumeration is slow.
CANCEL, RESUME, START = Role.CANCEL, Role.RESUME, Role.START


class TicketReplay(MetricCycles):
    """Applies a ticket's facts in the order in which they count, and gives the assessment.

    `opened_us` is when the ticket was opened. `known` are the attributes that count from then on,
    where a later fact corrected one, and `notes` say so (`findings`). `assessment` may be asked
    for after every fact: a timer is built again only when its cycle has changed.
    """

    __slots__ = ("_known", "attributes", "notes", "quiet")

    def __init__(
        self,
        policy: Policy,
        opened_us: int,
        known: Attributes | None = None,
        notes: Iterable[Note] = (),
    ) -> None:
        super().__init__(policy)
        self.notes = [*notes]
        self.attributes = policy.attributes_before()
        self._known = known
        self.quiet = [QuietPeriod(opened_us) for _ in policy.silences]

    def apply(self, at: int, fact: Fact, fact_effects: FactEffects) -> None:
        """Apply one fact."""
        setter, flags, is_reopening, effects, silences, is_closing, _ = fact_effects
        if self._series:
            self._miss_until(at)
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
        if self._waiting:
            self._begin_waiting(at, fact.type)
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

    def _progress_for(self, number: int, role: Role, fact: Fact) -> Sequence[Progress]:
        """A fact with a value applies to the timer of that value; one without, to all."""
        base, groups = self.progress[number], self._groups[number]
        value = fact.data.get(self.policy.grouped[number])
        if value is None:
            return [base] if role is START else [base, *groups.values()]
        found = groups.get(str(value))
        if found is None:
            found = groups[str(value)] = Progress(number, base.metric)
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

    def _meet(self, progress: Progress, _: int, at: int, fact: Fact) -> None:
        metric, cycle = progress.metric, progress.cycle
        if progress.overdue:
            self._end_overdue(progress, at, fact.type, is_met=True)
        if cycle is not None:
            self._end(progress, cycle, at, fact.type, is_met=True)
            if metric.repeats is ON_MEET:
                self._try_begin(progress, at, fact)
        elif metric.repeats is NEVER:
            if not progress.cycle_count:
                progress.met_early_at = at  # met before its clock started: met at once
                progress.met_once = True
        elif progress.waiting is not None or progress.is_resting:
            progress.met_once = True
            progress.drop_start()
            if metric.repeats is ON_MEET:
                self._try_begin(progress, at, fact)

    def _cancel(self, progress: Progress, _: int, at: int, fact: Fact) -> None:
        progress.drop_start()
        self._end_overdue(progress, at, fact.type, is_met=False)
        if progress.cycle is not None:
            self._end(progress, progress.cycle, at, fact.type, is_met=False)

    def _resume(self, progress: Progress, bits: int, at: int, fact: Fact) -> None:
        paused = progress.paused
        if paused.pop(bits, None) is not None and not paused and progress.cycle is not None:
            progress.cycle.resume(at)

    def _start(self, progress: Progress, _: int, at: int, fact: Fact) -> None:
        if progress.cycle is not None and progress.metric.repeats is ON_START:
            self._leave_behind(progress, progress.cycle, at, fact)
        if progress.cycle is None:
            self._try_begin(progress, at, fact)

    def _pause(self, progress: Progress, bits: int, at: int, fact: Fact) -> None:
        if not progress.paused and progress.cycle is not None:
            progress.cycle.pause(at, fact.type, who_of(fact))
        progress.paused.setdefault(bits, (fact.type, who_of(fact)))

    def _revise(self, progress: Progress, _: int, at: int, fact: Fact) -> None:
        revision, refusal = revision_of(fact, at)
        if progress.cycle is None:
            refusal = NOTHING_OPEN
        elif revision is not None:
            progress.cycle.revise(revision)
        if refusal:
            self.notes.append(Note(fact.sequence, fact.type, refusal))

    def _close(self, at: int, kind: str) -> None:
        self.is_closed = True
        for progress in self._all:
            if progress.metric.outlives_closing:
                continue
            self._end_overdue(progress, at, kind, is_met=False)
            if progress.cycle is not None:
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
            if last is None or metric.outlives_closing or progress.waiting is not None:
                continue
            if last.is_met and metric.reopening is Reopening.KEEP:
                continue
            if not last.is_met and last.ended_by not in CLOSINGS:
                continue  # it was not cancelled by closing
            progress.met_early_at = None
            if metric.reopening is Reopening.RESTART:
                answers = self._answers(progress, at, fact.data)
                self._begin(progress, at, fact.type, answers)
            else:  # it goes on, so the target that was chosen at its start holds
                self._begin(progress, at, fact.type, (last.bits, last.fields), last)

    def assessment(self, newest: str, odd: Iterable[Note]) -> Assessment:
        """The timers of all cycles, by metric and cycle, and all else that follows from the facts.

        `newest` is the type of the fact with the highest sequence, `odd` the notes of `arrange`.
        """
        foreseen, rests = self._foresee() if self._series else ((), ())
        timers: list[Timer] = []
        notes = [*odd, *self.notes]
        for cycle in self.cycles:
            timer, about = cycle.built or self._built(cycle)
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
            foreseen,
            rests,
        )

    def _shown(self, resolved: Resolved) -> Attributes:
        """What the ticket is, with the severity and the priority in force."""
        told = severity_told(self.attributes, resolved.severity)
        found = {**self.attributes, "severity": told}
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
    TicketReplay._revise,
)
"""By role."""
