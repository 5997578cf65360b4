"""A rate limit per sender, in bounded memory."""

from __future__ import annotations

import math
from collections import OrderedDict

from pledge.runtime.clock import Clock
from pledge.runtime.http.problems import HttpProblem

MINUTE = 60.0
# A sender takes some 200 bytes; the least recent one is dropped for a new one.
MOST_SENDERS = 10_000


class RateLimit:
    """A bucket for each sender: it holds a minute's worth, and fills again evenly.

    Each process counts for itself: with three replicas a sender may ask three times as often.
    """

    def __init__(self, clock: Clock, per_minute: int, *, most_senders: int = MOST_SENDERS) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._most_senders = most_senders
        # By sender, when its bucket will be full again.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, sender: str) -> None:
        """Let the sender ask once more. Raises HttpProblem 429, which says when it may."""
        now, each = self._clock.monotonic(), MINUTE / self._per_minute
        full_at = max(self._full_at.get(sender, now), now) + each
        wait = full_at - now - MINUTE
        if wait > each / 1_000_000:  # more than floating point loses
            seconds = max(1, math.ceil(wait))
            detail = f"at most {self._per_minute} a minute are taken from one sender; slow down"
            raise HttpProblem(429, detail, headers={"retry-after": str(seconds)})
        self._full_at[sender] = full_at
        self._full_at.move_to_end(sender)
        if len(self._full_at) > self._most_senders:
            self._full_at.popitem(last=False)

    def __len__(self) -> int:
        """How many senders are remembered."""
        return len(self._full_at)
