"""Sign In Solutions' promises with due times worked out by hand. Times are Pacific.

In the week of 2026-03-09 the Pacific zone has changed its clocks and Central Europe has not:
08:00-17:00 in Berlin is 00:00-09:00 in Los Angeles, an hour later than usual.
"""

from __future__ import annotations

from itertools import product

import pytest

from sla.domain.explain import explain
from sla.domain.values import State
from support.sla_cases import Story, desk, instant, minutes


def a_case(at: str, channel: str, **data: object) -> Story:
    story = Story(desk("sign-in-solutions"), "America/Los_Angeles")
    return story.opened(at, channel=channel, **data)


@pytest.mark.promise("SIS-01", "SIS-02", "SIS-03", "SIS-11")
@pytest.mark.parametrize("channel", ["portal", "email"])
@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-03-03 10:00", "2026-03-04 17:00"),
        ("2026-03-03 20:00", "2026-03-04 17:00"),  # after hours of a Tuesday
        ("2026-03-06 10:00", "2026-03-09 17:00"),  # Friday to Monday, over the clock change
        ("2026-03-07 10:00", "2026-03-09 17:00"),  # a Saturday
        ("2026-03-01 23:30", "2026-03-02 17:00"),  # Sunday here, Monday morning in Berlin
    ],
)
def test_case_and_mail_are_answered_by_close_of_the_next_business_day(
    channel: str, opened: str, due: str
) -> None:
    assert a_case(opened, channel).due("first_response") == due


@pytest.mark.promise("SIS-01")
def test_customer_in_europe_is_served_by_the_european_closing() -> None:
    case = a_case("2026-03-06 01:00", "portal", requester={"zone": "Europe/Paris"})
    # Friday 10:00 in Berlin; Monday 17:00 there is 09:00 here.
    assert case.due("first_response") == "2026-03-09 09:00"


@pytest.mark.promise("SIS-04")
def test_chat_is_expected_the_same_day_and_late_after_the_following_one() -> None:
    case = a_case("2026-03-03 10:00", "chat")
    assert case.expect("first_response") == "2026-03-03 17:00"
    assert case.due("first_response") == "2026-03-04 17:00"


@pytest.mark.promise("SIS-04")
def test_chat_without_contact_details_has_no_timer() -> None:
    assert not a_case("2026-03-03 10:00", "chat", is_answerable=False).has("first_response")


@pytest.mark.promise("SIS-05", "SIS-06")
@pytest.mark.parametrize(
    ("called", "due"),
    [
        ("2026-03-03 10:00", "2026-03-03 17:00"),  # in hours: the same business day
        ("2026-03-03 01:00", "2026-03-03 17:00"),  # in Berlin's hours: the same day here
        ("2026-03-03 17:00", "2026-03-04 17:00"),  # voicemail at the instant of closing: outside
        ("2026-03-06 18:00", "2026-03-09 17:00"),
    ],
)
def test_call_is_answered_the_same_day_and_out_of_hours_the_following(
    called: str, due: str
) -> None:
    assert a_case(called, "phone").due("first_response") == due


@pytest.mark.promise("SIS-08", "SIS-09")
def test_critical_by_phone_is_answered_in_15_minutes_round_the_clock() -> None:
    case = a_case("2026-03-07 19:00", "phone").then(
        "triaged", "2026-03-07 19:05", severity="critical"
    )
    assert case.due("first_response") == "2026-03-07 19:15", "from the beginning, on a Saturday"
    assert a_case("2026-03-03 10:00", "phone", severity="critical").due("first_response") == (
        "2026-03-03 10:15"
    )


@pytest.mark.promise("SIS-09")
def test_critical_by_mail_is_serious_until_somebody_phones() -> None:
    case = a_case("2026-03-03 20:00", "email", severity="critical")
    assert case.assess().attributes["severity"] == "serious"
    assert case.due("first_response") == "2026-03-04 17:00"
    case.then("requester_replied", "2026-03-03 21:00", channel="phone")
    assert case.assess().attributes["severity"] == "critical"
    assert case.due("first_response") == "2026-03-03 21:15"


@pytest.mark.promise("SIS-08", "SIS-09")
@pytest.mark.parametrize("channel", ["email", "portal", "chat"])
def test_critical_that_is_phoned_in_out_of_hours_is_answered_in_15_minutes_from_the_call(
    channel: str,
) -> None:
    case = a_case("2026-03-07 10:00", channel)  # a Saturday
    case.then("triaged", "2026-03-07 10:05", severity="critical")
    case.then("requester_replied", "2026-03-07 12:00", channel="phone")
    assert case.due("first_response") == "2026-03-07 12:15"
    case = a_case("2026-03-07 10:00", channel)
    case.then("requester_replied", "2026-03-07 12:00", channel="phone")
    case.then("triaged", "2026-03-07 12:05", severity="critical")
    assert case.due("first_response") == "2026-03-07 12:15", "triage before or after the call"


@pytest.mark.promise("SIS-08", "SIS-09", "SIS-10")
@pytest.mark.parametrize(
    ("channel", "called", "due"),
    [
        ("email", "10:10", "10:25"),
        ("email", "10:40", "10:55"),  # the minutes before the call are no critical ones
        ("email", "10:55", "11:00"),  # serious until then: its hour holds on
        ("portal", "13:00", "13:15"),
    ],
)
def test_critical_that_is_phoned_in_within_hours_is_answered_in_15_minutes_from_the_call(
    channel: str, called: str, due: str
) -> None:
    for is_triaged_first in (True, False):
        case = a_case("2026-03-03 10:00", channel)
        if is_triaged_first:
            case.then("triaged", "2026-03-03 10:05", severity="critical")
        case.then("requester_replied", f"2026-03-03 {called}", channel="phone")
        if not is_triaged_first:
            case.then("triaged", "2026-03-03 13:05", severity="critical")
        assert case.due("first_response") == f"2026-03-03 {due}"


@pytest.mark.promise("SIS-10")
def test_serious_by_mail_or_phone_is_an_hour_within_support_hours() -> None:
    assert a_case("2026-03-03 10:00", "email", severity="serious").due("first_response") == (
        "2026-03-03 11:00"
    )
    # Half an hour until Friday's close; Berlin opens on Monday at what is midnight here.
    assert a_case("2026-03-06 16:30", "email", severity="serious").due("first_response") == (
        "2026-03-09 00:30"
    )
    assert a_case("2026-03-06 19:00", "email", severity="serious").due("first_response") == (
        "2026-03-09 17:00"
    )


@pytest.mark.promise("SIS-10")
def test_serious_raised_another_way_has_the_channels_own_target() -> None:
    assert a_case("2026-03-03 10:00", "portal", severity="serious").due("first_response") == (
        "2026-03-04 17:00"
    )


@pytest.mark.promise("SIS-12")
def test_stricter_channel_promise_binds_before_a_softer_severity_promise() -> None:
    # Normal: next business day. By phone: the same day. The earlier one binds.
    case = a_case("2026-03-03 10:00", "phone", severity="normal")
    assert case.due("first_response") == "2026-03-03 17:00"
    rule = case.timer("first_response").rule
    assert rule is not None
    assert rule.name == "channel"
    # Serious at 16:30 would be half an hour into Berlin's next morning.
    case = a_case("2026-03-03 16:30", "phone", severity="serious")
    assert case.due("first_response") == "2026-03-03 17:00"


@pytest.mark.promise("SIS-13")
def test_status_page_is_updated_every_30_minutes_while_the_incident_is_open() -> None:
    story = Story(desk("sign-in-solutions"), "America/Los_Angeles")
    story.then("incident_opened", "2026-03-03 10:00", impact="critical")
    story.then("incident_updated", "2026-03-03 10:20")
    story.then("incident_updated", "2026-03-03 11:00")
    story.then("incident_resolved", "2026-03-03 11:10")
    assert [story.due("public_update", cycle) for cycle in (1, 2, 3, 4)] == [
        "2026-03-03 10:30",
        "2026-03-03 10:50",
        "2026-03-03 11:20",
        "2026-03-03 11:30",
    ]
    later = "2026-03-04 00:00"
    assert story.state("public_update", later, 1) is State.MET
    assert story.state("public_update", later, 2) is State.BREACHED
    assert story.state("public_update", later, 3) is State.MET
    assert story.state("public_update", later, 4) is State.CANCELLED


@pytest.mark.promise("SIS-13")
def test_each_half_hour_without_an_update_is_a_breach_of_its_own() -> None:
    story = Story(desk("sign-in-solutions")).then("incident_opened", "2026-12-01 09:00")
    until = instant("2026-12-01 14:00", "UTC")
    explained = explain(story.assess(), story.policy, until).timers
    missed = [each for each in explained if each.state is State.BREACHED]
    assert [story.local(each.timer.due_at) for each in missed] == [
        f"2026-12-01 {hour:02}:{minute}"
        for hour, minute in product(range(9, 15), ("00", "30"))
        if "09:00" < f"{hour:02}:{minute}" <= "14:00"
    ]
    assert [each.state for each in explained[len(missed) :]] == [State.RUNNING]
    assert explained[-1].timer.due_at == until + minutes(30)
    assert all(each.used == minutes(30) for each in missed)
