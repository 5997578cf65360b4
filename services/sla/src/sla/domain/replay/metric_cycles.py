"""The cycles of a ticket's metrics: how they begin, end, are missed, and wait to begin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sla.domain.calendar.zones import from_us
from sla.domain.policy.policy import CUSTOMER, Policy, Resolved
from sla.domain.policy.rules import Metric, Repeats
from sla.domain.replay.build_timer import build_timer
from sla.domain.replay.cycle import Built, Cycle
from sla.domain.replay.missed_intervals import MISSED, missed_us, without_time_after
from sla.domain.replay.progress import Answers, Progress, Waiting, answers_of, restore, saved
from sla.domain.values import Fact, Scalar, State, Timer

# Module-level names: looking up a member of an enumeration is slow.
NEVER, ON_MEET, ON_START = Repeats.NEVER, Repeats.ON_MEET, Repeats.ON_START
NO_DATA: Mapping[str, object] = MappingProxyType({})


class MetricCycles:
    """All cycles of a ticket so far, and the state of each metric."""

    __slots__ = (
        "_all",
        "_groups",
        "_series",
        "_waiting",
        "cycles",
        "is_closed",
        "policy",
        "progress",
        "rests",
        "timeline",
    )

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.timeline: list[tuple[int, Resolved]] = []
        self.progress = [Progress(number, each) for number, each in enumerate(policy.metrics)]
        self.cycles: list[Cycle] = []
        self.is_closed = False
        # Of metrics with a timer for each value of a field; without a value: `progress`.
        self._groups: dict[int, dict[str, Progress]] = {number: {} for number in policy.grouped}
        self._all = [*self.progress]  # and those of all the groups
        self._series: list[Progress] = []  # those that repeat when met, once they have begun
        self._waiting: list[Progress] = []  # those with a start that waits, or has waited
        self.rests: list[tuple[str, int]] = []  # see Assessment.rests

    def _try_begin(self, progress: Progress, at: int, fact: Fact) -> None:
        """Begin a cycle, or keep the start until the metric that comes first was met."""
        metric = progress.metric
        if progress.cycle_count and metric.repeats is NEVER:
            return
        if metric.after is not None and not self._was_met(metric.after):
            self._wait(progress, Waiting(fact.data, None))
            return
        self._begin(progress, at, fact.type, self._answers(progress, at, fact.data))

    def _answers(self, progress: Progress, at: int, data: Mapping[str, object]) -> Answers:
        policy = self.policy
        customer: Scalar = None
        if policy.customers is not None and self.timeline:
            customer = self.timeline[-1][1].attributes.get(CUSTOMER)
        return answers_of(policy, progress.number, at, data, customer)

    def _was_met(self, name: str) -> bool:
        number = self.policy.numbers[name]
        groups = self._groups.get(number, {}).values()
        return self.progress[number].met_once or any(each.met_once for each in groups)

    def _wait(self, progress: Progress, waiting: Waiting) -> None:
        progress.waiting = waiting
        if progress not in self._waiting:
            self._waiting.append(progress)

    def _begin_waiting(self, at: int, by: str) -> None:
        """Begin what waited for a promise or for another metric, and waits no longer."""
        for progress in [*self._waiting]:
            waiting, metric = progress.waiting, progress.metric
            if waiting is None:
                self._waiting.remove(progress)
                continue
            if (self.is_closed and not metric.outlives_closing) or (
                metric.after is not None and not self._was_met(metric.after)
            ):
                continue
            answers = waiting.answers or self._answers(progress, at, waiting.data)
            self._begin(progress, at, by, answers, waiting.carried)

    def _begin(
        self,
        progress: Progress,
        at: int,
        by: str,
        answers: Answers,
        carried: Cycle | None = None,
    ) -> None:
        number, metric = progress.number, progress.metric
        bits, fields = answers
        entry = len(self.timeline) - 1
        if metric.repeats is not NEVER and not (
            self.timeline[entry][1].choice(number, metric, bits).is_promise
        ):
            # Nothing is promised for this cycle, until the ticket becomes such that it is.
            self._wait(progress, Waiting(NO_DATA, answers, carried))
            return
        progress.drop_start()
        if by != MISSED:
            progress.misses = 0
        progress.cycle_count += 1
        counted = self.progress[number]  # cycles are numbered for the metric as a whole
        if counted is not progress:
            counted.cycle_count += 1
        cycle = Cycle(number, counted.cycle_count, at, by, bits, fields, entry, carried)
        self.cycles.append(cycle)
        progress.cycle = progress.last = cycle
        if progress.paused:
            cycle.pause(at, *next(iter(progress.paused.values())))
        if carried is not None:
            self._go_on(cycle, metric)
        if progress.met_early_at is not None:
            self._end(progress, cycle, at, by, is_met=True)
        elif metric.repeats is ON_MEET and metric.stops_after and progress not in self._series:
            self._series.append(progress)

    def _leave_behind(self, progress: Progress, cycle: Cycle, at: int, fact: Fact) -> None:
        """What starts a promise again has one of its own, if the one before was missed, or had no
        time left to go on with when the ticket was reopened."""
        timer = self._built(cycle)[0]
        if timer is None:
            if cycle.carried is not None:
                self._end(progress, cycle, at, fact.type, is_met=False)
        elif timer.state_at(from_us(at)) is State.BREACHED:
            cycle.last = len(self.timeline) - 1  # later changes do not touch it
            progress.overdue.append(cycle)
            progress.cycle = None

    def _end_overdue(self, progress: Progress, at: int, by: str, *, is_met: bool) -> None:
        """What is done late is done for all that wait for it."""
        for cycle in progress.overdue:
            cycle.end(at, by, is_met=is_met, entry=cycle.last or 0)
        progress.overdue.clear()

    def _go_on(self, cycle: Cycle, metric: Metric) -> None:
        """Note whether the cycles before left time to go on with. Where they did not, nothing is
        promised, or, of intervals that follow one another, the next one begins."""
        if self._built(cycle)[0] is not None:
            cycle.goes_on = True
        elif metric.repeats is ON_MEET:
            cycle.carried = cycle.built = None

    def _miss_until(self, until: int | None) -> None:
        """End each interval that was missed before `until`, and begin the next where it ended.

        The earliest comes first, so that cycles are numbered by when they began.
        """
        while True:
            first: tuple[int, Progress, Cycle] | None = None
            for progress in self._series:
                cycle = progress.cycle
                due = None if cycle is None else missed_us(self._built(cycle)[0])
                if cycle is None or due is None or (until is not None and due >= until):
                    continue
                if first is None or due < first[0]:
                    first = due, progress, cycle
            if first is None:
                return
            self._miss(*first)

    def _miss(self, due: int, progress: Progress, cycle: Cycle) -> None:
        """An interval is over without being met: a breach of its own.

        The next one begins then, or when the promise became what it is, if that was later.
        """
        timer, note = self._built(cycle)
        at = max(due, self.timeline[-1][0])
        cycle.built = timer and without_time_after(timer, at), note
        progress.cycle = None
        progress.misses += 1
        if progress.misses >= progress.metric.stops_after:
            progress.is_resting = True
            self.rests.append((progress.metric.name, cycle.number))
        else:
            self._begin(progress, at, MISSED, self._answers(progress, at, NO_DATA))

    def _foresee(self) -> tuple[tuple[Timer, ...], tuple[tuple[str, int], ...]]:
        """The intervals that follow one another by time alone, if no further fact comes, and where
        too many were missed, then or before."""
        if not any(each.cycle is not None for each in self._series):
            return (), tuple(self.rests)
        # Their metrics too: those count the cycles of all values.
        changing = [*self._series, *(self.progress[each.number] for each in self._series)]
        before = [saved(each) for each in changing]
        cycles, rests, waiting = len(self.cycles), len(self.rests), len(self._waiting)
        self._miss_until(None)
        found = [timer for each in self.cycles[cycles:] if (timer := self._built(each)[0])]
        all_rests = tuple(self.rests)
        for progress, state in zip(changing, before, strict=True):
            restore(progress, state)
        del self.cycles[cycles:], self.rests[rests:], self._waiting[waiting:]
        return tuple(found), all_rests

    def _built(self, cycle: Cycle) -> Built:
        """The timer of a cycle, built again only when the cycle has changed."""
        built = cycle.built
        if built is None:
            built = cycle.built = build_timer(cycle, self.policy, self.timeline)
        return built

    def _end(self, progress: Progress, cycle: Cycle, at: int, by: str, *, is_met: bool) -> None:
        cycle.end(at, by, is_met=is_met, entry=len(self.timeline) - 1)
        progress.cycle = None
        progress.met_once = progress.met_once or is_met
