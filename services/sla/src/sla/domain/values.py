"""The values of the domain: facts in, timers out.

Everything here is immutable, knows no clock and does no I/O. Instants are aware UTC datetimes;
durations are `timedelta`s of the kind of time that the timer's calendar counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from sla.domain.calendar.calendar import Calendar

Scalar = str | bool | int | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Fact:
    """One ticket event as the SLA sees it.

    `type` is the verb alone (`opened` for `pledge.ticket.opened.v1`), `sequence` the owner's count
    (unique within the ticket), `data` the event's own fields as plain JSON values.
    """

    type: str
    occurred_at: datetime
    recorded_at: datetime
    sequence: int
    data: Mapping[str, object] = field(default_factory=dict)
    counts_us: int = field(init=False, repr=False, compare=False)
    """When it counts, in microseconds since 1970: not later than it was recorded."""
    is_ahead: bool = field(init=False, repr=False, compare=False)
    """Whether its clock is: it claims to have occurred after it was recorded."""

    def __post_init__(self) -> None:
        # Kept, because a fact is assessed again with every fact that follows it.
        is_ahead = self.occurred_at > self.recorded_at
        counts_at = self.recorded_at if is_ahead else self.occurred_at
        object.__setattr__(self, "is_ahead", is_ahead)
        object.__setattr__(self, "counts_us", (counts_at - _EPOCH) // _MICROSECOND)

    def text(self, name: str) -> str | None:
        """The field as text, or None when it is missing, null or something else."""
        value = self.data.get(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        """The field `name` or `is_<name>` as a boolean, or None when it says nothing."""
        value = self.data.get(name, self.data.get(f"is_{name}"))
        return value if isinstance(value, bool) else None

    def part(self, name: str) -> Mapping[str, object]:
        """The field as an object, empty when it is missing or something else."""
        value = self.data.get(name)
        return value if isinstance(value, dict) else {}


class State(StrEnum):
    """What a timer is at some instant. `met`, `breached` and `cancelled` end its cycle."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Rule(NamedTuple):
    """Where in the desk's file a target stands."""

    metric: str
    number: int  # counted from 1 within the metric's list
    line: int | None  # of the file, None for a policy that came from no file
    name: str = ""  # of the list, when a metric has several


Span = tuple[int, int | None, Calendar, str, str]
"""A stretch of a timer with one calendar and one reason to wait or to count.

From and to in microseconds since 1970 (to None: it lasts), the calendar in force, the type of fact
that paused it (empty while time counts), and the person or role who did, where the fact says so.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time and whether it counted: `why` is `counted` (also `counted: half day: …`,
    `counted: working day for …`), or the reason it did not
    (`closed`, a holiday's name, `paused: waiting_on_customer by Ana`, …)."""

    from_at: datetime
    to_at: datetime
    is_counted: bool
    why: str


class Agreement(NamedTuple):
    """A due time that an agent agreed with the customer: who, why, when, and instead of what."""

    by: str
    why: str
    at: datetime
    reckoned_due_at: datetime | None
    reckoned_target: str


class Timer(NamedTuple):
    """One target applied to a ticket, for one cycle of one metric.

    `due_at` is None while it is paused, and for what is measured without a promise. `expect_at` is
    the softer instant. `at_risk_at` are the instants of its thresholds, in order. `met_at` may be
    later than `due_at`: then it is breached, and this is when it was finally done.
    """

    metric: str
    cycle: int
    started_at: datetime
    due_at: datetime | None
    expect_at: datetime | None
    met_at: datetime | None
    cancelled_at: datetime | None
    paused_since: datetime | None
    at_risk_at: tuple[datetime, ...]
    at_risk_percents: tuple[int, ...]  # of the budget used at each of `at_risk_at`
    target: str  # in words: "30 minutes", "by close of next business day"
    expect: str  # in words, empty without one
    rule: Rule | None
    calendar: str
    budget: timedelta | None  # what may be used up, None when only measured
    carried: timedelta  # used in the cycle before, which this one resumes
    spans: tuple[Span, ...]
    started_by: str  # a fact's type
    reason: str  # what ended it, else what paused it, else what started it: a fact's type
    title: str = ""
    agreed: Agreement | None = None  # where the due time was agreed with the customer

    def state_at(self, now: datetime) -> State:
        """Its state at `now`. What meets it exactly at the due instant is in time."""
        due, met, cancelled = self.due_at, self.met_at, self.cancelled_at
        done = met if met is not None else cancelled
        if due is not None and due <= now and (done is None or done > due):
            return State.BREACHED
        if done is not None and done <= now:
            return State.MET if met is not None else State.CANCELLED
        if self.paused_since is not None and self.paused_since <= now:
            return State.PAUSED
        return State.RUNNING


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that closes a quiet ticket, and how far its conditions have come.

    `elapses_at` is None until both are bound to hold; `warn_at` is when the customer is
    warned before.
    """

    rule: str
    attempts: int
    attempts_needed: int
    heard_at: datetime
    quiet_until: datetime | None
    warn_at: datetime | None
    elapses_at: datetime | None


class Note(NamedTuple):
    """Something odd about a fact, and what was done with it."""

    sequence: int
    fact: str
    rule: str


class Assessment(NamedTuple):
    """All that a ticket's facts mean under one policy version."""

    timers: tuple[Timer, ...] = ()
    silences: tuple[Silence, ...] = ()
    notes: tuple[Note, ...] = ()
    attributes: Mapping[str, Scalar] = MappingProxyType({})
    is_closed: bool = False
    policy_version: str = ""
    newest: str = ""  # type of the fact with the highest sequence: the cause of what changed
    foreseen: tuple[Timer, ...] = ()
    """Intervals that begin, one after the other, if those before them are missed: see `begun`."""
    rests: tuple[tuple[str, int], ...] = ()
    """Metric and cycle of intervals that no other follows when missed: so many were in a row."""


class ChangeKind(StrEnum):
    """What is published about a timer or a silence."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESCHEDULED = "rescheduled"
    AT_RISK = "at_risk"
    MET = "met"
    CANCELLED = "cancelled"
    BREACHED = "breached"
    BREACH_RETRACTED = "breach_retracted"
    SILENCE_WARNED = "silence_warned"
    SILENCE_ELAPSED = "silence_elapsed"


class PublishedTimer(NamedTuple):
    """What was published of one cycle: the row that the service keeps per timer."""

    metric: str
    cycle: int
    state: State
    due_at: datetime | None
    expect_at: datetime | None
    at_risk_sent: int = 0  # the highest percentage already published
    met_at: datetime | None = None  # for reports: also when that was after its breach


@dataclass(frozen=True, slots=True)
class PublishedSilence:
    """What was published of one silence rule, for the quiet period that ends at `elapses_at`."""

    rule: str
    elapses_at: datetime
    is_warned: bool
    is_elapsed: bool


class Change(NamedTuple):
    """One thing to publish. `timer` is as it stands now; it is None for a silence, and for a cycle
    that a late fact made disappear. `occurred_at` is when it became true: for a breach the due
    instant."""

    kind: ChangeKind
    metric: str  # or the silence rule's name
    cycle: int
    occurred_at: datetime
    reason: str
    timer: Timer | None = None
    silence: Silence | None = None
    due_at: datetime | None = None  # for a retraction: the due instant that was published
    percent: int = 0  # of the budget used, for `at_risk`


class PublishedState(NamedTuple):
    """Everything published so far about one ticket."""

    timers: Sequence[PublishedTimer] = ()
    silences: Sequence[PublishedSilence] = ()


class Difference(NamedTuple):
    """Changes in the order to publish them, the state to keep afterwards, and when to assess
    again (None: only when a fact comes)."""

    changes: tuple[Change, ...]
    published: PublishedState
    wake_at: datetime | None
