"""Facts that come at odd times, tickets that join and part, and two of a kind at once: each has a
rule, which docs/sla.md states."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sla.desk_file import read as policy_file
from sla.domain.facts import NotAFact, fact_from_event
from sla.domain.replay.assess import assess
from sla.domain.values import Fact, State
from support.sla_cases import Story, desk, instant

EASTERN = "America/New_York"
NEVER = "2027-01-01 00:00"


def a_problem(at: str = "2026-03-02 09:00", **data: object) -> Story:
    return Story(desk("vircom"), EASTERN).opened(at, **({"severity": "p1"} | data))


def notes(story: Story) -> list[tuple[int, str]]:
    return [(note.sequence, note.rule) for note in story.assess().notes]


def test_fact_with_a_clock_in_the_future_counts_when_it_was_recorded() -> None:
    story = a_problem()
    story.then("contact_attempted", "2026-03-05 09:00", recorded="2026-03-02 09:20")
    assert story.local(story.timer("first_response").met_at) == "2026-03-02 09:20"
    assert story.state("first_response", NEVER) is State.MET
    assert notes(story) == [(2, "counts when it was recorded: its clock is ahead")]


def test_fact_from_before_the_ticket_counts_at_its_opening() -> None:
    story = a_problem().then("contact_attempted", "2026-03-02 08:30")
    assert story.local(story.timer("first_response").met_at) == "2026-03-02 09:00"
    assert notes(story) == [(2, "counts at the opening: it is from before the ticket")]


def test_fact_after_closing_moves_nothing_until_the_ticket_is_reopened() -> None:
    story = a_problem().then("closed", "2026-03-02 09:10", reason="other")
    story.then("resolved", "2026-03-02 09:15")
    assert story.state("resolution", NEVER) is State.CANCELLED
    assert notes(story) == [(3, "ignored: the ticket was closed")]
    story.then("reopened", "2026-03-02 10:00").then("resolved", "2026-03-02 10:05")
    assert story.state("resolution", NEVER, 2) is State.MET


@pytest.mark.promise("SIG-09")
def test_ticket_merged_away_ends_its_timers_and_nothing_moves_them_later() -> None:
    story = a_problem().then("merged", "2026-03-02 09:10")
    story.then("contact_attempted", "2026-03-02 09:20")
    timer = story.timer("first_response")
    assert (timer.met_at, timer.reason) == (None, "merged")
    assert story.state("first_response", NEVER) is State.CANCELLED


@pytest.mark.promise("SIG-09")
def test_ticket_that_another_is_merged_into_keeps_its_own_timers() -> None:
    story = a_problem().then("absorbed", "2026-03-02 09:10")
    assert story.due("first_response") == "2026-03-02 09:30"
    story.then("contact_attempted", "2026-03-02 09:20")
    assert story.state("first_response", NEVER) is State.MET


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",  # Go and .NET, where nobody set a time
        "1989-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-W10-1T17:00:00Z",
        "2026-03-02T09:00:00",
        "1772470800",
        1_772_470_800,
    ],
)
def test_event_of_no_known_time_is_no_fact(text: object) -> None:
    data = {"type": "pledge.ticket.opened.v1", "occurred_at": text}
    with pytest.raises(NotAFact, match="occurred_at"):
        fact_from_event(data, 1)
    with pytest.raises(NotAFact, match="recorded_at"):
        fact_from_event({**data, "occurred_at": "2026-03-02T17:00:00Z", "recorded_at": text}, 1)


def test_fact_that_was_stored_before_there_were_bounds_counts_at_the_first_instant() -> None:
    unset = datetime.min.replace(tzinfo=UTC)
    fact = Fact("opened", unset, unset, 1, {"severity": "p1", "requester": {}})
    (timer, *_) = assess([fact], desk("vircom")).timers
    assert timer.started_at == datetime(1990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("reported", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday"])
def test_report_of_no_known_time_leaves_the_ticket_at_its_opening(reported: str) -> None:
    story = a_problem(reported_at=reported)
    assert story.local(story.timer("first_response").started_at) == "2026-03-02 09:00"


@pytest.mark.promise("SIG-09")
def test_ticket_split_off_counts_from_the_report_of_its_issue() -> None:
    reported = instant("2026-03-02 08:45", EASTERN).isoformat()
    story = a_problem(reported_at=reported)
    assert story.local(story.timer("first_response").started_at) == "2026-03-02 08:45"
    assert story.due("first_response") == "2026-03-02 09:15"


@pytest.mark.promise("SIG-09")
def test_ticket_that_an_issue_is_split_off_keeps_its_own_timers() -> None:
    story = a_problem().then("split_off", "2026-03-02 09:10")
    assert story.due("first_response") == "2026-03-02 09:30"


def a_closed_report() -> Story:
    story = Story(desk("infocyte"), "Etc/GMT+5").opened("2026-07-01 10:00", severity="s3")
    return story.then("closed", "2026-07-01 12:00", reason="resolved")


@pytest.mark.promise("INF-11")
def test_second_feedback_while_the_first_is_open_has_a_timer_of_its_own() -> None:
    story = a_closed_report()
    story.then("feedback_received", "2026-07-02 10:00", feedback_id="a", rating=1)
    story.then("feedback_received", "2026-07-06 10:00", feedback_id="b", rating=2)
    story.then("feedback_received", "2026-07-06 11:00", feedback_id="b", rating=2)
    metric = "feedback_acknowledgement"
    assert [story.due(metric, cycle) for cycle in (1, 2)] == [
        "2026-07-06 17:00",
        "2026-07-08 17:00",
    ]
    story.then("feedback_acknowledged", "2026-07-06 16:00", feedback_id="b")
    assert story.state(metric, NEVER, 1) is State.BREACHED
    assert story.state(metric, NEVER, 2) is State.MET
    assert len([each for each in story.assess().timers if each.metric == metric]) == 2


@pytest.mark.promise("INF-12")
def test_second_complaint_is_reviewed_by_a_clock_of_its_own() -> None:
    story = a_closed_report()
    for day, complaint in (("02", "a"), ("03", "b")):
        story.then("complaint_filed", f"2026-07-{day} 10:00", complaint_id=complaint)
    story.then("review_opened", "2026-07-03 11:00", complaint_id="b", stage="review")
    story.then("review_opened", "2026-07-06 10:00", complaint_id="a", stage="review")
    assert [story.state("review_opening", NEVER, cycle) for cycle in (1, 2)] == [State.MET] * 2
    assert story.local(story.timer("review_opening", 2).met_at) == "2026-07-03 11:00"
    story.then("review_updated", "2026-07-07 10:00", complaint_id="a")
    updates = {each.cycle: each for each in story.assess().timers if each.metric == "review_update"}
    assert [story.local(each.due_at) for each in updates.values()] == [
        "2026-07-10 11:00",
        "2026-07-13 10:00",
        "2026-07-14 10:00",
    ]
    assert [each.met_at is not None for each in updates.values()] == [False, True, False]


def test_fact_without_a_value_concerns_all_that_are_open() -> None:
    text = """
desk: acme
metrics:
  answer:
    starts: complaint_filed
    meets: review_opened
    cancels: resolved
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    repeats: on_start
    for_each: complaint_id
    targets: [{within: 4h}]
"""
    policy = policy_file.parse(text, Path("acme/sla.yaml"))
    story = Story(policy).opened("2026-03-02 09:00")
    story.then("complaint_filed", "2026-03-02 10:00", complaint_id="a")
    story.then("waiting_on_customer", "2026-03-02 11:00")
    story.then("complaint_filed", "2026-03-02 12:00", complaint_id="b")
    assert [story.timer("answer", cycle).due_at for cycle in (1, 2)] == [None, None]
    story.then("requester_replied", "2026-03-02 13:00")
    assert [story.due("answer", cycle) for cycle in (1, 2)] == [
        "2026-03-02 16:00",
        "2026-03-02 17:00",
    ]
    story.then("resolved", "2026-03-02 14:00")
    assert [story.state("answer", NEVER, cycle) for cycle in (1, 2)] == [State.CANCELLED] * 2


def test_field_that_no_starting_fact_has_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "sla.yaml"
    path.write_text(
        "metrics:\n  answer:\n    starts: complaint_filed\n    meets: review_opened\n"
        "    for_each: complaint\n    targets: [{within: 4h}]\n",
        encoding="utf-8",
    )
    (problem,) = policy_file.check_desk_file(path).problems
    assert (problem.line, "complaint_id" in str(problem)) == (5, True)
