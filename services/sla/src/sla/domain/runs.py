"""One cycle of one metric: from the stretches of its life to a timer with its instants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sla.domain.calendar import Calendar, NeverOpens
from sla.domain.model import Note, Span, Timer
from sla.domain.policy import Policy, Resolved
from sla.domain.promises import Due, Metric, Target
from sla.domain.zones import EPOCH, to_us

NO_PROMISE = "no_promise"
NEVER = "its calendar is not open long enough: no due instant"
NOTHING_LEFT = "not resumed: its time was used up before"

_Stretch = tuple[int, int | None, int, str, str]
"""From, to, entry of the timeline in force, paused by which type of fact, and by whom."""

Timeline = Sequence[tuple[int, Resolved]]
Targets = tuple[Target | None, ...]


class Run:
    """What happened to one cycle, while passing over the facts. Instants in microseconds."""

    __slots__ = (
        "bits",
        "carried",
        "cycle",
        "ended",
        "ended_by",
        "fields",
        "first",
        "is_met",
        "last",
        "metric",
        "paused_by",
        "paused_since",
        "pauses",
        "started",
        "started_by",
        "who",
    )

    def __init__(
        self,
        metric: int,
        cycle: int,
        started: int,
        started_by: str,
        bits: tuple[bool, ...],
        fields: dict[str, int],
        first: int,
        carried: Run | None,
    ) -> None:
        self.metric, self.cycle = metric, cycle
        self.started, self.started_by = started, started_by
        self.bits, self.fields = bits, fields
        self.first, self.carried = first, carried
        self.last: int | None = None  # entry of the timeline in force at the end
        self.ended: int | None = None
        self.ended_by, self.is_met = "", False
        self.pauses: list[tuple[int, int, str, str]] = []
        self.paused_since: int | None = None
        self.paused_by = self.who = ""

    def pause(self, at: int, by: str, who: str) -> None:
        """Time stands still from `at` on."""
        if self.paused_since is None:
            self.paused_since, self.paused_by, self.who = at, by, who

    def resume(self, at: int) -> None:
        """Time counts again; a pause of no length is none."""
        if self.paused_since is not None:
            if at > self.paused_since:
                self.pauses.append((self.paused_since, at, self.paused_by, self.who))
            self.paused_since = None

    def end(self, at: int, by: str, *, is_met: bool, entry: int) -> None:
        """Met or cancelled; later changes of the ticket do not touch it."""
        self.ended, self.ended_by, self.is_met, self.last = at, by, is_met, entry


class _Life:
    """A run with the targets that were in force, one entry per change of the ticket."""

    __slots__ = ("ended", "entries", "final", "is_withdrawn", "run", "spans", "targets")

    def __init__(self, run: Run, metric: Metric, timeline: Timeline) -> None:
        last = len(timeline) - 1 if run.last is None else run.last
        self.run = run
        self.entries = timeline[run.first : last + 1]
        self.targets: list[Targets] = [
            resolved.targets(run.metric, metric, run.bits) for _, resolved in self.entries
        ]
        self.final = len(self.targets) - 1
        while self.final >= 0 and not _promises(self.targets[self.final]):
            self.final -= 1
        self.is_withdrawn = 0 <= self.final < len(self.targets) - 1
        self.ended = self.entries[self.final + 1][0] if self.is_withdrawn else run.ended
        self.spans = self._spans() if self.final >= 0 else []

    def _spans(self) -> list[_Stretch]:
        """The life from start to end (None: it lasts), cut where anything changed."""
        run, end = self.run, self.ended
        if len(self.entries) == 1 and not run.pauses and run.paused_since is None:
            return [(run.started, end, 0, "", "")]
        found: list[_Stretch] = []
        at = run.started
        pauses: list[tuple[int, int | None, str, str]] = list(run.pauses)
        if run.paused_since is not None:
            pauses.append((run.paused_since, None, run.paused_by, run.who))
        for start, stop, by, who in pauses:
            if end is not None and start >= end:
                break
            self._cut(found, at, start, "", "")
            stop = end if stop is None or (end is not None and stop > end) else stop
            self._cut(found, start, stop, by, who)
            if stop is None:
                return found
            at = stop
        self._cut(found, at, end, "", "")
        return found or [(run.started, end, self.final, "", "")]

    def _cut(self, found: list[_Stretch], start: int, end: int | None, by: str, who: str) -> None:
        """Append `[start, end)`, in parts where another promise came into force."""
        at, entry = start, 0
        for number in range(1, len(self.entries)):
            changed = self.entries[number][0]
            if changed <= at:
                entry = number
                continue
            if end is not None and changed >= end:
                break
            found.append((at, changed, entry, by, who))
            at, entry = changed, number
        if end is None or at < end:
            found.append((at, end, entry, by, who))

    def calendars(self, track: int) -> list[Calendar]:
        """The calendar that each entry counts on: its own promise's, or without one the next's."""
        found: list[Calendar] = []
        following: Calendar | None = None
        for targets in reversed(self.targets):
            target = targets[track]
            if target is not None:
                following = target.calendar
            found.append(following or _calendar_of(self.targets[self.final]))
        found.reverse()
        return found


def _calendar_of(targets: Targets) -> Calendar:
    return next(target.calendar for target in targets if target is not None)


def _promises(targets: Targets) -> bool:
    return any(target is not None and target.is_promise for target in targets)


class _Track:
    """One promise of several, counted over a life."""

    __slots__ = ("calendars", "carried", "life", "target")

    def __init__(self, life: _Life, track: int, target: Target, carried: int) -> None:
        self.life, self.target, self.carried = life, target, carried
        self.calendars = [target.calendar] if len(life.targets) == 1 else life.calendars(track)

    def instant(self, due: Due | None) -> int | None:
        """When a promise falls due; None without one, or while it is paused."""
        if due is None:
            return None
        if due.within_us is not None:
            return self.reach(due.within_us - self.carried)
        fixed = self.fixed(due)
        if fixed is None or due.field is not None or not self.is_paused_ever():
            return fixed
        calendar = self.target.calendar
        budget = calendar.measure_us(self.life.run.started, fixed)
        return self.reach(budget, calendar)

    def fixed(self, due: Due) -> int | None:
        """The instant of a promise that needs no counting."""
        run, target = self.life.run, self.target
        if due.field is not None:
            return run.fields.get(due.field)
        closing = target.closing or target.calendar
        return target.calendar.close_us(run.started, due.by_days or 0, closing)

    def is_paused_ever(self) -> bool:
        """Whether anything stood still in this cycle."""
        return bool(self.life.run.pauses) or self.life.run.paused_since is not None

    def reach(self, budget: int, calendar: Calendar | None = None) -> int | None:
        """When `budget` is used up, each stretch on its own calendar (or all on `calendar`).

        What has ended is counted on as if it had not, so that a due instant can be told."""
        spans = self.life.spans
        if budget <= 0:
            return spans[0][0]
        used = 0
        last = len(spans) - 1
        for number, (start, end, entry, by, _) in enumerate(spans):
            if by:
                if number == last and end is not None:
                    return (calendar or self.calendars[entry]).add_us(end, budget - used)
                continue
            counting = calendar or self.calendars[entry]
            if end is None or number == last:
                return counting.add_us(start, budget - used)
            stretch = counting.measure_us(start, end)
            if used + stretch >= budget:
                return counting.add_us(start, budget - used)
            used += stretch
        return None

    def used(self) -> int:
        """The time counted, with what was carried; for a life that has ended."""
        used = self.carried
        for start, end, entry, by, _ in self.life.spans:
            if not by and end is not None:
                used += self.calendars[entry].measure_us(start, end)
        return used

    def budget(self) -> int | None:
        """All the time of the promise that can be breached."""
        due = self.target.due
        if due is None:
            return None
        if due.within_us is not None:
            return due.within_us
        fixed = self.fixed(due)
        if fixed is None:
            return None
        if due.field is not None:
            return fixed - self.life.run.started
        return self.target.calendar.measure_us(self.life.run.started, fixed)


def build_timer(run: Run, policy: Policy, timeline: Timeline, notes: list[Note]) -> Timer | None:
    """The timer of one cycle, or None when nothing was ever promised for it."""
    try:
        return _built(run, policy, timeline, notes)
    except NeverOpens:
        notes.append(Note(0, policy.metrics[run.metric].name, NEVER))
        return None


def _built(run: Run, policy: Policy, timeline: Timeline, notes: list[Note]) -> Timer | None:
    metric = policy.metrics[run.metric]
    life = _Life(run, metric, timeline)
    if life.final < 0:
        return None
    carried = _carried(run, policy, timeline)
    tracks = [
        _Track(life, number, target, carried[number])
        for number, target in enumerate(life.targets[life.final])
        if target is not None and target.is_promise
    ]
    dues = [track.instant(track.target.due) for track in tracks]
    expects = [track.instant(track.target.expect) for track in tracks]
    bound = _binding(tracks, dues)
    budget = None if run.carried is None else bound.budget()
    if budget is not None and bound.carried >= budget:
        notes.append(Note(0, metric.name, NOTHING_LEFT))
        return None
    due = min((one for one in dues if one is not None), default=None)
    expect = min((one for one in expects if one is not None), default=None)
    return _timer(life, metric, bound, due, expect)


def _binding(tracks: list[_Track], dues: list[int | None]) -> _Track:
    """The promise with the earliest due instant, else one that can be breached, else the first."""
    chosen, best = None, None
    for track, due in zip(tracks, dues, strict=True):
        if due is not None and (best is None or due < best):
            chosen, best = track, due
    if chosen is not None:
        return chosen
    return next((track for track in tracks if track.target.due is not None), tracks[0])


def _carried(run: Run, policy: Policy, timeline: Timeline) -> list[int]:
    """Per track, the time used in the cycles that this one resumes."""
    metric = policy.metrics[run.metric]
    before = run.carried
    if before is None:
        return [0] * len(metric.tracks)
    life = _Life(before, metric, timeline)
    if life.final < 0:
        return [0] * len(metric.tracks)
    earlier = _carried(before, policy, timeline)
    return [
        0
        if target is None or (target.due is not None and target.due.within_us is None)
        else _Track(life, number, target, earlier[number]).used()
        for number, target in enumerate(life.targets[life.final])
    ]


def _timer(
    life: _Life, metric: Metric, bound: _Track, due: int | None, expect: int | None
) -> Timer:
    run, target = life.run, bound.target
    is_cancelled = life.is_withdrawn or (run.ended is not None and not run.is_met)
    is_over = life.ended is not None
    risks, percents = ((), ()) if is_over or due is None else _risks(metric, bound, due)
    paused = None if is_over else run.paused_since
    budget = target.due.within_us if target.due is not None else None
    if life.is_withdrawn:
        reason = NO_PROMISE
    else:
        reason = run.ended_by or (run.paused_by if paused is not None else run.started_by)
    return Timer(
        metric=metric.name,
        cycle=run.cycle,
        started_at=EPOCH + timedelta(0, 0, run.started),
        due_at=_at(due),
        expect_at=_at(expect),
        met_at=_at(run.ended) if run.is_met and not life.is_withdrawn else None,
        cancelled_at=_at(life.ended) if is_cancelled else None,
        paused_since=_at(paused),
        at_risk_at=risks,
        at_risk_percents=percents,
        target=target.due.words if target.due is not None else "",
        expect=target.expect.words if target.expect is not None else "",
        rule=target.rule,
        calendar=target.calendar.name,
        budget=None if budget is None else timedelta(0, 0, budget),
        carried=timedelta(0, 0, bound.carried),
        spans=tuple(
            [
                Span(start, end, bound.calendars[entry].name, by, who)
                for start, end, entry, by, who in life.spans
            ]
        ),
        started_by=run.started_by,
        reason=reason,
        title=metric.title,
    )


def _risks(metric: Metric, bound: _Track, due: int) -> tuple[tuple[datetime, ...], tuple[int, ...]]:
    """When each threshold is passed, with its percent of the budget; only those before the due."""
    if not metric.at_risk:
        return (), ()
    budget = bound.budget()
    if budget is None or budget <= 0:
        return (), ()
    is_fixed = bound.target.due is not None and bound.target.due.within_us is None
    calendar = bound.target.calendar if is_fixed else None
    found: dict[int, int] = {}
    for percent, left in metric.at_risk:
        part = budget - left if left is not None else budget * (percent or 0) // 100
        if part <= 0:
            continue
        at = bound.reach(part - bound.carried, calendar)
        if at is not None and at < due:
            found.setdefault(at, part * 100 // budget)
    instants = sorted(found)
    return tuple(EPOCH + timedelta(0, 0, at) for at in instants), tuple(
        found[at] for at in instants
    )


def _at(us: int | None) -> datetime | None:
    return None if us is None else EPOCH + timedelta(0, 0, us)


def field_us(value: object) -> int | None:
    """An instant given in a fact's field, in microseconds, or None."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return to_us(value)
    return None
