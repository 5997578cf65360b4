"""The state of one metric (or of one value of a metric with a timer for each) in a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sla.domain.facts import instant_us
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Metric
from sla.domain.replay.cycle import Cycle
from sla.domain.values import Fact, Scalar

Answers = tuple[tuple[bool, ...], Mapping[str, int]]
"""What the metric's targets ask about a start, and the instants that the starting fact gives."""


NO_ANSWERS: Answers = ((), {})


def answers_of(
    policy: Policy, number: int, at: int, data: Mapping[str, object], customer: Scalar
) -> Answers:
    """The answers for a start of a metric at an instant, by a fact with this data, on a ticket of
    the customer."""
    if not policy.questions[number]:
        return NO_ANSWERS
    answers: list[bool] = []
    fields: dict[str, int] = {}
    for kind, name in policy.questions[number]:
        if kind == "open":
            calendar = policy.calendars[name]
            if calendar.template is not None and policy.customers is not None:
                calendar = policy.customers.bound(calendar, customer)
            answers.append(calendar.is_open_us(at))
            continue
        us = instant_us(data.get(name))
        answers.append(us is not None)
        if us is not None:
            fields[name] = us
    return tuple(answers), fields


class Waiting(NamedTuple):
    """A start that no cycle follows yet: nothing is promised for it, or another metric comes first.

    `answers` are those of the start; None while it waits for the other metric.
    """

    data: Mapping[str, object]
    answers: Answers | None
    carried: Cycle | None = None


class Progress:
    """Its current cycle, how many there were, its open pauses, and a start that waits."""

    __slots__ = (
        "cycle",
        "cycle_count",
        "is_resting",
        "last",
        "met_early_at",
        "met_once",
        "metric",
        "misses",
        "number",
        "overdue",
        "paused",
        "waiting",
    )

    def __init__(self, number: int, metric: Metric) -> None:
        self.number, self.metric = number, metric
        self.cycle: Cycle | None = None
        self.last: Cycle | None = None
        self.cycle_count = 0
        self.met_once = False
        self.met_early_at: int | None = None
        self.paused: dict[int, tuple[str, str]] = {}  # by bit: the fact and who
        self.overdue: list[Cycle] = []  # missed, not met yet, and followed by another start
        self.waiting: Waiting | None = None
        self.misses = 0  # intervals missed in a row, where it repeats when met
        self.is_resting = False  # so many were missed that the next one waits to be met

    def drop_start(self) -> None:
        """Nothing waits to begin any more, nor goes on when the ticket is reopened."""
        if self.waiting is not None:
            self.last = None
        self.waiting, self.is_resting = None, False


class SavedProgress(NamedTuple):
    """What a look ahead changes of a metric's state."""

    cycle: Cycle | None
    last: Cycle | None
    cycle_count: int
    misses: int
    is_resting: bool
    waiting: Waiting | None


def saved(progress: Progress) -> SavedProgress:
    """The state of a metric before a look ahead."""
    return SavedProgress(
        progress.cycle,
        progress.last,
        progress.cycle_count,
        progress.misses,
        progress.is_resting,
        progress.waiting,
    )


def restore(progress: Progress, before: SavedProgress) -> None:
    """Put back the state of a metric after a look ahead."""
    progress.cycle, progress.last = before.cycle, before.last
    progress.cycle_count, progress.misses = before.cycle_count, before.misses
    progress.is_resting, progress.waiting = before.is_resting, before.waiting


def who_of(fact: Fact) -> str:
    """Who acted, by name, where the fact says so."""
    by = fact.part("by") or fact.part("agent")  # its former name
    name = by.get("name") or by.get("id") or by.get("email")
    return name if isinstance(name, str) else ""
