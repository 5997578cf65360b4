"""What `pledge sla calendar` answers."""

from __future__ import annotations

import pytest

from sla.cli.calendar_requests import answer_request

OFFICE = {"timezone": "America/New_York", "hours": {"mon-fri": ["09:00-17:00"]}}


def ask(calendar: object, op: str, start: str, **more: object) -> object:
    answer = answer_request({"id": 7, "calendar": calendar, "op": op, "start": start, **more})
    assert answer["id"] == 7
    return answer.get("result", answer.get("error"))


@pytest.mark.parametrize(
    ("calendar", "start", "seconds", "due"),
    [
        (OFFICE, "2026-03-06T16:30:00-05:00", 3600, "2026-03-09T13:30:00Z"),  # clocks go forward
        (OFFICE, "2026-03-06T16:00:00-05:00", 3600, "2026-03-06T22:00:00Z"),  # due at closing
        (OFFICE, "2026-03-07T12:00:00Z", 0, "2026-03-07T12:00:00Z"),
        (OFFICE, "2026-03-06T21:59:59.5Z", 0.75, "2026-03-09T13:00:00.25Z"),
        ("always", "2026-03-06T12:00:00+01:00", 1.001, "2026-03-06T11:00:01.001Z"),
        # Across midnight, by seconds, and up to 24:00.
        ({"timezone": "UTC", "hours": {"fri": ["22:00-06:00"]}}, "2026-03-06T00:00:00Z", 7200 + 1,
         "2026-03-07T00:00:01Z"),
        ({"timezone": "UTC", "hours": {"mon-sun": ["23:59:30-24:00"]}}, "2026-03-06T00:00:00Z", 40,
         "2026-03-07T23:59:40Z"),
        ({"timezone": "GMT-5", "hours": {"mon-fri": ["09:00-17:00"]}}, "2026-07-03T22:30:00Z", 60,
         "2026-07-06T14:01:00Z"),
        ({"timezone": "UTC", "hours": "24x7", "holidays": {"countries": ["US"]}},
         "2026-07-02T23:00:00Z", 7200, "2026-07-05T01:00:00Z"),  # the 3rd is the day observed
        ({"timezone": "UTC", "hours": {"mon-fri": ["09:00-17:00"]},
          "holidays": {"dates": ["2026-03-10"], "yearly": ["03-11"]},
          "exceptions": {"2026-03-11": ["10:00-11:00"]},
          "breaks": {"2026-03-12": ["09:00-12:00"], "fri": ["09:00-16:00"]}},
         "2026-03-09T16:00:00Z", 8 * 3600 + 60, "2026-03-16T09:01:00Z"),
    ],
)  # fmt: skip
def test_add_gives_the_instant_at_which_the_open_time_has_passed(
    calendar: object, start: str, seconds: float, due: str
) -> None:
    assert ask(calendar, "add", start, seconds=seconds) == due


def test_hour_that_daylight_saving_skips_does_not_count_and_the_repeated_one_counts_twice() -> None:
    night = {"timezone": "America/New_York", "hours": {"sun": ["01:00-04:00"]}}
    spring = {"start": "2026-03-08T00:00:00-05:00", "end": "2026-03-08T12:00:00-04:00"}
    autumn = {"start": "2026-11-01T00:00:00-04:00", "end": "2026-11-01T12:00:00-05:00"}
    assert ask(night, "between", **spring) == 2 * 3600
    assert ask(night, "between", **autumn) == 4 * 3600
    # Of a window that begins within the repeated hour only what the clock shows counts.
    part = {"timezone": "America/New_York", "hours": {"sun": ["01:30-02:30"]}}
    assert ask(part, "between", **autumn) == 1.5 * 3600


def test_union_and_intersection_span_zones() -> None:
    berlin = {"timezone": "Europe/Berlin", "hours": {"mon-fri": ["08:00-17:00"]}}
    both = ask({"any_of": [OFFICE, berlin]}, "between", "2026-07-06T00:00:00Z",
               end="2026-07-07T00:00:00Z")  # fmt: skip
    shared = ask({"all_of": [OFFICE, berlin]}, "between", "2026-07-06T00:00:00Z",
                 end="2026-07-07T00:00:00Z")  # fmt: skip
    assert (both, shared) == (15 * 3600, 2 * 3600), "06:00-21:00 and 13:00-15:00 UTC"


def test_union_may_have_holidays_exceptions_and_breaks_of_its_own() -> None:
    berlin = {"timezone": "Europe/Berlin", "hours": {"mon-fri": ["08:00-17:00"]}}
    london = {"timezone": "Europe/London", "hours": {"mon-fri": ["08:00-17:00"]}}
    both = {
        "any_of": [berlin, london],
        "timezone": "Europe/Berlin",
        "holidays": {"dates": ["2026-07-07"]},
        "exceptions": {"2026-07-08": ["20:00-21:00"]},
        "breaks": {"2026-07-09": ["12:00-13:00"]},
    }
    days = [
        ask(both, "between", f"2026-07-{day:02d}T00:00:00+02:00",
            end=f"2026-07-{day + 1:02d}T00:00:00+02:00")
        for day in (6, 7, 8, 9)
    ]  # fmt: skip
    assert days == [10 * 3600, 0, 3600, 9 * 3600]


def test_opening_is_open_and_closing_is_not() -> None:
    assert ask(OFFICE, "is_open", "2026-03-06T14:00:00Z") is True
    assert ask(OFFICE, "is_open", "2026-03-06T22:00:00Z") is False


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"op": "add"}, "`calendar` is missing"),
        ({"calendar": OFFICE, "op": "multiply"}, "`op` is add, between or is_open"),
        ({"calendar": OFFICE, "op": "is_open", "start": "2026-03-06"}, "`start` is an ISO 8601"),
        ({"calendar": OFFICE, "op": "is_open", "start": "2026-03-06T10:00:00"}, "offset"),
        ({"calendar": OFFICE, "op": "add", "start": "2026-03-06T10:00:00Z"}, "`seconds`"),
        ({"calendar": OFFICE, "op": "add", "start": "2026-03-06T10:00:00Z", "seconds": -1}, "0 or"),
        ({"calendar": OFFICE, "op": "add", "start": "2026-03-06T10:00:00Z", "seconds": 1e300}, ""),
        ({"calendar": OFFICE, "op": "add", "start": "2026-03-06T10:00:00Z",
          "seconds": float("nan")}, "`seconds`"),
        ({"calendar": {"timezone": "UTC", "hours": {}}, "op": "is_open",
          "start": "2026-03-06T10:00:00Z"}, "does not open within 10 years"),
        ({"calendar": {"timezone": "UTC", "hours": {}, "exceptions": {"2026-03-07": ["9-10"]}},
          "op": "is_open", "start": "2026-03-06T10:00:00Z"}, "no window of time"),
        ({"calendar": "office", "op": "is_open", "start": "2026-03-06T10:00:00Z"}, "no calendar"),
        ({"calendar": {"hours": {"mon": ["09:00-10:00"]}}, "op": "is_open",
          "start": "2026-03-06T10:00:00Z"}, "needs a `timezone`"),
        ({"calendar": {"timezone": "Europe/Pariss", "hours": "24x7"}, "op": "is_open",
          "start": "2026-03-06T10:00:00Z"}, "did you mean Europe/Paris"),
        ({"calendar": {"timezone": "UTC", "hours": "24x7", "holidays": {"countries": ["US-ZZ"]}},
          "op": "is_open", "start": "2026-03-06T10:00:00Z"}, "no subdivision `ZZ`"),
        ({"calendar": {"timezone": "UTC", "hours": "24x7", "hollidays": {}},
          "op": "is_open", "start": "2026-03-06T10:00:00Z"}, "did you mean holidays"),
        ({"calendar": {"any_of": [], "timezone": "UTC"}, "op": "is_open",
          "start": "2026-03-06T10:00:00Z"}, "list of calendars"),
        ({"calendar": [1], "op": "is_open", "start": "2026-03-06T10:00:00Z"}, "a mapping"),
        ({"calendar": OFFICE, "op": "is_open", "start": "9999-12-31T23:59:59Z"}, "years 1990"),
    ],
)  # fmt: skip
def test_wrong_request_is_answered_with_what_is_wrong(
    request_: dict[str, object], says: str
) -> None:
    answer = answer_request({"id": "x", **request_})
    assert answer["id"] == "x"
    assert says in str(answer["error"])


def test_calendar_that_opens_only_in_the_past_is_refused() -> None:
    once = {"timezone": "UTC", "hours": {}, "exceptions": {"2020-03-07": ["09:00-10:00"]}}
    assert ask(once, "between", "2020-03-01T00:00:00Z", end="2020-04-01T00:00:00Z") == 3600
    assert "does not open" in str(ask(once, "is_open", "2026-03-01T00:00:00Z"))
    assert "not open long enough" in str(ask(once, "add", "2020-03-01T00:00:00Z", seconds=3601))
    assert ask(once, "add", "2020-03-01T00:00:00Z", seconds=3600) == "2020-03-07T10:00:00Z"


def test_calendar_that_opens_only_after_ten_years_is_refused_whatever_was_asked_before() -> None:
    once = {"timezone": "UTC", "hours": {}, "exceptions": {"2037-03-07": ["09:00-10:00"]}}
    early = {"start": "2026-03-01T00:00:00Z"}
    assert "does not open within 10 years" in str(ask(once, "is_open", **early))
    assert ask(once, "add", "2027-03-08T00:00:00Z", seconds=60) == "2037-03-07T09:01:00Z"
    assert "does not open within 10 years" in str(ask(once, "is_open", **early))
