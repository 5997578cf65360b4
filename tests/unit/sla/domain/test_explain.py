"""What a support lead reads, and what programs get."""

from __future__ import annotations

import json

import pytest

from sla.domain.calendar.durations import seconds_words
from sla.domain.explain import Explanation, explain
from support.sla_cases import Story, desk, instant

EASTERN = "America/New_York"


def explained(story: Story, at: str) -> Explanation:
    return explain(story.assess(), story.policy, instant(at, EASTERN))


def a_story() -> Story:
    story = Story(desk("vircom"), EASTERN).opened("2026-07-02 17:00", severity="p2")
    story.then("customer_unavailable", "2026-07-02 17:30")
    return story.then("requester_replied", "2026-07-02 18:30")


def test_text_names_rule_line_holiday_and_who_paused() -> None:
    text = explained(a_story(), "2026-07-06 08:00").text()
    line = desk("vircom").metrics[1].tracks[0][2].rule.line
    assert "First reaction: BREACHED, was due Thu 2026-07-02 18:00 EDT." in text
    assert f"Promise: 1 hour of office time (rule 3, line {line}, policy " in text
    assert "Started Thu 2026-07-02 17:00 EDT: opened." in text
    assert "What would have met it: contact attempted, or agent replied" in text
    assert ", by Thu 2026-07-02 18:00 EDT." in text
    assert "holiday: Independence Day (observed)" in text
    assert "not counted, paused: customer unavailable by Ana (1 hour)" in text
    assert "Closes by itself (auto close): 0 of 3 unsuccessful attempts" in text


def test_running_timer_tells_what_is_used_and_left() -> None:
    text = explained(a_story(), "2026-07-02 20:30").text()
    assert "Resolution: running, due Fri 2026-07-03 18:00 EDT." in text
    assert "Used 2 hours 30 minutes, 21 hours 30 minutes left." in text


def test_json_has_the_same_in_utc_and_seconds() -> None:
    found = explained(a_story(), "2026-07-02 20:30").json()
    assert json.loads(json.dumps(found)) == found
    timers = found["timers"]
    assert isinstance(timers, list)
    resolution = next(one for one in timers if one["metric"] == "resolution")
    assert resolution["due"] == "2026-07-03T22:00:00Z"
    assert resolution["state"] == "running"
    assert (resolution["used_seconds"], resolution["left_seconds"]) == (9000, 77400)
    assert [(one["from"], one["counted"], one["why"]) for one in resolution["segments"]] == [
        ("2026-07-02T21:00:00Z", True, "counted"),
        ("2026-07-02T21:30:00Z", False, "paused: customer_unavailable by Ana"),
        ("2026-07-02T22:30:00Z", True, "counted"),
    ]


def test_what_would_meet_it_is_what_counts_for_this_ticket() -> None:
    p2 = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p2")
    p3 = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p3")
    wanted = [explained(one, "2026-03-02 10:00").timers[1].would_meet for one in (p2, p3)]
    assert wanted == ["resolved, or workaround provided (suitable is not false)", "resolved"]


def test_ticket_without_promises_says_so() -> None:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", scope="billable")
    assert explained(story, "2026-03-02 10:00").text().startswith("No promise runs")


def test_odd_facts_are_noted_with_what_was_done() -> None:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p1")
    story.then("contact_attempted", "2026-03-02 08:30", channel="phone", reached=True)
    story.then("noted", "2026-03-05 09:00", recorded="2026-03-02 09:30")
    story.then("closed", "2026-03-02 12:00", reason="other")
    story.then("resolved", "2026-03-02 13:00")
    text = explained(story, "2026-03-02 14:00").text()
    assert (
        "Note: contact attempted (2) counts at the opening: it is from before the ticket." in text
    )
    assert "Note: noted (3) counts when it was recorded: its clock is ahead." in text
    assert "Note: resolved (5) ignored: the ticket was closed." in text


def test_long_life_is_told_by_its_beginning_and_end() -> None:
    story = Story(desk("sign-in-solutions"), EASTERN).opened("2026-01-05 12:00")
    found = explained(story, "2026-12-31 12:00").timers[1]
    lines = found.text().splitlines()
    assert len(found.segments) > 400
    assert len([line for line in lines if line.startswith("    ")]) == 41
    assert any("more …" in line for line in lines)


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (0, "0 seconds"),
        (999_999, "less than a second"),
        (8_937_000, "8 seconds"),
        (61_500_000, "1 minute 1 second"),
    ],
)
def test_what_is_left_of_a_second_is_not_told(us: int, words: str) -> None:
    assert seconds_words(us) == words
