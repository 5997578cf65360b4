"""The picture of a timer's life."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree

from sla.domain.explain import explain
from sla.pages.timeline_svg import LETTER, timeline_svg
from support.sla_cases import Story, desk, instant

SVG = "{http://www.w3.org/2000/svg}"


def test_stretches_stand_in_order_without_gaps_and_say_what_they_are() -> None:
    story = Story(desk("vircom"), "UTC").opened("2026-03-06 20:00", severity="p3")
    story.then("contact_attempted", "2026-03-09 13:00", channel="phone", reached=True)
    now = instant("2026-03-09 14:00", "UTC")
    found = explain(story.assess(), story.policy, now).timers[0]
    root = ElementTree.fromstring(timeline_svg(found, now))
    bars = _bars(root)
    assert [_why(bar) for bar in bars] == ["counted", "closed", "counted"]
    for before, after in pairwise(bars):
        ends_at = _percent(before, "x") + _percent(before, "width")
        assert abs(ends_at - _percent(after, "x")) < 0.2
    assert _labels(root) == ["start 15:00", "done Mon 09:00", "due Mon 09:30"]
    assert len({bar.get("fill") for bar in bars}) == 2, "by pattern, not by colour alone"


def test_time_past_the_due_instant_is_drawn_as_such() -> None:
    eastern = "America/New_York"
    story = Story(desk("vircom"), eastern).opened("2026-06-30 15:00", severity="p2")
    story.then("customer_unavailable", "2026-06-30 15:10")
    story.then("requester_replied", "2026-06-30 15:20")
    now = instant("2026-07-01 17:00", eastern)
    found = explain(story.assess(), story.policy, now).timers[1]
    root = ElementTree.fromstring(timeline_svg(found, now))
    kinds = [(bar.get("class") or "").removeprefix("bar ") for bar in _bars(root)]
    assert kinds == ["counted", "paused", "counted", "over"]
    assert _why(_bars(root)[1]) == "paused: customer unavailable by Ana"
    assert "due Wed 15:10" in _labels(root)


def test_words_of_the_marks_do_not_overlap_on_a_narrow_page() -> None:
    story = Story(desk("vircom"), "UTC").opened("2026-03-02 14:00", severity="p3")
    story.then("contact_attempted", "2026-03-02 15:10", channel="phone", reached=True)
    for hour in range(0, 120, 2):
        now = instant("2026-03-02 14:00", "UTC") + timedelta(hours=hour)
        for found in explain(story.assess(), story.policy, now).timers:
            root = ElementTree.fromstring(timeline_svg(found, now))
            taken: set[tuple[str, int]] = set()
            for text in root.iter(f"{SVG}text"):
                x, width = _percent(text, "x"), LETTER * len(text.text or "")
                begin = x - width if text.get("text-anchor") == "end" else x
                assert begin >= 0
                assert begin + width <= 100
                covered = {
                    (text.get("y", ""), round(begin + part)) for part in range(1, int(width))
                }
                assert not covered & taken
                taken |= covered


def _bars(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]


def _why(bar: ElementTree.Element) -> str:
    words = (bar.findtext(f"{SVG}title") or "").split(": ", 1)
    return words[1]


def _labels(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def _percent(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, "").removesuffix("%"))


def test_names_from_outside_cannot_break_out_of_the_picture() -> None:
    story = Story(desk("vircom"), "UTC").opened("2026-03-02 14:00", severity="p1")
    who = {"kind": "agent", "id": "x", "name": "\x0b<script>alert('&\"')</script>"}
    story.then("customer_unavailable", "2026-03-02 15:00", by=who)
    now = instant("2026-03-02 16:00", "UTC")
    for found in explain(story.assess(), story.policy, now).timers:
        text = timeline_svg(found, now, element_id='a"b<')
        assert "<script" not in text
        ElementTree.fromstring(text)


def test_timer_that_ends_where_it_starts_is_drawn_too() -> None:
    story = Story(desk("infocyte"), "UTC").opened("2026-03-02 14:00", is_complete=False)
    story.then("agent_replied", "2026-03-02 14:30", is_initial_response=True)
    story.then("information_completed", "2026-03-02 15:00")
    now = instant("2026-03-02 15:00", "UTC")
    for found in explain(story.assess(), story.policy, now).timers:
        ElementTree.fromstring(timeline_svg(found, now))
