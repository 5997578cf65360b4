"""How often one sender may ask."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pledge.runtime.http.problems import HttpProblem
from pledge.runtime.http.rate_limit import RateLimit
from pledge.runtime.testing import VirtualClock
from support.tokens import START


def taken(limit: RateLimit, sender: str, times: int) -> int:
    """How many of so many wishes at once are granted."""
    granted = 0
    for _ in range(times):
        try:
            limit.take(sender)
        except HttpProblem:
            continue
        granted += 1
    return granted


async def test_a_sender_may_do_a_minute_s_worth_at_once_and_then_go_on_evenly() -> None:
    clock = VirtualClock(START)
    limit = RateLimit(clock, 30)
    assert taken(limit, "ann", 40) == 30
    with pytest.raises(HttpProblem) as refused:
        limit.take("ann")
    assert refused.value.status == 429
    assert refused.value.headers == {"retry-after": "2"}
    assert taken(limit, "bob", 1) == 1, "others are not held up"
    clock.advance_to(START + timedelta(seconds=2))
    assert taken(limit, "ann", 5) == 1
    clock.advance_to(START + timedelta(seconds=12))
    assert taken(limit, "ann", 10) == 5
    clock.advance_to(START + timedelta(hours=1))
    assert taken(limit, "ann", 40) == 30, "what was not used in an hour is not kept"


async def test_senders_that_are_not_heard_of_for_longest_are_forgotten() -> None:
    limit = RateLimit(VirtualClock(START), 1, most_senders=100)
    for number in range(1_000):
        limit.take(f"sender {number}")
    assert len(limit) == 100
    assert taken(limit, "sender 999", 1) == 0
