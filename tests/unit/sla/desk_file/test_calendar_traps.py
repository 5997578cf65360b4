"""Calendars that are right by themselves and probably not meant are warned of, others are not."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read

FILE = """\
desk: test
calendars:
  office:
    {calendar}
metrics:
  first:
    starts: opened
    meets: agent_replied
    targets: [{{{target}, calendar: office}}]
"""
OFFICE = 'timezone: Europe/London\n    hours: {mon-fri: ["09:00-17:00"]}'


def problems(calendar: str, target: str = "within: 4h") -> list[str]:
    path = Path("test") / "sla.yaml"
    found = read.read(parse_yaml(FILE.format(calendar=calendar, target=target), path))[1]
    return [str(one).removeprefix(f"{path}:") for one in found]


def holidays(countries: str, zone: str = "Europe/London") -> list[str]:
    office = OFFICE.replace("Europe/London", zone)
    return problems(f"{office}\n    holidays: {{countries: {countries}}}")


def test_a_country_whose_holidays_are_those_of_its_parts_is_told_with_what_it_lacks() -> None:
    assert holidays("[GB]") == [
        "6:28: warning: `GB` alone lacks Easter Monday (2026-04-06), Late Summer Bank Holiday"
        " (2026-08-31), holidays of GB-ENG, GB-NIR, GB-WLS (name the parts whose holidays count"
        " (GB-ENG, GB-NIR, GB-SCT, GB-WLS), or say `parts: none`)"
    ]


@pytest.mark.parametrize(
    ("countries", "lacks"),
    [
        ("[CA]", "`CA` alone lacks Family Day (2026-02-16), Victoria Day (2026-05-18)"),
        ("[CH]", "`CH` alone lacks Good Friday (2026-04-03), Easter Monday (2026-04-06)"),
        ("[AU]", "`AU` alone lacks King's Birthday (2026-06-08)"),
        ("[ES]", "`ES` alone lacks Maundy Thursday (2026-04-02)"),
        ("[CA-ON]", "`CA-ON` lacks days on which the government is closed: National Day for Truth"),
        ("[{country: IS, categories: [half_day]}]", "half days of IS close the whole day here"),
        ("[{country: GB, part: none}]", "a country has no `part` (did you mean `parts`?)"),
        ("[{country: GB, parts: [ENG]}]", "`parts` is only `none`"),
    ],
)
def test_other_members_of_the_class_are_told(countries: str, lacks: str) -> None:
    assert any(lacks in one for one in holidays(countries)), holidays(countries)


@pytest.mark.parametrize(
    "countries",
    [
        "[GB-ENG]",
        "[GB, GB-ENG]",
        "[{country: GB, parts: none}]",
        "[US]",
        "[FR]",
        "[NL]",
        "[NZ]",
        "[US, {country: CA, categories: [government, public]}, CA-QC]",
        "[{country: CA-ON, categories: [government, public]}]",
        "[{country: CA-ON, categories: [public]}]",
        "[]",
    ],
)
def test_holidays_that_are_whole_or_meant_so_are_not_told(countries: str) -> None:
    assert holidays(countries) == []


def test_days_that_the_file_names_itself_are_not_missing() -> None:
    dates = ", ".join(
        f"20{year}-{day}"
        for year, days in {
            26: ("04-06", "08-31"),
            27: ("03-29", "08-30"),
            28: ("04-17", "08-28"),
        }.items()
        for day in days
    )
    assert problems(f"{OFFICE}\n    holidays: {{countries: [GB], dates: [{dates}]}}") == []


def test_the_country_with_the_most_parts_is_looked_at_within_a_second() -> None:
    before = perf_counter()
    holidays("[IT]")
    assert perf_counter() - before < 5  # 0.3 s on a machine of its own


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ('["00:00-23:59"]', '`00:00-23:59` leaves out the minute before midnight (write "00:00-24'),
        ('["09:00-23:59"]', '(write "09:00-24:00")'),
        ('["09:00-23:59:59"]', "leaves out the minute before midnight"),
        ('["09:00-11:59", "12:00-17:00"]', "the minute from 11:59 to 12:00 is left out"),
    ],
)
def test_a_missing_minute_is_told(windows: str, says: str) -> None:
    (problem,) = problems(OFFICE.replace('["09:00-17:00"]', windows))
    assert says in problem, problem
    (problem,) = problems(f"{OFFICE}\n    exceptions: {{2026-12-31: {windows}}}")
    assert says in problem, problem


@pytest.mark.parametrize(
    "windows",
    ['["00:00-24:00"]', '["22:00-06:00"]', '["09:00-12:00", "12:30-17:00"]', '["09:00-23:30"]'],
)
def test_whole_windows_are_not_told(windows: str) -> None:
    assert problems(OFFICE.replace('["09:00-17:00"]', windows)) == []


@pytest.mark.parametrize("zone", ["EST", "MST", "HST"])
def test_a_zone_without_summer_time_is_told(zone: str) -> None:
    (problem,) = problems(OFFICE.replace("Europe/London", zone))
    assert problem.startswith(f"4:15: warning: `{zone}` has no summer time (write ")


@pytest.mark.parametrize("zone", ["CET", "GMT-5", "Etc/GMT+5", "UTC", "Asia/Tokyo"])
def test_other_zones_are_not_told(zone: str) -> None:
    assert problems(OFFICE.replace("Europe/London", zone)) == []


def test_days_of_24_hours_on_a_calendar_of_shorter_ones_are_told() -> None:
    assert problems(OFFICE, "within: 1d") == [
        "10:24: warning: 1d is 24 open hours of `office`, three of its days"
        " (say 8h, 1bd, or `by: close of next business day`)"
    ]
    assert problems(OFFICE, "within: 60h, expect: 2 days")[-1].endswith(
        "2 days is 48 open hours of `office`, six of its days (say 16h)"
    )
    odd = OFFICE.replace("17:00", "18:30")
    (problem,) = problems(odd, "within: 1w")
    assert "1w is 168 open hours of `office`, 17 of its days" not in problem
    assert "more than 17 of its days (say 66h30m, 7bd" in problem


@pytest.mark.parametrize("target", ["within: 24h", "within: 3bd", "within: 8h", "measure: true"])
def test_hours_and_business_days_are_not_told(target: str) -> None:
    assert problems(OFFICE, target) == []


def test_days_on_a_calendar_of_whole_days_are_not_told() -> None:
    assert problems(OFFICE.replace('["09:00-17:00"]', '["00:00-24:00"]'), "within: 1d") == []


@pytest.mark.parametrize(
    ("days", "meant"),
    [
        ("weekdays", "mon-fri"),
        ("business days", "mon-fri"),
        ("weekend", "sat-sun"),
        ("all", "mon-sun"),
        ("mo-fr", "mon-fri"),
        ("tues", "tue"),
        ("mon-fry", "mon-fri"),
        ("wendesday", "wed"),
    ],
)
def test_hint_for_days_leads_to_what_is_meant(days: str, meant: str) -> None:
    (problem,) = problems(OFFICE.replace("mon-fri", days))
    assert f"is no day (did you mean {meant}?)" in problem
