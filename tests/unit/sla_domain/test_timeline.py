"""The picture of a timer's life."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from sla.domain.explain import explain
from sla.domain.timeline import timeline_svg
from support.sla_cases import Story, desk, instant

SVG = "{http://www.w3.org/2000/svg}"


def test_stretches_stand_in_order_without_gaps_and_say_what_they_are() -> None:
    story = Story(desk("vircom"), "UTC").opened("2026-03-06 20:00", severity="p3")
    story.then("contact_attempted", "2026-03-09 13:00", channel="phone", reached=True)
    now = instant("2026-03-09 14:00", "UTC")
    found = explain(story.assess(), story.policy, now).timers[0]
    root = ElementTree.fromstring(timeline_svg(found, now))
    bars = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    titles = [bar.findtext(f"{SVG}title") or "" for bar in bars]
    assert [title.partition("UTC: ")[2] for title in titles] == ["counted", "closed", "counted"]
    for before, after in pairwise(bars):
        ends_at = float(before.get("x", "")) + float(before.get("width", ""))
        assert abs(ends_at - float(after.get("x", ""))) < 0.2
    assert [text.text for text in root.iter(f"{SVG}text")] == ["due", "done", "now"]
    assert len({bar.get("fill") for bar in bars}) == 2, "by pattern, not by colour alone"


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
