"""How the business days of a promise were counted, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from sla.domain.calendar import business_days
from sla.domain.calendar.calendar import NeverOpens
from sla.domain.calendar.customers import CustomersHours
from sla.domain.calendar.zones import from_us, to_us
from sla.domain.policy.policy import bound_target
from sla.domain.policy.rules import Metric, Target
from sla.domain.values import Scalar, Timer

LONGEST_LIST = 10
"""Days named one by one."""


class DaysCounted(NamedTuple):
    """The day that is counted from, the business days after it, and where pauses put the due
    instant off from."""

    counted_from: datetime
    first: date
    days: tuple[date, ...]
    put_off_from: datetime | None

    def lines(self, timer: Timer, local: Callable[[datetime], str]) -> list[str]:
        """Sentences for people."""
        found: list[str] = []
        if self.counted_from != timer.started_at:
            found.append(f"Counted from {local(self.counted_from)}, the next opening.")
        named = [f"{day:%a} {day}" for day in self.days]
        if len(named) > LONGEST_LIST:
            half = LONGEST_LIST // 2
            named = [*named[:half], f"… {len(named) - LONGEST_LIST} more …", *named[-half:]]
        day = "Business day" if len(self.days) == 1 else "Business days"
        first = f"{self.first:%a} {self.first}"
        found.append(f"{day} after {first}: {', '.join(named)}." if named else f"Day: {first}.")
        if self.put_off_from is not None:
            found.append(f"Put off from {local(self.put_off_from)} by pauses.")
        return found


def days_counted(
    timer: Timer, metric: Metric, customers: CustomersHours | None, customer: Scalar
) -> DaysCounted | None:
    """How the days of a timer were counted; None for one that is not due in business days."""
    for target in (target for track in metric.tracks for target in track):
        if customers is not None:
            target = bound_target(target, customers, customer)
        if target.rule == timer.rule and target.calendar.name == timer.calendar:
            try:
                found = _counted(timer, target)
            except NeverOpens:
                return None
            if found is not None:
                return found
    return None


def _counted(timer: Timer, target: Target) -> DaysCounted | None:
    """None when this is not the promise that the timer is about: `closing` may have cases."""
    wanted = None if target.due is None else target.due.by
    if wanted is None:
        return None
    calendar, start = target.calendar, to_us(timer.started_at)
    closing = target.closing or calendar
    due = business_days.due_us(wanted, start, calendar, closing)
    is_put_off = timer.due_at is not None and due != to_us(timer.due_at)
    was_paused = any(by for _, _, _, by, _ in timer.spans)
    if is_put_off and not was_paused:
        return None
    first, counted_from = business_days.day_at(start, closing), start
    if wanted.is_same_time or wanted.is_from_opening:
        first, counted_from = business_days.received(start, calendar, closing)
    days: list[date] = []
    day, last = first, business_days.due_day(wanted, start, calendar, closing)
    while day < last:
        day = business_days.next_day(day, 1, calendar, closing)
        days.append(day)
    put_off_from = from_us(due) if is_put_off else None
    return DaysCounted(from_us(counted_from), first, tuple(days), put_off_from)
