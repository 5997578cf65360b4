"""Objectives: periods on a desk's wall clock, and what is counted in them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.domain.objectives import (
    WHOLE,
    CreditStep,
    Objective,
    PeriodKind,
    PeriodState,
    Standing,
    concerned,
    percent_words,
    period_at,
    periods,
)
from sla.domain.policy.conditions import Condition
from support.guide import policy_of, section

ZONES = ("Europe/Paris", "America/Havana", "Asia/Kathmandu", "Pacific/Apia", "UTC")
FIRST = datetime(2005, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 30 * 365 * 86_400).map(lambda each: FIRST + timedelta(seconds=each))
COUNTS = st.integers(0, 400)
SHARES = st.one_of(st.sampled_from([950_000, 999_500, WHOLE]), st.integers(1, WHOLE))


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("kind", "zone", "when", "name", "start", "end"),
    [
        ("month", "Europe/Paris", "2026-03-01 00:00", "2026-03", "2026-03-01", "2026-04-01"),
        ("month", "Europe/Paris", "2026-12-31 23:59", "2026-12", "2026-12-01", "2027-01-01"),
        ("quarter", "Asia/Kathmandu", "2026-05-20 12:00", "2026-Q2", "2026-04-01", "2026-07-01"),
        ("quarter", "UTC", "2026-12-01 12:00", "2026-Q4", "2026-10-01", "2027-01-01"),
        ("week", "UTC", "2026-03-04 12:00", "2026-W10", "2026-03-02", "2026-03-09"),
        ("week", "UTC", "2027-01-01 12:00", "2026-W53", "2026-12-28", "2027-01-04"),
    ],
)
def test_period_is_of_the_wall_clock(
    kind: str, zone: str, when: str, name: str, start: str, end: str
) -> None:
    period = period_at(PeriodKind(kind), at(when, zone), ZoneInfo(zone))
    assert period == (name, at(f"{start} 00:00", zone), at(f"{end} 00:00", zone))


def test_a_period_begins_behind_a_midnight_that_clocks_skip() -> None:
    # Asunción went from midnight to one on 1 October 2023.
    zone = ZoneInfo("America/Asuncion")
    quarter = period_at(PeriodKind.QUARTER, at("2023-10-01 12:00", "America/Asuncion"), zone)
    assert quarter.start == datetime(2023, 10, 1, 4, tzinfo=UTC)
    assert quarter.start.astimezone(zone).hour == 1


@given(st.sampled_from(PeriodKind), st.sampled_from(ZONES), INSTANTS)
def test_each_day_is_in_the_period_of_its_date(kind: PeriodKind, name: str, now: datetime) -> None:
    zone = ZoneInfo(name)
    period = period_at(kind, now, zone)
    assert period.start <= now < period.end
    inside = {
        date.fromordinal(day)
        for day in range(now.astimezone(zone).toordinal() - 100, now.toordinal() + 100)
        if _label(kind, date.fromordinal(day)) == period.name
    }
    first, last = min(inside), max(inside)
    assert period.start == datetime(*first.timetuple()[:3], tzinfo=zone).astimezone(UTC)
    after = last + timedelta(days=1)
    assert period.end == datetime(*after.timetuple()[:3], tzinfo=zone).astimezone(UTC)


def _label(kind: PeriodKind, day: date) -> str:
    if kind is PeriodKind.WEEK:
        return f"{day:%G-W%V}"
    return f"{day:%Y-%m}" if kind is PeriodKind.MONTH else f"{day.year}-Q{(day.month + 2) // 3}"


@given(st.sampled_from(PeriodKind), INSTANTS, st.integers(0, 300))
def test_periods_follow_each_other_to_the_present_one(
    kind: PeriodKind, since: datetime, days: int
) -> None:
    until = since + timedelta(days=days)
    found = periods(kind, since, until, ZoneInfo("Europe/Paris"))
    assert found[0].start <= since < found[0].end
    assert found[-1].start <= until < found[-1].end
    assert all(one.end == other.start for one, other in pairwise(found))


@given(COUNTS, COUNTS, COUNTS, SHARES)
def test_as_many_may_be_missed_as_leave_the_share(
    kept: int, missed: int, running: int, share: int
) -> None:
    standing = Standing(kept, missed, running)
    known = kept + missed + running
    # By trying: the most misses of all that are known with which the share is kept.
    most = max(m for m in range(known + 1) if (known - m) * WHOLE >= share * known)
    assert standing.left(share) == most - missed
    is_kept = standing.state(share, is_over=True) is PeriodState.KEPT
    if not running:
        assert is_kept == (standing.left(share) >= 0)
    burn_rate = standing.burn_rate(share)
    if burn_rate is not None and not running:
        assert is_kept == (burn_rate <= 1 or standing.reaches(share))


def test_a_share_that_is_just_reached_is_reached() -> None:
    assert Standing(19, 1).reaches(950_000)
    assert not Standing(94_999, 5_001).reaches(950_000)
    assert Standing(0, 0).reaches(WHOLE)
    assert Standing(1, 0).burn_rate(WHOLE) is None


def test_tickets_count_where_the_conditions_hold() -> None:
    when = (Condition("severity", ("p2",)), Condition("plan", ("gold*",)))
    objective = Objective("p2", "first_response", 950_000, PeriodKind.MONTH, when)
    plain = Objective("all", "first_response", 950_000, PeriodKind.MONTH)
    assert concerned([objective, plain], {"severity": "P2", "plan": "golden"}) == ("p2", "all")
    assert concerned([objective, plain], {"severity": "p2"}) == ("all",)


def test_a_period_owes_the_most_of_what_it_fell_below() -> None:
    steps = (CreditStep(900_000, 100_000), CreditStep(950_000, 50_000))
    objective = Objective("p2", "m", 950_000, PeriodKind.MONTH, credits=steps)
    assert [objective.owed(Standing(k, 100 - k)) for k in (95, 94, 90, 89, 0)] == [
        0, 50_000, 50_000, 100_000, 100_000,
    ]  # fmt: skip
    assert objective.owed(Standing(0, 0, 3)) == 0


@pytest.mark.parametrize(
    ("share", "words"), [(950_000, "95 %"), (999_500, "99.95 %"), (WHOLE, "100 %"), (1, "0.0001 %")]
)
def test_percentages_read_as_they_are_written(share: int, words: str) -> None:
    assert percent_words(share) == words


GUIDE = "Objectives over many tickets"
ROW = re.compile(
    r"\| (\d+) \| (\d+) \| (\d+) \| ([\d.%]*) ?\| (-?\d+) \| ([\d.]*) ?\| (\w+) \| ([\d %]*?) ?\|"
)


def test_the_guide_says_what_comes_out() -> None:
    text = section(GUIDE)
    (objective,) = policy_of(GUIDE).objectives
    rows = [match.groups() for match in ROW.finditer(text)]
    assert len(rows) == 5
    for kept, missed, running, attained, left, burn, state, owes in rows:
        standing = Standing(int(kept), int(missed), int(running))
        burn_rate, attainment = standing.burn_rate(objective.share), standing.attainment
        owed = objective.owed(standing)
        assert ("" if attainment is None else f"{attainment:.2%}") == attained
        assert standing.left(objective.share) == int(left)
        assert ("" if burn_rate is None else f"{burn_rate:.2f}") == burn
        assert standing.state(objective.share, is_over=True) == state
        assert (percent_words(owed) if owed else "") == owes
