"""What a support lead reads, and what programs get."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from sla.domain.durations import seconds_words
from sla.domain.explain import Explanation, explain
from sla.domain.simulate import as_json, as_text, simulate
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


def events(*texts: tuple[str, str, str]) -> list[dict[str, object]]:
    return [
        {
            "type": f"pledge.ticket.{verb}.v1",
            "ticket_id": ticket,
            "number": ticket.upper(),
            "occurred_at": at,
            "recorded_at": at,
            "severity": "p1",
        }
        for ticket, verb, at in texts
    ]


def test_simulation_keeps_tickets_apart_and_looks_no_further_than_asked() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    told = events(
        ("a", "opened", "2026-03-02T09:00:00Z"),
        ("b", "opened", "2026-03-02T09:45:00Z"),
        ("a", "agent_replied", "2026-03-02T09:10:00Z"),
        ("b", "agent_replied", "2026-03-02T10:05:00Z"),  # not known yet
        ("c", "opened", "2026-03-02T11:00:00Z"),
    )
    found = as_json(simulate(told, policy, until), policy, until)
    tickets = found["tickets"]
    assert isinstance(tickets, list)
    assert [ticket["ticket_id"] for ticket in tickets] == ["a", "b"]
    states = {
        (timer["ticket_id"], timer["metric"]): timer["state"]
        for ticket in tickets
        for timer in ticket["timers"]
    }
    assert states["a", "first_response"] == "met"
    assert states["b", "first_response"] == "running"
    assert as_text(simulate(told, policy, until)).startswith("A\n=\n")


def test_order_of_the_lines_does_not_matter_even_within_one_instant() -> None:
    policy, until = desk("vircom"), instant("2026-03-03 10:00", "UTC")
    told = events(
        ("a", "opened", "2026-03-02T09:00:00Z"),
        ("a", "triaged", "2026-03-02T09:00:00Z"),
        ("a", "customer_unavailable", "2026-03-02T10:00:00Z"),
        ("a", "requester_replied", "2026-03-02T10:00:00Z"),
        ("a", "resolved", "2026-03-02T11:00:00Z"),
        ("a", "closed", "2026-03-02T11:00:00Z"),
    )
    texts = {as_text(simulate(lines, policy, until)) for lines in permutations(told)}
    assert len(texts) == 1
    assert "Resolution: met" in texts.pop()


def test_simulation_takes_cloud_events_and_ignores_repeated_lines() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    told = [
        {"specversion": "1.0", "type": one["type"], "ce_sequence": str(number), "data": one}
        for number, one in enumerate(
            events(
                ("a", "opened", "2026-03-02T09:00:00Z"), ("a", "resolved", "2026-03-02T09:05:00Z")
            ),
            start=1,
        )
    ]
    ((about, explanation),) = simulate([*told, *told], policy, until)
    assert about["number"] == "A"
    assert {one.state.value for one in explanation.timers} == {"met"}


def test_simulation_loses_no_fact_where_numbers_contradict_each_other() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    told = events(
        ("b", "opened", "2026-03-02T09:30:00Z"),
        ("a", "resolved", "2026-03-02T09:05:00Z"),
        ("a", "opened", "2026-03-02T09:00:00Z"),
    )
    found = simulate([{"sequence": 5, "data": one} for one in told], policy, until)
    assert [about["number"] for about, _ in found] == ["A", "B"], "in order of opening"
    assert {one.state.value for one in found[0][1].timers} == {"met"}


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
