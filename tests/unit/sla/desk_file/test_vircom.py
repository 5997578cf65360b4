"""Vircom's promises with due times worked out by hand. Times are Eastern."""

from __future__ import annotations

from typing import Any

import pytest

from sla.domain.values import State
from support.sla_cases import Story, desk

RUNNING, PAUSED, MET = State.RUNNING, State.PAUSED, State.MET
BREACHED, CANCELLED = State.BREACHED, State.CANCELLED


def a_ticket(at: str, severity: str | None = "p3", **data: object) -> Story:
    return Story(desk("vircom"), "America/New_York").opened(at, severity=severity, **data)


@pytest.mark.promise("VIR-01")
@pytest.mark.parametrize(
    ("opened", "due", "why"),
    [
        ("2026-03-02 09:00", "2026-03-02 13:00", "a Monday morning"),
        ("2026-03-02 14:00", "2026-03-02 18:00", "used up exactly at closing: due at that closing"),
        ("2026-03-02 16:00", "2026-03-03 10:30", "two hours on Monday, two on Tuesday from 08:30"),
        ("2026-03-06 17:00", "2026-03-09 11:30", "over a weekend on which clocks go forward"),
        ("2026-10-30 17:00", "2026-11-02 11:30", "over a weekend on which clocks go back"),
        ("2026-03-07 12:00", "2026-03-09 12:30", "a Saturday counts from Monday 08:30"),
        ("2026-03-02 18:00", "2026-03-03 12:30", "the instant of closing is closed"),
        ("2026-07-02 17:00", "2026-07-06 11:30", "Independence Day, observed on Friday the 3rd"),
        ("2026-06-23 17:00", "2026-06-25 11:30", "Quebec's national holiday, 24 June"),
        ("2026-10-09 17:00", "2026-10-13 11:30", "Columbus Day and Canadian Thanksgiving"),
        ("2026-09-29 17:00", "2026-10-01 11:30", "Truth and Reconciliation, federal in Canada"),
        ("2026-12-24 17:00", "2026-12-29 11:30", "Christmas, and Boxing Day observed on the 28th"),
        ("2026-05-15 17:00", "2026-05-19 11:30", "Victoria Day, 18 May"),
        ("2026-06-18 17:00", "2026-06-22 11:30", "Juneteenth is a Friday"),
    ],
)
def test_four_business_hours_skip_nights_weekends_and_holidays_of_both_countries(
    opened: str, due: str, why: str
) -> None:
    assert a_ticket(opened).due("first_response") == due, why


@pytest.mark.promise("VIR-02", "VIR-04")
@pytest.mark.parametrize("opened", ["2026-03-02 10:00", "2026-03-07 23:45", "2026-12-25 03:00"])
def test_p1_is_answered_in_30_minutes_and_resolved_in_4_hours_at_any_time(opened: str) -> None:
    story = a_ticket(opened, "p1")
    timer, resolution = story.timer("first_response"), story.timer("resolution")
    assert timer.due_at is not None
    assert resolution.due_at is not None
    assert (timer.due_at - timer.started_at).total_seconds() == 30 * 60
    assert (resolution.due_at - resolution.started_at).total_seconds() == 4 * 3600


@pytest.mark.promise("VIR-03")
def test_urgent_request_out_of_hours_is_called_back_within_30_minutes() -> None:
    story = a_ticket("2026-03-07 22:10", None, is_urgent=True, channel="phone")
    assert story.due("callback") == "2026-03-07 22:40"
    story.then("contact_attempted", "2026-03-07 22:39", channel="phone", reached=False)
    assert story.state("callback", "2026-03-07 22:41") is MET


@pytest.mark.promise("VIR-03")
@pytest.mark.parametrize(
    ("opened", "is_promised"),
    [
        ("2026-03-02 08:29", True),
        ("2026-03-02 08:30", False),
        ("2026-03-02 17:59", False),
        ("2026-03-02 18:00", True),
        ("2026-09-07 11:00", True),  # Labour Day
    ],
)
def test_call_back_is_promised_only_out_of_hours_or_on_a_holiday(
    opened: str, is_promised: bool
) -> None:
    assert a_ticket(opened, is_urgent=True).has("callback") is is_promised


@pytest.mark.promise("VIR-03")
def test_each_urgent_request_out_of_hours_gets_a_call_of_its_own() -> None:
    story = a_ticket("2026-03-02 10:00")  # in hours, not urgent
    story.then("requester_replied", "2026-03-02 21:00", is_urgent=True)
    story.then("contact_attempted", "2026-03-02 21:10", channel="phone", reached=True)
    story.then("requester_replied", "2026-03-02 23:00", is_urgent=True)
    story.then("contact_attempted", "2026-03-02 23:05", channel="email", reached=False)
    assert story.due("callback", 1) == "2026-03-02 21:30"
    assert story.due("callback", 2) == "2026-03-02 23:30"
    assert story.state("callback", "2026-03-02 23:31", 2) is BREACHED, "a mail is no call"


@pytest.mark.promise("VIR-05")
def test_p2_is_answered_in_a_business_hour_and_resolved_in_24_clock_hours() -> None:
    story = a_ticket("2026-03-06 17:30", "p2")
    assert story.due("first_response") == "2026-03-09 09:00"
    # 24 hours by the clock: half past five on Saturday.
    assert story.due("resolution") == "2026-03-07 17:30"


@pytest.mark.promise("VIR-05")
def test_24_clock_hours_span_the_hour_that_daylight_saving_skips() -> None:
    assert a_ticket("2026-03-07 17:30", "p2").due("resolution") == "2026-03-08 18:30"


@pytest.mark.promise("VIR-06")
def test_p3_is_expected_in_48_hours_and_late_after_72() -> None:
    story = a_ticket("2026-03-02 09:00")
    assert story.expect("resolution") == "2026-03-04 09:00"
    assert story.due("resolution") == "2026-03-05 09:00"
    assert story.state("resolution", "2026-03-04 12:00") is RUNNING, "expected is no promise"
    assert story.state("resolution", "2026-03-05 09:00") is BREACHED


@pytest.mark.promise("VIR-06")
def test_fixed_in_a_future_release_ends_a_p3() -> None:
    story = a_ticket("2026-03-02 09:00")
    story.then("resolved", "2026-03-02 16:00", fixed_in_release=True)
    assert story.state("resolution", "2026-03-10 00:00") is MET


@pytest.mark.promise("VIR-04", "VIR-05", "VIR-06")
@pytest.mark.parametrize("said", [{"is_suitable": True}, {}], ids=["said", "unsaid"])
@pytest.mark.parametrize(("severity", "state"), [("p1", MET), ("p2", MET), ("p3", BREACHED)])
def test_suitable_workaround_serves_as_resolution_of_p1_and_p2_only(
    severity: str, state: State, said: dict[str, Any]
) -> None:
    story = a_ticket("2026-03-02 09:00", severity)
    story.then("workaround_provided", "2026-03-02 10:00", **said)
    assert story.state("resolution", "2026-03-20 09:00") is state


def test_unsuitable_workaround_resolves_nothing() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("workaround_provided", "2026-03-02 10:00", is_suitable=False)
    assert story.state("resolution", "2026-03-02 13:00") is BREACHED


@pytest.mark.promise("VIR-07")
def test_trial_customer_is_at_least_p2_whatever_is_set() -> None:
    story = a_ticket("2026-03-02 09:00", "p3", is_trial=True)
    assert story.assess().attributes["severity"] == "p2"
    assert story.due("first_response") == "2026-03-02 10:00"
    story.then("triaged", "2026-03-02 09:10", severity="p1")
    assert story.due("first_response") == "2026-03-02 09:30"
    story.then("triaged", "2026-03-02 09:20", severity="p3")
    assert story.due("first_response") == "2026-03-02 10:00"


@pytest.mark.promise("VIR-07")
def test_customer_who_leaves_the_trial_loses_the_floor_from_the_beginning() -> None:
    story = a_ticket("2026-03-02 09:00", "p3", is_trial=True)
    story.then("plan_changed", "2026-03-02 09:30", plan="full", is_trial=False)
    assert story.due("first_response") == "2026-03-02 13:00"


@pytest.mark.promise("VIR-08")
@pytest.mark.parametrize("reached", [True, False])
def test_attempt_to_reach_the_customer_is_the_first_reaction_answered_or_not(
    reached: bool,
) -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("contact_attempted", "2026-03-02 09:29", channel="phone", reached=reached)
    assert story.state("first_response", "2026-03-02 12:00") is MET


def test_reaction_at_the_very_instant_that_is_due_is_in_time() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("contact_attempted", "2026-03-02 09:30", channel="phone", reached=True)
    assert story.state("first_response", "2026-03-02 09:31") is MET
    late = a_ticket("2026-03-02 09:00", "p1")
    late.then("contact_attempted", "2026-03-02 09:30:01", channel="phone", reached=True)
    assert late.state("first_response", "2026-03-02 09:31") is BREACHED


@pytest.mark.promise("VIR-09")
def test_resolution_waits_while_the_customer_is_unavailable() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("customer_unavailable", "2026-03-02 10:00")
    assert story.due("resolution") is None
    assert story.state("resolution", "2026-03-03 10:00") is PAUSED
    story.then("requester_replied", "2026-03-03 10:00")
    assert story.due("resolution") == "2026-03-03 13:00", "three of four hours were left"


def test_time_used_up_at_the_very_instant_of_a_pause_is_due_then() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("customer_unavailable", "2026-03-02 13:00")
    story.then("requester_replied", "2026-03-02 15:00")
    assert story.due("resolution") == "2026-03-02 13:00"


@pytest.mark.promise("VIR-09")
def test_first_reaction_never_waits() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then("customer_unavailable", "2026-03-02 09:10")
    assert story.due("first_response") == "2026-03-02 09:30"


@pytest.mark.promise("VIR-10")
def test_quiet_ticket_closes_after_three_attempts_and_five_days() -> None:
    story = a_ticket("2026-03-02 09:00", "p2")
    story.then("requester_replied", "2026-03-03 09:00")
    for at in ("2026-03-03 15:00", "2026-03-04 10:00"):
        story.then("contact_attempted", at, channel="phone", reached=False)
    (silence,) = story.assess().silences
    assert (silence.attempts, silence.elapses_at) == (2, None)
    assert story.local(silence.quiet_until) == "2026-03-08 10:00", "five days, one hour skipped"
    story.then("contact_attempted", "2026-03-05 10:00", channel="phone", reached=False)
    (silence,) = story.assess().silences
    assert story.local(silence.elapses_at) == "2026-03-08 10:00"
    assert story.local(silence.warn_at) == "2026-03-07 09:00", "a day before"


@pytest.mark.promise("VIR-10")
def test_third_attempt_after_five_days_closes_at_that_attempt() -> None:
    story = a_ticket("2026-03-02 09:00", "p2")
    for at in ("2026-03-03 15:00", "2026-03-04 10:00", "2026-03-09 11:00"):
        story.then("contact_attempted", at, channel="phone", reached=False)
    (silence,) = story.assess().silences
    assert story.local(silence.elapses_at) == "2026-03-09 11:00"


@pytest.mark.promise("VIR-10")
def test_hearing_from_the_customer_begins_the_count_anew() -> None:
    story = a_ticket("2026-03-02 09:00", "p2")
    for hour in (10, 11, 12):
        story.then("contact_attempted", f"2026-03-02 {hour}:00", channel="phone", reached=False)
    story.then("contact_attempted", "2026-03-04 09:00", channel="phone", reached=True)
    (silence,) = story.assess().silences
    assert (silence.attempts, silence.elapses_at) == (0, None)


@pytest.mark.promise("VIR-10")
def test_p1_never_closes_by_itself() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    for hour in (10, 11, 12):
        story.then("contact_attempted", f"2026-03-02 {hour}:00", channel="phone", reached=False)
    assert story.assess().silences == ()


def test_upgrade_counts_from_the_opening() -> None:
    # P3 on office hours from Saturday; on Sunday noon it is found to be a P1: round the clock.
    story = a_ticket("2026-03-07 10:00", "p3")
    story.then("triaged", "2026-03-08 12:00", severity="p1")
    assert story.due("first_response") == "2026-03-07 10:30"
    assert story.due("resolution") == "2026-03-07 14:00"
    story = a_ticket("2026-03-02 09:00", "p3").then("triaged", "2026-03-02 10:00", severity="p1")
    assert story.due("first_response") == "2026-03-02 09:30"
    assert story.state("first_response", "2026-03-02 10:00") is BREACHED


def test_answer_given_before_an_upgrade_is_judged_as_if_it_had_been_known() -> None:
    # Answered after 3 of the 4 hours of a P3; it was a P1 all the time, of 30 minutes.
    story = a_ticket("2026-03-02 09:00", "p3").then("agent_replied", "2026-03-02 12:00")
    assert story.state("first_response", "2026-03-02 13:00") is MET
    story.then("triaged", "2026-03-02 13:00", severity="p1")
    assert story.state("first_response", "2026-03-02 13:00") is BREACHED
    assert story.due("first_response") == "2026-03-02 09:30"
    # And found to be none after all.
    story.then("triaged", "2026-03-02 14:00", severity="p3")
    assert story.state("first_response", "2026-03-02 14:00") is MET


def test_workaround_given_before_a_correction_counts_as_if_it_had_been_known() -> None:
    # A workaround serves for P1 and P2 only (VIR-04, VIR-05).
    story = a_ticket("2026-03-02 09:00", "p3").then("workaround_provided", "2026-03-02 11:00")
    assert story.state("resolution", "2026-03-02 12:00") is RUNNING
    story.then("triaged", "2026-03-02 12:00", severity="p1")
    assert story.state("resolution", "2026-03-02 12:00") is MET
    story.then("triaged", "2026-03-02 12:30", severity="p3")
    assert story.state("resolution", "2026-03-02 12:30") is RUNNING


def test_correction_after_closing_counts_too() -> None:
    story = a_ticket("2026-03-02 09:00", "p3").then("resolved", "2026-03-02 12:00")
    story.then("closed", "2026-03-02 12:30").then("triaged", "2026-03-02 13:00", severity="p1")
    assert story.state("first_response", "2026-03-02 13:00") is BREACHED


def test_downgrade_is_assessed_from_the_beginning_too() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    assert story.state("first_response", "2026-03-02 09:45") is BREACHED
    story.then("triaged", "2026-03-02 09:50", severity="p3")
    assert story.due("first_response") == "2026-03-02 13:00"


def test_work_that_is_not_covered_is_not_promised() -> None:
    story = a_ticket("2026-03-02 09:00", "p2")
    story.then("scope_decided", "2026-03-02 09:30", scope="best_effort")
    assert not story.has("resolution"), "nor was it from its opening"
    story.then("scope_decided", "2026-03-02 15:00", scope="covered")
    assert story.due("resolution") == "2026-03-03 09:00", "as if nobody had erred"


def test_unknown_or_missing_severity_is_the_default() -> None:
    assert a_ticket("2026-03-02 09:00", None).due("first_response") == "2026-03-02 13:00"
    assert a_ticket("2026-03-02 09:00", "urgent!!").due("first_response") == "2026-03-02 13:00"


def test_reopened_resolution_goes_on_with_the_time_that_was_left() -> None:
    story = a_ticket("2026-03-02 09:00", "p1").then("resolved", "2026-03-02 10:00")
    story.then("reopened", "2026-03-04 08:00")
    assert story.state("resolution", "2026-03-03 00:00", 1) is MET
    assert story.due("resolution", 2) == "2026-03-04 11:00"
    story.then("resolved", "2026-03-04 10:30").then("reopened", "2026-03-04 12:00")
    assert story.due("resolution", 3) == "2026-03-04 12:30"


def test_a_call_logged_an_hour_later_counts_when_it_was_made() -> None:
    story = a_ticket("2026-03-02 09:00", "p1")
    story.then(
        "contact_attempted", "2026-03-02 09:20", recorded="2026-03-02 10:20", channel="phone"
    )
    assert story.state("first_response", "2026-03-02 10:21") is MET
