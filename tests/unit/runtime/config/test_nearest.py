"""A proposal is made only for what is really near."""

from __future__ import annotations

import pytest

from pledge.runtime.config.error_messages import nearest


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("agent_repiled", ["agent_replied", "requester_replied"], "agent_replied"),
        ("hihg", ["high", "low"], "high"),
        ("lwo", ["high", "low"], "low"),
        ("severities", ["severity", "silences"], "severity"),
        ("fry", ["mon", "fri"], "fri"),
        ("Office", ["office"], "office"),
        ("weekdays", ["wed", "mon", "sat"], None),
        ("ticket.opened", ["incident_opened", "opened"], None),
        ("impact", ["product", "plan"], None),
        ("a", ["b", "c"], None),
        ("p4", ["p1", "p2"], None),
        ("", ["a"], None),
        ("anything", [], None),
    ],
)
def test_only_a_slip_of_the_fingers_is_near(word: str, known: list[str], near: str | None) -> None:
    assert nearest(word, known) == near
