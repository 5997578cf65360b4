"""Which texts are instants: RFC 3339, all of it and nothing else, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from pledge.events import (
    FormSubmitted,
    Instant,
    NotAnInstant,
    OutOfBounds,
    bounded,
    keep_instants_within,
    parse_instant,
)
from pledge.events.instants import EARLIEST, LATEST
from pledge.events.spec.samples import sample_of
from pledge.runtime import instants as of_settings
from sla.domain.calendar.calendar import FIRST_US, LAST_US
from sla.domain.calendar.zones import to_us

ADAPTER: TypeAdapter[Instant] = TypeAdapter(Instant)

RIGHT = [
    ("2026-03-02T17:00:00Z", "2026-03-02T17:00:00+00:00"),
    ("2026-03-02t17:00:00z", "2026-03-02T17:00:00+00:00"),
    ("2026-03-02T17:00:00.5Z", "2026-03-02T17:00:00.500000+00:00"),
    ("2026-03-02T17:00:00.123456Z", "2026-03-02T17:00:00.123456+00:00"),
    # Cut, not rounded: a time never lies after itself.
    ("2026-03-02T17:00:00.1234569Z", "2026-03-02T17:00:00.123456+00:00"),
    ("2026-03-02T17:00:00.999999999999Z", "2026-03-02T17:00:00.999999+00:00"),
    ("2026-03-02T17:00:00+05:45", "2026-03-02T11:15:00+00:00"),
    ("2026-03-02T17:00:00-23:59", "2026-03-03T16:59:00+00:00"),
    ("2026-03-02T17:00:00-00:00", "2026-03-02T17:00:00+00:00"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
    ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999+00:00"),
    ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:59.999999+00:00"),
    ("2017-01-01T05:44:60+05:45", "2016-12-31T23:59:59.999999+00:00"),
    ("1990-01-01T00:00:00Z", "1990-01-01T00:00:00+00:00"),
    ("2199-12-31T23:59:59.999999Z", "2199-12-31T23:59:59.999999+00:00"),
]
WRONG = [
    "",
    "0",
    "1772470800",
    "1772470800.5",
    "yesterday",
    "2026-03-02",
    "2026-03-02T17:00:00",  # no offset
    "2026-03-02T17:00Z",
    "2026-03-02T17Z",
    "2026-03-02 17:00:00Z",
    "2026-03-02_17:00:00Z",
    "20260302T170000Z",
    "2026-W10-1T17:00:00Z",
    "2026-061T17:00:00Z",
    "2026-03-02T17:00:00+0545",
    "2026-03-02T17:00:00+05",
    "2026-03-02T17:00:00+05:45:30",
    "2026-03-02T17:00:00+23:59:59",
    "2026-03-02T17:00:00+24:00",
    "2026-03-02T17:00:00+05:60",
    "2026-03-02T17:00:00,5Z",
    "2026-03-02T17:00:00.Z",
    "2026-03-02T24:00:00Z",
    "2026-03-02T17:60:00Z",
    "2026-03-02T17:00:61Z",
    "2026-03-02T23:59:60Z",  # not the end of a month
    "2016-12-31T12:00:60Z",
    "2026-02-29T00:00:00Z",
    "2026-06-31T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-3-2T17:00:00Z",
    "+2026-03-02T17:00:00Z",
    "12026-03-02T17:00:00Z",
    " 2026-03-02T17:00:00Z",
    "2026-03-02T17:00:00Z\n",
    "2026-03-02T17:00:00 Z",
    "2026-03-02T17:00:00Z[Europe/Berlin]",
    "२०२६-०३-०२T17:00:00Z",
    "2026-03-02T17:00:00−05:00",  # a minus sign, not a hyphen
    "infinity",
    "-infinity",
    "now",
]
OUTSIDE = [
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",  # Go and .NET, where nobody set a time
    "0001-01-01T00:00:00+14:00",
    "1970-01-01T00:00:00Z",
    "1989-12-31T23:59:59.999999Z",
    "1990-01-01T00:00:00+00:01",
    "2200-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-14:00",
]


@pytest.mark.parametrize(("text", "instant"), RIGHT)
def test_every_rfc_3339_time_is_taken(text: str, instant: str) -> None:
    assert parse_instant(text).isoformat() == instant
    for found in (ADAPTER.validate_python(text), ADAPTER.validate_json(f'"{text}"', strict=True)):
        assert found.isoformat() == instant
        assert found.tzinfo is UTC


@pytest.mark.parametrize("text", WRONG)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(NotAnInstant):
        parse_instant(text)
    with pytest.raises(ValidationError, match=r"RFC 3339|month"):
        ADAPTER.validate_python(text)


@pytest.mark.parametrize("value", [0, 1_772_470_800, 1.5, True, None, ["2026-03-02T17:00:00Z"]])
def test_nothing_but_text_is(value: object) -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        ADAPTER.validate_python(value)


@pytest.mark.parametrize("text", OUTSIDE)
def test_time_that_nobody_set_is_out_of_bounds(text: str) -> None:
    with pytest.raises(OutOfBounds, match="never set"):
        bounded(parse_instant(text))
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(text)
    assert caught.value.errors()[0]["type"] == "instant_out_of_bounds"


@pytest.mark.parametrize(
    "value",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_ends_of_the_calendar_are_out_of_bounds(value: datetime) -> None:
    with pytest.raises(ValidationError, match="never set"):
        ADAPTER.validate_python(value)


@pytest.fixture
def usual_bounds() -> Iterator[None]:
    yield
    keep_instants_within(EARLIEST, LATEST)


def test_bounds_are_set_for_the_process(usual_bounds: None) -> None:
    keep_instants_within(datetime(2015, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    assert ADAPTER.validate_python("2015-01-01T00:00:00Z").year == 2015
    for text in ("2014-12-31T23:59:59Z", "2040-01-01T00:00:00Z"):
        with pytest.raises(ValidationError, match="outside 2015-01-01 to 2040-01-01"):
            ADAPTER.validate_python(text)


@pytest.mark.parametrize(
    ("earliest", "latest"),
    [
        (datetime(1989, 1, 1, tzinfo=UTC), LATEST),
        (EARLIEST, datetime(2201, 1, 1, tzinfo=UTC)),
        (LATEST, EARLIEST),
        (EARLIEST, EARLIEST),
    ],
)
def test_bounds_that_calendars_do_not_cover_are_refused(
    earliest: datetime, latest: datetime
) -> None:
    with pytest.raises(ValueError, match="in order between"):
        keep_instants_within(earliest, latest)


def test_contract_settings_and_calendars_agree_on_the_bounds() -> None:
    assert (of_settings.FIRST_EVENT, of_settings.LATEST) == (EARLIEST, LATEST)
    assert (to_us(EARLIEST), to_us(LATEST)) == (FIRST_US, LAST_US)


def test_own_field_of_a_form_that_is_an_instant_is_bounded_too() -> None:
    sample = {**dict(sample_of(FormSubmitted)), "fields": {"began": "2026-03-02T17:00:00Z"}}
    assert FormSubmitted.model_validate(sample).fields == sample["fields"]
    for text in ("Since 0001-01-01T00:00:00Z", "0001-01-01", "1234567890T", "T"):
        told = FormSubmitted.model_validate({**sample, "fields": {"began": text}})
        assert told.fields == {"began": text}
    with pytest.raises(ValidationError, match="never set"):
        FormSubmitted.model_validate({**sample, "fields": {"began": "0001-01-01T00:00:00Z"}})
