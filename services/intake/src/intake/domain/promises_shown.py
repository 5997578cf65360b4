"""Which promises a desk shows to its customers, and how each stands in their terms."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from intake.domain.command_registry import FINISHED, State

MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class ShownPromise:
    """A promise that customers are told of, with its name for them."""

    metric: str
    title: str


@dataclass(frozen=True, slots=True)
class PromiseRules:
    """The promises that customers are told of; ``acknowledge_with`` is the template of the
    confirmation that says them, sent when the first of them is known, after ``wait`` at the latest.
    """

    shown: tuple[ShownPromise, ...] = ()
    acknowledge_with: str | None = None
    wait: timedelta = timedelta(seconds=10)

    def is_shown(self, metric: str) -> bool:
        """Whether customers are told of the metric."""
        return any(each.metric == metric for each in self.shown)


class Known(Protocol):
    """What the SLA engine last said of a promise."""

    @property
    def metric(self) -> str:
        """Which promise."""

    @property
    def cycle(self) -> int:
        """How often it has begun."""

    @property
    def state(self) -> str:
        """running, paused, waiting, met, cancelled or breached."""

    @property
    def due_at(self) -> datetime | None:
        """The instant promised."""

    @property
    def expect_at(self) -> datetime | None:
        """The softer promise."""

    @property
    def met_at(self) -> datetime | None:
        """When it was done."""


class Standing(StrEnum):
    """How a promise stands, for a customer."""

    DUE = "due"
    EXPECTED = "expected"
    STANDS_STILL = "stands_still"
    WAITS_FOR_YOU = "waits_for_you"
    WAITS_FOR_INFORMATION = "waits_for_information"
    KEPT = "kept"
    KEPT_LATE = "kept_late"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Told:
    """A promise as its customer reads it. ``at`` is the instant that belongs to its standing: by
    when, or when it was kept; ``due_at`` the instant promised, of one that was kept late."""

    title: str
    standing: Standing
    at: datetime | None = None
    due_at: datetime | None = None
    missing: tuple[str, ...] = ()


def told(
    rules: PromiseRules,
    known: Iterable[Known],
    state: State,
    missing: tuple[str, ...],
) -> tuple[Told, ...]:
    """The promises of a ticket as its customer reads them, in the order of the desk's file. One
    that was never made, or no longer applies, is left out; one that waits for information that the
    request lacks says which."""
    newest: dict[str, Known] = {}
    for each in known:
        if each.metric not in newest or newest[each.metric].cycle < each.cycle:
            newest[each.metric] = each
    found = []
    for shown in rules.shown:
        promise = newest.get(shown.metric)
        if promise is not None:
            entry = _told(shown.title, promise)
        elif missing and state not in FINISHED:
            waits = Standing.WAITS_FOR_INFORMATION
            entry = Told(shown.title, waits, missing=missing)
        else:
            entry = None
        if entry is not None:
            found.append(entry)
    return tuple(found)


def _told(title: str, promise: Known) -> Told | None:
    if promise.state == "breached":
        if promise.met_at is not None:
            return Told(title, Standing.KEPT_LATE, promise.met_at, promise.due_at)
        return Told(title, Standing.MISSED, promise.due_at)
    if promise.state == "met":
        return Told(title, Standing.KEPT, promise.met_at)
    if promise.state == "waiting":
        return Told(title, Standing.WAITS_FOR_YOU)
    if promise.state == "paused":
        return Told(title, Standing.STANDS_STILL)
    if promise.state == "running" and promise.due_at is not None:
        return Told(title, Standing.DUE, promise.due_at)
    if promise.state == "running" and promise.expect_at is not None:
        return Told(title, Standing.EXPECTED, promise.expect_at)
    return None


def variables_of(rules: PromiseRules, known: Iterable[Known]) -> dict[str, str]:
    """The promises for the template of the confirmation: `promise_1_title`, `promise_1_due_at` or
    `promise_1_expect_at`, and so on. notify prints what ends in `_at` in the reader's zone."""
    told_of = told(rules, known, State.OPEN, ())
    variables: dict[str, str] = {}
    for each in told_of:
        if each.at is None or each.standing not in (Standing.DUE, Standing.EXPECTED):
            continue
        number = len([name for name in variables if name.endswith("_title")]) + 1
        kind = "due_at" if each.standing is Standing.DUE else "expect_at"
        variables[f"promise_{number}_title"] = each.title
        variables[f"promise_{number}_{kind}"] = each.at.isoformat()
    return variables
