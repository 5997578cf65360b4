"""What reports count by stretches of UTC is what a clock on the wall shows at each instant."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from sla.domain.local_time import months, stretches, weekday_and_hour

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES: tuple[tzinfo, ...] = (
    ZoneInfo("America/St_Johns"),  # -3:30, changed a minute after midnight
    ZoneInfo("America/Havana"),
    ZoneInfo("America/Winnipeg"),
    ZoneInfo("Asia/Kathmandu"),  # +5:45
    ZoneInfo("Australia/Lord_Howe"),  # half an hour of summer time
    ZoneInfo("Europe/Dublin"),
    ZoneInfo("Pacific/Apia"),
    ZoneInfo("Pacific/Chatham"),  # +12:45
    ZoneInfo("Pacific/Kiritimati"),  # skipped the last day of 1994
    timezone(timedelta(hours=-5)),
    timezone(timedelta(hours=5, minutes=17)),
)
AROUND = (
    datetime(1994, 12, 31, tzinfo=UTC),
    datetime(2009, 11, 1, 2, tzinfo=UTC),  # St. John's: set back across the month's first midnight
    datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 3, 31, tzinfo=UTC),
)
zones = st.sampled_from(ZONES)
starts = st.sampled_from(AROUND).flatmap(
    lambda at: st.integers(-(10**6), 10**6).map(lambda seconds: at + timedelta(seconds=seconds))
)
lengths = st.integers(1, 100 * 86_400)


@given(zones, starts, lengths, st.data())
def test_hour_and_month_are_those_on_the_wall(
    zone: tzinfo, start: datetime, length: int, data: st.DataObject
) -> None:
    end = start + timedelta(seconds=length)
    at = start + timedelta(seconds=data.draw(st.integers(0, length - 1)))
    local = at.astimezone(zone)

    offsets = stretches(zone, start, end)
    place = bisect_right([each.start for each in offsets], at) - 1
    hours = (at - EPOCH + timedelta(seconds=offsets[place].offset)) // timedelta(hours=1)
    assert weekday_and_hour(hours) == (local.isoweekday(), local.hour)

    begun = months(zone, start, end)
    place = bisect_right([each for each, _ in begun], at) - 1
    assert begun[place][1] == f"{local:%Y-%m}"


@given(zones, starts, lengths)
@example(ZoneInfo("America/St_Johns"), datetime(2009, 10, 20, tzinfo=UTC), 30 * 86_400)
def test_lists_begin_with_the_period_and_are_short(
    zone: tzinfo, start: datetime, length: int
) -> None:
    end = start + timedelta(seconds=length)
    for found in (
        [each.start for each in stretches(zone, start, end)],
        [each for each, _ in months(zone, start, end)],
    ):
        assert found[0] == start
        assert found == sorted(set(found))
        assert found[-1] < end
        assert len(found) <= 10


def test_month_comes_twice_where_clocks_go_back_across_its_first_midnight() -> None:
    zone = ZoneInfo("America/St_Johns")
    found = months(zone, datetime(2009, 10, 20, tzinfo=UTC), datetime(2009, 11, 10, tzinfo=UTC))
    assert [month for _, month in found] == ["2009-10", "2009-11", "2009-10", "2009-11"]
