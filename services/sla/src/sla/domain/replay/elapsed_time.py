"""Counts one promise over the stretches of a cycle. Instants in microseconds."""

from __future__ import annotations

from collections.abc import Sequence

from sla.domain.calendar.business_days import due_us
from sla.domain.calendar.calendar import ALWAYS, Calendar
from sla.domain.policy.rules import Due, Target
from sla.domain.replay.cycle import Cycle
from sla.domain.values import Span

NO_PROMISE = "no_promise"
"""What a stretch is paused by, and a timer cancelled by, when nothing is promised any more."""

InForce = tuple[int, int | None, Calendar | None]
"""From and until when a calendar held; None for it where the desk's file took the promise away."""


def stretches(cycle: Cycle, end: int | None, calendars: Sequence[InForce]) -> list[Span]:
    """A cycle from its start to `end`, cut where it paused and where another calendar came into
    force. `calendars` follow each other, the first from the start, the last without an end."""
    parts = _cut_at_pauses(cycle, end)
    if len(calendars) == 1:
        only = calendars[0][2]
        if only is not None:
            return [(start, stop, only, by, who) for start, stop, by, who in parts]
    found: list[Span] = []
    for start, stop, by, who in parts:
        for since, until, calendar in calendars:
            first = start if start > since else since
            last = stop if until is None or (stop is not None and stop < until) else until
            if last is None or first < last:
                reason = by if calendar is not None else by or NO_PROMISE
                found.append((first, last, calendar or ALWAYS, reason, who))
    return found or [(cycle.started, end, calendars[-1][2] or ALWAYS, "", "")]


def _cut_at_pauses(cycle: Cycle, end: int | None) -> list[tuple[int, int | None, str, str]]:
    """A cycle cut where it paused: from, to, the fact that paused it, and by whom."""
    if not cycle.pauses and cycle.paused_since is None:
        return [(cycle.started, end, "", "")]
    pauses: list[tuple[int, int | None, str, str]] = [*cycle.pauses]
    if cycle.paused_since is not None:
        pauses.append((cycle.paused_since, None, cycle.paused_by, cycle.who))
    found: list[tuple[int, int | None, str, str]] = []
    at = cycle.started
    for start, stop, by, who in pauses:
        if end is not None and start >= end:
            break
        if at < start:
            found.append((at, start, "", ""))
        if stop is None or (end is not None and stop > end):
            stop = end
        found.append((start, stop, by, who))
        if stop is None:
            return found
        at = stop
    if end is None or at < end:
        found.append((at, end, "", ""))
    return found or [(cycle.started, end, "", "")]


class Counted:
    """One promise over the stretches of a cycle; `carried` was used in the cycles it resumes."""

    __slots__ = ("carried", "cycle", "stretches", "target")

    def __init__(
        self, cycle: Cycle, target: Target, stretches: list[Span], carried: int = 0
    ) -> None:
        self.cycle, self.target = cycle, target
        self.stretches, self.carried = stretches, carried

    def instant(self, due: Due | None) -> int | None:
        """When a promise falls due; None without one, or while it is paused."""
        if due is None:
            return None
        if due.within_us is not None:
            return self.reach(due.within_us - self.carried)
        fixed = self._fixed(due)
        if fixed is None or due.field is not None:
            return fixed
        if self.cycle.carried is not None:
            calendar = self.target.calendar
            return self.reach(calendar.measure_us(self._began, fixed) - self.carried, calendar)
        return self._put_off(fixed) if self.cycle.was_paused else fixed

    def _put_off(self, due: int) -> int | None:
        """A fixed instant, later by the open time of each pause; None while it is paused."""
        calendar = self.target.calendar
        for start, end, _, by, _ in self.stretches:
            if by and start < due:
                if end is None:
                    return None
                if waited := calendar.measure_us(start, end):
                    due = calendar.add_us(due, waited)
        return due

    def reach(self, budget: int, calendar: Calendar | None = None) -> int | None:
        """When `budget` is used up, each stretch on its own calendar (or all on `calendar`).

        What has ended is counted on as if it had not, so that it has a due instant to show.
        """
        if budget <= 0:
            return self.cycle.started
        for start, end, own, by, _ in self.stretches[:-1]:
            if not by and end is not None:
                counting = calendar or own
                counted = counting.measure_us(start, end)
                if counted >= budget:
                    return counting.add_us(start, budget)
                budget -= counted
        start, end, own, by, _ = self.stretches[-1]
        counting = calendar or own
        if by:
            return None if end is None else counting.add_us(end, budget)
        return counting.add_us(start, budget)

    def used(self) -> int:
        """The time counted, with what was carried; for a cycle that has ended."""
        used = self.carried
        for start, end, calendar, by, _ in self.stretches:
            if not by and end is not None:
                used += calendar.measure_us(start, end)
        return used

    def budget(self) -> int | None:
        """All the time of the promise that can be breached."""
        due = self.target.due
        if due is None or due.within_us is not None:
            return None if due is None else due.within_us
        fixed = self._fixed(due)
        if fixed is None or due.field is not None:
            return None if fixed is None else fixed - self._began
        return self.target.calendar.measure_us(self._began, fixed)

    @property
    def is_used_up(self) -> bool:
        """Whether the cycles that it resumes left no time to go on with."""
        due = self.target.due
        if due is not None and due.field is not None:
            fixed = self._fixed(due)
            return fixed is not None and fixed <= self.cycle.started
        budget = self.budget()
        return budget is not None and self.carried >= budget

    @property
    def _began(self) -> int:
        """The start of the first of the cycles that it resumes, else its own: a promise by some
        business day counts from there."""
        cycle = self.cycle
        while cycle.carried is not None:
            cycle = cycle.carried
        return cycle.started

    def warnings(self, parts: Sequence[tuple[int, int]], due: int) -> list[tuple[int, int]]:
        """When each part of the budget is used, with its percentage; only those before `due`."""
        is_fixed = self.target.due is not None and self.target.due.within_us is None
        calendar = self.target.calendar if is_fixed else None
        found: list[tuple[int, int]] = []
        for part, percent in parts:
            at = self.reach(part - self.carried, calendar)
            if at is not None and at < due:
                found.append((at, percent))
        return found

    def _fixed(self, due: Due) -> int | None:
        """The instant of a promise that needs no counting."""
        if due.field is not None:
            return self.cycle.fields.get(due.field)
        if due.by is None:
            return None
        calendar = self.target.calendar
        return due_us(due.by, self._began, calendar, self.target.closing or calendar)
