"""SmartSimple, Infocyte and SightCall: due times worked out by hand."""

from __future__ import annotations

import pytest

from sla.domain.values import State
from support.sla_cases import Story, desk

NEVER = "2030-01-01 00:00"


def a_call(at: str, **data: object) -> Story:
    return Story(desk("smartsimple"), "America/Toronto").opened(
        at, **{"channel": "phone", "is_urgent": True, **data}
    )


@pytest.mark.promise("SMS-02", "SMS-03")
def test_call_on_the_critical_line_is_answered_in_15_minutes_from_the_call() -> None:
    assert a_call("2026-03-08 01:50").due("first_response") == "2026-03-08 03:05", "clocks change"
    assert a_call("2026-12-25 23:50").due("first_response") == "2026-12-26 00:05"


@pytest.mark.promise("SMS-05", "SMS-07")
def test_call_triaged_to_tier_3_or_4_moves_to_the_regular_hours() -> None:
    call = a_call("2026-03-03 02:00").then("triaged", "2026-03-03 02:10", severity="tier3")
    # Tier 3 from the call on: eight hours from 05:00.
    assert call.due("first_response") == "2026-03-03 13:00"
    call.then("triaged", "2026-03-03 02:20", severity="tier4")
    assert call.due("first_response") == "2026-03-04 21:00"


@pytest.mark.promise("SMS-02", "SMS-03")
def test_further_critical_call_is_answered_in_15_minutes_unless_it_was_none() -> None:
    story = a_call("2026-03-03 10:00", channel="email", is_urgent=False)
    story.then("requester_replied", "2026-03-03 23:00", channel="phone", is_urgent=True)
    assert story.due("callback") == "2026-03-03 23:15"
    assert story.due("first_response") == "2026-03-03 18:00"
    story.then("triaged", "2026-03-03 23:05", severity="tier3")
    assert story.state("callback", NEVER) is State.CANCELLED


@pytest.mark.promise("SMS-07")
@pytest.mark.parametrize(
    ("opened", "severity", "due"),
    [
        ("2026-03-07 22:00", "tier3", "2026-03-08 13:00"),  # a Sunday counts
        ("2026-03-07 20:00", "tier3", "2026-03-08 12:00"),
        ("2026-03-07 13:00", "tier3", "2026-03-07 21:00"),  # exactly at closing
        ("2026-03-07 10:00", "tier4", "2026-03-08 21:00"),
        ("2026-03-07 22:00", "tier1", "2026-03-08 05:15"),
    ],
)
def test_regular_channels_count_from_5_to_21_every_day(
    opened: str, severity: str, due: str
) -> None:
    story = a_call(opened, channel="portal", is_urgent=False, severity=severity)
    assert story.due("first_response") == due


def a_report(at: str, severity: str | None = "s1", **data: object) -> Story:
    return Story(desk("infocyte"), "Etc/GMT+5").opened(
        at, **{"channel": "portal", "severity": severity, **data}
    )


@pytest.mark.promise("INF-02", "INF-05", "INF-07")
@pytest.mark.parametrize(
    ("opened", "severity", "plan", "due"),
    [
        ("2026-07-01 10:00", "s1", None, "2026-07-01 11:00"),
        ("2026-07-01 16:30", "s1", "enlist", "2026-07-02 09:30"),
        ("2026-07-03 20:00", "s1", "assessment", "2026-07-06 10:00"),  # from the next opening
        ("2026-07-03 20:00", "s1", "patrol", "2026-07-03 21:00"),
        ("2026-07-01 15:00", "s2", "enlist", "2026-07-02 11:00"),
        ("2026-07-01 09:00", "s3", "enlist", "2026-07-01 17:00"),
        ("2026-07-01 20:00", "s3", "command", "2026-07-02 04:00"),
        ("2026-12-01 09:00", "s3", "enlist", "2026-12-01 17:00"),  # a fixed offset has no summer
    ],
)
def test_initial_response_within_the_hours_of_the_plan(
    opened: str, severity: str, plan: str | None, due: str
) -> None:
    assert a_report(opened, severity, plan=plan).due("first_response") == due


@pytest.mark.promise("INF-02")
def test_severity_4_is_expected_and_never_breached() -> None:
    report = a_report("2026-07-06 09:00", "s4")
    assert (report.due("first_response"), report.expect("first_response")) == (
        None,
        "2026-07-08 17:00",
    )
    assert report.state("first_response", NEVER) is State.RUNNING


@pytest.mark.promise("INF-03")
def test_only_a_reply_marked_as_initial_response_counts() -> None:
    report = a_report("2026-07-01 10:00").then("agent_replied", "2026-07-01 10:10")
    assert report.state("first_response", "2026-07-01 11:00") is State.BREACHED
    report.then("agent_replied", "2026-07-01 10:50", is_initial_response=True)
    assert report.state("first_response", "2026-07-01 11:00") is State.MET


@pytest.mark.promise("INF-05", "INF-06")
def test_clock_of_an_incomplete_request_starts_with_the_reply_that_completes_it() -> None:
    report = a_report("2026-07-01 10:00", is_complete=False, missing=["version"])
    report.then("information_requested", "2026-07-01 10:00", missing=["version"])
    assert not report.has("first_response")
    report.then("requester_replied", "2026-07-01 12:00")
    report.then("information_completed", "2026-07-01 12:00")
    assert report.due("first_response") == "2026-07-01 13:00"


@pytest.mark.promise("INF-06")
def test_severity_1_worked_on_before_it_is_complete_is_answered_when_its_clock_starts() -> None:
    report = a_report("2026-07-01 10:00", is_complete=False)
    report.then("agent_replied", "2026-07-01 10:30", is_initial_response=True)
    report.then("information_completed", "2026-07-01 12:00")
    timer = report.timer("first_response")
    assert timer.met_at == timer.started_at
    assert report.local(timer.met_at) == "2026-07-01 12:00"


@pytest.mark.promise("INF-07")
def test_change_of_plan_applies_from_its_moment_and_keeps_the_time_counted() -> None:
    report = a_report("2026-07-01 16:00", "s2", plan="enlist")
    report.then("plan_changed", "2026-07-01 20:00", plan="patrol")
    assert report.due("first_response") == "2026-07-01 23:00", "one hour was counted by 17:00"
    report.then("plan_changed", "2026-07-01 21:00", plan="enlist")
    assert report.due("first_response") == "2026-07-02 11:00", "two hours were counted by 21:00"


@pytest.mark.promise("INF-01")
def test_change_of_severity_reassesses() -> None:
    report = a_report("2026-07-01 09:00", "s3")
    report.then("triaged", "2026-07-01 09:30", severity="s1", priority="urgent")
    assert report.due("first_response") == "2026-07-01 10:00"


@pytest.mark.promise("INF-11")
def test_feedback_on_a_closed_ticket_is_acknowledged_within_two_working_days() -> None:
    report = a_report("2026-07-01 10:00").then("closed", "2026-07-01 12:00", reason="resolved")
    report.then("feedback_received", "2026-07-02 10:00", rating=1)  # a Thursday
    assert report.due("feedback_acknowledgement") == "2026-07-06 17:00"
    report.then("feedback_acknowledged", "2026-07-06 17:00")
    assert report.state("feedback_acknowledgement", NEVER) is State.MET


def test_rating_that_needs_no_answer_has_no_timer() -> None:
    report = a_report("2026-07-01 10:00")
    report.then("feedback_received", "2026-07-02 10:00", rating=5, needs_answer=False)
    assert not report.has("feedback_acknowledgement")


@pytest.mark.promise("INF-12", "INF-13")
def test_long_review_is_updated_weekly_or_when_the_last_update_promised() -> None:
    report = a_report("2026-07-01 10:00").then("complaint_filed", "2026-07-02 10:00")
    assert report.due("review_opening") == "2026-07-06 17:00"
    report.then("review_opened", "2026-07-03 10:00", stage="review")
    assert report.due("review_update", 1) == "2026-07-10 10:00"
    report.then("review_updated", "2026-07-09 10:00", next_update_by="2026-07-13T17:00:00Z")
    assert report.due("review_update", 2) == "2026-07-13 12:00"
    report.then("review_updated", "2026-07-13 12:00:01")
    assert report.state("review_update", NEVER, 2) is State.BREACHED
    assert report.state("review_update", NEVER, 3) is State.MET, "the interval after the missed one"
    assert report.due("review_update", 4) == "2026-07-20 12:00:01"
    report.then("review_concluded", "2026-07-15 10:00", stage="review")
    assert report.state("review_update", NEVER, 4) is State.CANCELLED
    assert report.state("review_outcome", NEVER) is State.MET
    report.then("arbitration_requested", "2026-07-16 10:00")
    report.then("review_opened", "2026-07-16 11:00", stage="arbitration")
    report.then("review_concluded", "2026-07-20 10:00", stage="arbitration")
    assert report.state("arbitration", NEVER) is State.MET


@pytest.mark.promise("INF-12")
def test_review_of_a_closed_ticket_goes_on_with_updates() -> None:
    report = a_report("2026-07-01 10:00").then("closed", "2026-07-01 12:00")
    report.then("complaint_filed", "2026-07-02 10:00")
    report.then("review_opened", "2026-07-03 10:00", stage="review")
    report.then("review_updated", "2026-07-09 10:00", next_update_by="2026-07-13T17:00:00Z")
    assert report.due("review_update", 2) == "2026-07-13 12:00"


def a_question(at: str, **data: object) -> Story:
    return Story(desk("sightcall"), "Europe/Paris").opened(at, channel="portal", **data)


@pytest.mark.promise("SIG-12")
def test_times_are_measured_and_never_breached() -> None:
    question = a_question("2026-03-02 09:00")
    for metric in ("first_response", "resolution"):
        assert question.due(metric) is None
        assert question.state(metric, NEVER) is State.RUNNING
    question.then("agent_replied", "2026-03-20 09:00")
    assert question.state("first_response", NEVER) is State.MET


@pytest.mark.promise("SIG-07")
def test_resolution_waits_for_an_agreed_meeting_and_the_response_does_not() -> None:
    question = a_question("2026-03-02 09:00")
    question.then("meeting_proposed", "2026-03-02 10:00")
    question.then("meeting_agreed", "2026-03-02 11:00")
    assert question.state("resolution", "2026-03-03 00:00") is State.PAUSED
    assert question.state("first_response", "2026-03-03 00:00") is State.RUNNING
    question.then("meeting_held", "2026-03-04 11:00")
    assert question.state("resolution", "2026-03-04 11:00") is State.RUNNING


@pytest.mark.promise("SIG-08")
def test_reopened_at_any_age_goes_on() -> None:
    question = a_question("2026-03-02 09:00").then("resolved", "2026-03-02 12:00")
    question.then("closed", "2026-03-03 12:00").then("reopened", "2029-03-03 12:00")
    timer = question.timer("resolution", 2)
    assert timer.carried.total_seconds() == 3 * 3600


@pytest.mark.promise("SIG-10", "SIG-11")
def test_what_is_out_of_scope_is_not_timed() -> None:
    assert not a_question("2026-03-02 09:00", scope="out_of_scope").has("resolution")
    question = a_question("2026-03-02 09:00").then(
        "scope_decided", "2026-03-02 10:00", scope="best_effort"
    )
    assert not question.has("resolution"), "out of scope it was from its opening"


@pytest.mark.promise("SIG-01")
def test_end_user_without_entitlement_is_not_timed() -> None:
    assert not a_question("2026-03-02 09:00", entitled=False).has("first_response")


@pytest.mark.promise("SIG-09")
def test_ticket_merged_away_ends_its_timers_and_a_split_one_has_its_own() -> None:
    question = a_question("2026-03-02 09:00").then("merged", "2026-03-02 10:00")
    assert question.state("resolution", NEVER) is State.CANCELLED
    assert question.timer("resolution").reason == "merged"
