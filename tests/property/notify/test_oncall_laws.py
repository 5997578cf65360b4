"""Exactly one person is on call at every instant, over years and in every zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from notify.domain.oncall import Override, Period, Rotation, on_call, shifts

ZONES = sorted(available_timezones())
PEOPLE = ("anna", "ben", "cleo")

SINCE = datetime(2000, 1, 1, tzinfo=UTC)
instants = st.integers(0, 35 * 365 * 86_400).map(lambda second: SINCE + timedelta(seconds=second))


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    starts_at = draw(instants)
    return Override(
        draw(st.sampled_from(PEOPLE)),
        starts_at,
        starts_at + timedelta(minutes=draw(st.integers(1, 20_000))),
    )


rotations = st.builds(
    Rotation,
    st.just("any"),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4).map(tuple),
    st.sampled_from(Period),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.dates(date(2005, 1, 1), date(2030, 1, 1)),
    st.times(),
    st.lists(overrides(), max_size=3).map(tuple),
)
# Samoa skipped 30 December 2011; Lord Howe moves by half an hour; Troll by two hours.
APIA = Rotation(
    "apia", PEOPLE, Period.DAILY, ZoneInfo("Pacific/Apia"), date(2011, 12, 1), time(9, 0)
)


@given(rotations, instants, st.integers(1, 400))
@example(APIA, datetime(2011, 12, 20, tzinfo=UTC), 20)
@settings(deadline=None)
def test_shifts_tile_time_and_agree_with_who_is_on_call(
    rotation: Rotation, since: datetime, days: int
) -> None:
    until = since + timedelta(days=min(days, 40))
    found = list(shifts(rotation, since, until))

    assert found[0].starts_at == since
    assert found[-1].ends_at == until
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
    for shift in found:
        last_instant = shift.ends_at - timedelta(microseconds=1)
        middle = shift.starts_at + (last_instant - shift.starts_at) / 2
        on_duty = {on_call(rotation, at) for at in (shift.starts_at, middle, last_instant)}
        assert on_duty == {shift.person}


@given(st.sampled_from(ZONES), st.sampled_from(Period), st.times())
@settings(max_examples=60, deadline=None)
def test_over_ten_years_everybody_has_a_fair_share(
    zone: str, period: Period, hand_off: time
) -> None:
    rotation = Rotation("fair", PEOPLE, period, ZoneInfo(zone), date(2020, 1, 6), hand_off)
    since = datetime(2020, 1, 6, tzinfo=UTC)
    until = since + timedelta(days=3653)
    served = dict.fromkeys(PEOPLE, timedelta())
    for shift in shifts(rotation, since, until):
        served[shift.person] += shift.ends_at - shift.starts_at

    assert sum(served.values(), timedelta()) == until - since
    assert max(served.values()) - min(served.values()) <= timedelta(days=10)


@given(rotations, instants)
def test_an_override_takes_over_for_just_its_time(rotation: Rotation, at: datetime) -> None:
    override = Override("dora", at, at + timedelta(hours=8))
    covered = Rotation(
        rotation.name, rotation.people, rotation.period, rotation.zone, rotation.first_day,
        rotation.hand_off, (override,),
    )  # fmt: skip
    plain = Rotation(
        rotation.name, rotation.people, rotation.period, rotation.zone, rotation.first_day,
        rotation.hand_off,
    )  # fmt: skip

    assert on_call(covered, at) == "dora"
    assert on_call(covered, at + timedelta(hours=8)) == on_call(plain, at + timedelta(hours=8))
    before = at - timedelta(microseconds=1)
    assert on_call(covered, before) == on_call(plain, before)
