"""Who is on call: exactly one person at every instant, as a pure function of the rotation.

A rotation hands off at a wall-clock time in its own zone, every day or every week. Where that time
does not exist (clocks go forward) the hand-off is the same span after midnight as if the clocks had
not moved; where it exists twice it is the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """How often a rotation hands off."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody takes over from `starts_at` up to, and not including, `ends_at`."""

    person: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Rotation:
    """People in their order; the first one's turn begins with the hand-off of `first_day`."""

    name: str
    people: tuple[str, ...]  # at least one
    period: Period
    zone: ZoneInfo
    first_day: date  # a weekly rotation hands off on this day's weekday
    hand_off: time  # wall clock in `zone`
    overrides: tuple[Override, ...] = ()  # the first that covers an instant wins


@dataclass(frozen=True, slots=True)
class Shift:
    """One period with one person, half open: [starts_at, ends_at), in UTC."""

    person: str
    starts_at: datetime
    ends_at: datetime


def on_call(rotation: Rotation, at: datetime) -> str:
    """The one person on call at this instant; before the first day the turns go on backwards."""
    for override in rotation.overrides:
        if override.starts_at <= at < override.ends_at:
            return override.person
    return _by_turn(rotation, _turn(rotation, at))


def shifts(rotation: Rotation, since: datetime, until: datetime) -> Iterator[Shift]:
    """The shifts that tile [since, until) without gap or overlap, overrides included."""
    starts_at = since
    while starts_at < until:
        ends_at = min(_next_change(rotation, starts_at), until)
        yield Shift(on_call(rotation, starts_at), starts_at, ends_at)
        starts_at = ends_at


def _by_turn(rotation: Rotation, turn: int) -> str:
    return rotation.people[turn % len(rotation.people)]


def _days(rotation: Rotation) -> int:
    return 7 if rotation.period is Period.WEEKLY else 1


def _hand_off_at(rotation: Rotation, turn: int) -> datetime:
    """The instant turn number `turn` begins."""
    day = rotation.first_day + timedelta(days=turn * _days(rotation))
    wall = datetime.combine(day, rotation.hand_off.replace(fold=0), tzinfo=rotation.zone)
    return wall.astimezone(UTC)


def _turn(rotation: Rotation, at: datetime) -> int:
    """The last turn that has begun: hand-offs never run backwards, so there is exactly one."""
    local = at.astimezone(rotation.zone).date()
    turn = (local - rotation.first_day).days // _days(rotation) + 2
    while _hand_off_at(rotation, turn) > at:
        turn -= 1
    return turn


def _next_change(rotation: Rotation, at: datetime) -> datetime:
    """The next instant after `at` at which somebody else may be on call."""
    turn = _turn(rotation, at) + 1
    while (hand_off := _hand_off_at(rotation, turn)) <= at:
        turn += 1  # a day the zone skipped: its turn has no length
    edges = [hand_off]
    for override in rotation.overrides:
        edges += [edge for edge in (override.starts_at, override.ends_at) if edge > at]
    return min(edges)
