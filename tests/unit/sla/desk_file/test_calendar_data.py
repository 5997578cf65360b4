"""A version's calendar data: what names a version, what is kept, what is said of a change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file.calendar_changes import changes_in_words
from sla.desk_file.calendar_data import (
    CalendarData,
    UnreadableCalendarData,
    current_data,
    read_calendar_data,
    zone_file,
)
from sla.desk_file.read import SlaFile, read_stored, read_text
from sla.desk_file.version import version_of
from sla.domain.calendar.hours import HolidaySet, RecordedHolidays

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
GB = HolidaySet("GB", "ENG")
PATH = Path("acme") / "sla.yaml"


def policy(calendar: str) -> str:
    return f"""\
desk: acme
calendars:
  office: {calendar}
metrics:
  first:
    starts: opened
    meets: agent_replied
    calendar: office
    targets: [{{within: 4h}}]
"""


OFFICE = policy(
    '{timezone: America/Winnipeg, hours: {mon-fri: ["09:00-17:00"]},'
    " holidays: {countries: [GB-ENG]}}"
)


def by(data: CalendarData, text: str = OFFICE) -> SlaFile:
    return read_text(text, PATH, data)


def with_zone(data: CalendarData, name: str, like: str) -> CalendarData:
    return replace(data, zones={**data.zones, name: zone_file(like)})


def with_holiday(data: CalendarData, day: dt.date, name: str) -> CalendarData:
    recorded = data.holidays[GB]
    years = {**recorded.years, day.year: {**recorded.years[day.year], day: name}}
    changed = RecordedHolidays(GB, years, recorded.worked_years)
    return replace(data, holidays={**data.holidays, GB: changed})


def test_calendars_that_take_nothing_from_outside_add_nothing_to_the_version() -> None:
    for calendar in ("always", '{timezone: GMT-5, hours: {mon-fri: ["09:00-17:00"]}}'):
        text = policy(calendar) if calendar != "always" else policy("{any_of: [always]}")
        file = read_text(text, PATH)
        assert file.policy.version == version_of(file.document.data, {})
    file = read_text(OFFICE, PATH)
    assert file.policy.version != version_of(file.document.data, {})


def test_version_depends_on_what_calendars_come_out_as_and_on_nothing_else() -> None:
    file = read_text(OFFICE, PATH)
    data, version = file.calendar_data, file.policy.version
    assert by(data).policy.version == version
    # Chicago had Winnipeg's clocks until 1 November 2026.
    assert by(with_zone(data, "America/Winnipeg", "America/Chicago")).policy.version != version
    friday, saturday = dt.date(2027, 3, 5), dt.date(2027, 3, 6)
    assert by(with_holiday(data, friday, "A Day")).policy.version != version
    assert by(with_holiday(data, saturday, "A Day")).policy.version == version
    christmas = dt.date(2028, 12, 25)
    assert by(with_holiday(data, christmas, "Renamed")).policy.version == version


def test_version_covers_customers_own_hours_half_days_and_worked_weekends() -> None:
    half = policy(
        '{timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}, holidays: {countries: [GB-ENG]},'
        ' half_days: {before: holidays, hours: ["09:00-12:00"]}}'
    )
    data = read_text(half, PATH).calendar_data
    before = by(data, half)
    after = by(with_holiday(data, dt.date(2027, 3, 6), "A Saturday"), half)
    assert before.policy.version != after.policy.version
    china = policy(
        '{timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}, holidays: {countries: [CN]}}'
    )
    data = read_text(china, PATH).calendar_data
    (which, recorded) = next(iter(data.holidays.items()))
    assert any(recorded.worked_years.values())
    idle = RecordedHolidays(which, recorded.years, {year: {} for year in recorded.years})
    none = replace(data, holidays={which: idle})
    assert by(none, china).policy.version != by(data, china).policy.version
    (first, *_) = changes_in_words(none, data, NOW)
    assert "is worked now, for" in first


def test_data_is_read_as_it_was_written() -> None:
    data = read_text(OFFICE, PATH).calendar_data
    again = read_calendar_data(data.text())
    assert again == data
    assert again.is_same(current_data(data))
    assert len(data.text()) < 20_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "zones": {}, "holidays": [], "libraries": {}}',
        '{"format": 1, "zones": {"A/B": "bm8gem9uZQ=="}, "holidays": [], "libraries": {}}',
        '{"format": 1, "zones": {"A/B": "?"}, "holidays": [], "libraries": {}}',
        '{"format": 1, "zones": {}, "holidays": [{"country": "GB"}], "libraries": {}}',
    ],
)
def test_damaged_data_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCalendarData):
        read_calendar_data(text)


def test_changes_are_said_in_words() -> None:
    new = read_text(OFFICE, PATH).calendar_data
    old = with_zone(new, "America/Winnipeg", "America/Chicago")
    assert changes_in_words(old, new, NOW) == [
        "Winnipeg no longer changes its clocks (from 2026-11-01): UTC-5"
    ]
    assert changes_in_words(new, old, NOW) == [
        "Winnipeg changes its clocks again (from 2026-11-01)"
    ]
    monday = dt.date(2027, 3, 29)
    without = replace(
        new,
        holidays={
            GB: RecordedHolidays(
                GB,
                {
                    year: {day: name for day, name in days.items() if day != monday}
                    for year, days in new.holidays[GB].years.items()
                },
                {},
            )
        },
    )
    assert changes_in_words(without, new, NOW) == [
        "2027-03-29 is a holiday now: Easter Monday (GB-ENG)"
    ]
    assert changes_in_words(new, without, NOW) == [
        "2027-03-29 is no holiday any more: Easter Monday (GB-ENG)"
    ]
    moved = with_zone(new, "America/Winnipeg", "America/Regina")
    (words,) = changes_in_words(new, moved, NOW)
    assert words == "Winnipeg is at UTC-6 instead of UTC-5 from 2026-03-08"


def test_zone_that_is_gone_is_reckoned_by_its_recorded_file() -> None:
    text = OFFICE.replace("America/Winnipeg", "Nowhere/Gone")
    data = read_text(OFFICE, PATH).calendar_data
    gone = replace(data, zones={"Nowhere/Gone": zone_file("America/Winnipeg")})
    with pytest.raises(DeskFileError, match="no time zone"):
        read_text(text, PATH)
    with pytest.raises(DeskFileError, match="no time zone"):
        read_stored(text, PATH)
    office = read_stored(text, PATH, gone, "v1").policy.calendars["office"]
    same = read_text(OFFICE, PATH).policy.calendars["office"]
    start = dt.datetime(2026, 10, 30, 12, tzinfo=dt.UTC)
    day = dt.timedelta(hours=30)
    assert office.add(start, day) == same.add(start, day)


@pytest.mark.parametrize(
    "text",
    [
        # What checks refuse or warn of, and once was taken.
        OFFICE.replace("within: 4h", 'when: {trial: "yes", severity: 1, impact: high}, within: 4h'),
        OFFICE.replace("within: 4h", "when: {severity: []}, within: 4h"),
        OFFICE.replace("starts: opened", "starts: [opened, incident_updated]"),
        OFFICE.replace("starts: opened", "starts: a_fact_of_the_past"),
        OFFICE.replace("GB-ENG", "GB").replace("09:00-17:00", "00:00-23:59"),
        OFFICE.replace("America/Winnipeg", "EST"),
        OFFICE.replace("desk: acme", "desk: acme\ntimezone: posixrules"),
        OFFICE.replace("within: 4h", "within: 1d"),
    ],
)
def test_version_that_was_in_force_is_read_whatever_is_checked_now(text: str) -> None:
    policy = read_stored(text, PATH, version="v1").policy
    assert policy.version == "v1"
    assert [metric.name for metric in policy.metrics] == ["first"]


def test_version_with_a_key_of_another_release_is_not_reckoned_by_half() -> None:
    for text in (
        OFFICE.replace("within: 4h", "within: 4h, moon: full"),
        OFFICE.replace("within: 4h", "by: when the moon is full"),
        OFFICE.replace("hours:", "tides: high, hours:"),
    ):
        with pytest.raises(DeskFileError):
            read_stored(text, PATH)
