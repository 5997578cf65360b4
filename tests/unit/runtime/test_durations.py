"""The one syntax of durations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pledge.runtime.durations import LONGEST, Duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("1h 30 min", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("2 Days", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        (" 0s ", timedelta(0)),
    ],
)
def test_durations_are_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", " ", "90", "m", "-5m", "1h30", "1:30", "PT30S", "5 fortnights", "11 years", "٣h"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize("text", [f"{LONGEST.days + 1}d", "999999999999w", "9" * 400 + "d"])
def test_ten_years_are_the_most(text: str) -> None:
    assert parse_duration(text) is None


@given(st.text(alphabet="0123456789. msdhwkeyn-", max_size=40))
def test_any_text_is_read_or_not_and_raises_nothing(text: str) -> None:
    found = parse_duration(text)
    assert found is None or timedelta(0) <= found <= LONGEST


@pytest.mark.parametrize("value", ["0s", "soon", 90, None, True])
def test_a_field_takes_durations_of_more_than_nothing_with_their_unit(value: object) -> None:
    with pytest.raises(ValidationError, match="should be a duration"):
        TypeAdapter(Duration).validate_python(value)
