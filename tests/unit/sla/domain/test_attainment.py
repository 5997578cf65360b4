"""Promises kept, then and under another policy."""

from __future__ import annotations

from sla.desk_file import read as policy_file
from sla.domain.attainment import Group, Tally, side_by_side, tally
from sla.domain.replay.assess import assess
from support.sla_cases import DESKS, Story, desk, instant

NOW = instant("2026-03-20 12:00", "UTC")


def a_month() -> list[Story]:
    quick = Story(desk("vircom")).opened("2026-03-02 14:00", severity="p2")
    quick.then("contact_attempted", "2026-03-02 14:40", channel="phone", reached=True)
    slow = Story(desk("vircom")).opened("2026-03-03 14:00", severity="p2")
    slow.then("contact_attempted", "2026-03-03 16:00", channel="phone", reached=True)
    closed = Story(desk("vircom")).opened("2026-03-04 14:00", severity="p2")
    closed.then("closed", "2026-03-04 14:05", reason="other")
    return [quick, slow, closed]


def test_kept_and_missed_are_counted_and_cancelled_is_neither() -> None:
    found = tally((story.assess() for story in a_month()), NOW)
    assert found[Group("first_response", "p2", "2026-03")] == Tally(kept=1, missed=1)
    assert found[Group("first_response", "p2", "2026-03")].attainment == 0.5


def test_expectations_are_counted_beside_promises() -> None:
    story = Story(desk("vircom")).opened("2026-03-02 14:00", severity="p3")
    story.then("resolved", "2026-03-05 10:00")
    (found,) = [
        one for group, one in tally([story.assess()], NOW).items() if group.metric == "resolution"
    ]
    assert found == Tally(kept=1, hoped=1), "within 72 hours, but not within the 48 expected"


def test_the_same_history_under_another_policy_side_by_side() -> None:
    path = DESKS / "vircom" / "sla.yaml"
    softer = policy_file.parse(path.read_text().replace("within: 1h,", "within: 3h,"), path)
    stories = a_month()
    before = tally((story.assess() for story in stories), NOW)
    after = tally((assess(story.facts, softer) for story in stories), NOW)
    compared = {one.group.metric: one for one in side_by_side(before, after)}
    found = compared["first_response"]
    assert found.before is not None
    assert found.after is not None
    assert (found.before.attainment, found.after.attainment) == (0.5, 1.0)
