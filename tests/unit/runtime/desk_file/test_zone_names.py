"""What people call time zones leads to the names of the tz database, alike on every machine."""

from __future__ import annotations

import pytest

from pledge.runtime.desk_file.zones import (
    UnknownZone,
    iana_zone,
    summer_time_hint,
    zone_or_offset,
)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("IST", "did you mean Asia/Kolkata, Asia/Jerusalem or Europe/Dublin?"),
        ("PST", "did you mean America/Los_Angeles or Asia/Manila?"),
        ("PDT", "did you mean America/Los_Angeles?"),
        ("CST", "did you mean America/Chicago, Asia/Shanghai or America/Havana?"),
        ("CEST", "did you mean Europe/Berlin?"),
        ("BST", "did you mean Europe/London?"),
        ("aest", "did you mean Australia/Sydney?"),
        ("SAST", "did you mean Africa/Johannesburg?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("New York", "did you mean America/New_York?"),
        ("Eastern Standard Time", "did you mean America/New_York or America/Toronto?"),
        ("Pacific Time", "did you mean America/Los_Angeles or America/Vancouver?"),
        ("Europe/Pariss", "did you mean Europe/Paris?"),
        ("Kolkatta", "did you mean Asia/Kolkata?"),
        ("MEZ", "write an IANA name such as Europe/Paris"),
        ("XST", "write an IANA name such as Europe/Paris"),
        ("", "write an IANA name such as Europe/Paris"),
    ],
)
def test_hint_names_the_zone_that_is_meant(text: str, hint: str) -> None:
    with pytest.raises(UnknownZone) as refused:
        zone_or_offset(text)
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("posixrules", "write an IANA name such as Europe/Paris"),
        ("localtime", "write an IANA name such as Europe/Paris"),
        ("Factory", "write an IANA name such as Europe/Paris"),
        ("right/Europe/London", "write Europe/London"),
        ("posix/Europe/London", "write Europe/London"),
        ("right/Europe/Londonn", "write an IANA name such as Europe/Paris"),
    ],
)
def test_names_of_the_machines_own_files_are_refused_everywhere(text: str, hint: str) -> None:
    with pytest.raises(UnknownZone) as refused:
        iana_zone(text)
    assert str(refused.value) == f"`{text}` is no time zone that every machine has"
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("EST", "write America/New_York, or GMT-5 if the clocks never change"),
        ("MST", "write America/Denver, or GMT-7 if the clocks never change"),
        ("HST", "write Pacific/Honolulu, or GMT-10 if the clocks never change"),
    ],
)
def test_an_abbreviation_without_summer_time_is_told(name: str, hint: str) -> None:
    assert summer_time_hint(name) == hint


@pytest.mark.parametrize(
    "name",
    [
        "CET",
        "EET",
        "EST5EDT",
        "UTC",
        "GMT",
        "Z",
        "GMT-5",
        "Etc/GMT+5",
        "Japan",
        "PRC",
        "Asia/Tokyo",
    ],
)
def test_a_zone_that_changes_its_clocks_or_means_none_to_change_is_not_told(name: str) -> None:
    assert summer_time_hint(name) is None
