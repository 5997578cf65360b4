"""Promises that repeat, against a walk from minute to minute: each interval missed is a breach of
its own, and a promise begins and goes on when the ticket becomes such that it is promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.desk_file import read as policy_file
from sla.domain.changes import diff
from sla.domain.replay.assess import Assessor, assess
from sla.domain.replay.missed_intervals import begun
from sla.domain.values import Fact, PublishedState, State, Timer

BEGIN = datetime(2026, 3, 5, 13, 0, tzinfo=UTC)
END = 150
STOPS_AFTER = 3
POLICY = policy_file.parse(
    f"""
desk: acme
metrics:
  base: {{starts: opened, meets: contact_attempted, targets: [{{within: 1h}}]}}
  updates:
    starts: callback_requested
    meets: agent_replied
    cancels: resolved
    pauses: [{{on: waiting_on_customer, until: requester_replied}}]
    repeats: on_meet
    stops_after: {STOPS_AFTER}
    targets: [{{when: {{plan: gold}}, within: 10m}}, {{when: {{plan: silver}}, within: 20m}}]
  answers:
    starts: callback_requested
    meets: agent_replied
    cancels: resolved
    pauses: [{{on: waiting_on_customer, until: requester_replied}}]
    after: base
    repeats: on_start
    targets: [{{when: {{plan: [gold, silver]}}, within: 15m}}]
""",
    Path("acme/sla.yaml"),
)
BUDGETS = {"updates": {"gold": 10, "silver": 20}, "answers": {"gold": 15, "silver": 15}}
KINDS = (
    "callback_requested",
    "callback_requested",
    "agent_replied",
    "agent_replied",
    "contact_attempted",
    "resolved",
    "waiting_on_customer",
    "requester_replied",
    "closed",
    "reopened",
    "noted",
)

Told = tuple[int, State, int | None, int | None]
"""When an interval began, its state at the end, when it was met, and when it is or was due."""


@dataclass
class Interval:
    """One interval: the minutes that counted, and what was used of it before a reopening."""

    start: int
    carried: int = 0
    counted: list[int] = field(default_factory=list)
    met: int | None = None
    over: State | None = None
    due: int | None = None
    by_closing: bool = False

    @property
    def used(self) -> int:
        return self.carried + len(self.counted)

    def due_at(self, budget: int) -> int:
        needed = budget - self.carried
        return self.start if needed <= 0 else self.counted[needed - 1] + 1


class Walk:
    """Walks through a ticket's life, a minute at a time, and keeps the intervals of one metric."""

    def __init__(self, metric: str, plan: str | None) -> None:
        self.budgets, self.is_series = BUDGETS[metric], metric == "updates"
        self.plan = plan
        self.is_ready = self.is_series  # nothing comes before it
        self.told: list[Interval] = []
        self.open: Interval | None = None
        self.last: Interval | None = None
        self.overdue: list[Interval] = []
        self.waits, self.carried = False, 0
        self.is_paused = self.is_closed = False
        self.misses, self.rests = 0, False

    @property
    def budget(self) -> int | None:
        return self.budgets.get(self.plan or "")

    def begin(self, at: int, carried: int = 0, *, missed: bool = False) -> None:
        """Begin an interval, or wait until it is promised."""
        self.rests = False
        if not self.is_ready or self.budget is None or self.is_closed:
            self.waits, self.carried = True, carried
            return
        if self.is_series and carried >= self.budget:
            carried = 0  # nothing is left to go on with: the next one begins
        self.waits = False
        self.misses = self.misses if missed else 0
        self.open = self.last = Interval(at, carried)
        self.told.append(self.open)

    def take(self, at: int, kind: str, plan: str | None) -> None:
        """What one fact does."""
        if kind == "plan_changed":
            self.plan = plan
        elif kind == "closed":
            self.is_closed = True
            self.overdue.clear()
            if self.open is not None:
                self.open.by_closing = True
                self.finish(State.CANCELLED)
        elif kind == "reopened":
            self.reopen(at)
        elif not self.is_closed:
            self.work(at, kind)
        if self.waits and self.is_ready and not self.is_closed and self.budget is not None:
            self.begin(at, self.carried)

    def reopen(self, at: int) -> None:
        self.is_closed = self.is_paused = False
        if self.open is None and not self.waits and self.last is not None and self.last.by_closing:
            self.begin(at, self.last.used)

    def work(self, at: int, kind: str) -> None:
        """What facts do to a ticket that is not closed."""
        self.is_ready = self.is_ready or kind == "contact_attempted"
        if kind in ("waiting_on_customer", "requester_replied"):
            self.is_paused = kind == "waiting_on_customer"
        elif kind == "resolved":
            self.drop()
            self.overdue.clear()
            if self.open is not None:
                self.finish(State.CANCELLED)
        elif kind == "callback_requested":
            self.start(at)
        elif kind == "agent_replied":
            goes_on = self.open is not None or self.waits or self.rests
            self.drop()
            self.answer(at)
            if self.is_series and goes_on:
                self.begin(at)

    def answer(self, at: int) -> None:
        for one in self.overdue:
            one.met = at
        self.overdue.clear()
        if self.open is not None:
            self.finish(State.MET, at)

    def start(self, at: int) -> None:
        if not self.is_series:
            self.look(at)
            if self.is_blank():
                self.finish(State.CANCELLED)
            elif self.open is not None and self.open.over is State.BREACHED:
                if self.budget is not None:
                    self.overdue.append(self.open)
                self.open = None
        if self.open is None:
            self.begin(at)

    def drop(self) -> None:
        if self.waits:
            self.last = None
        self.waits = self.rests = False

    def is_blank(self) -> bool:
        """Reopened without time to go on with: no promise, though it is open."""
        one = self.open
        return one is not None and self.budget is not None and one.carried >= self.budget

    def finish(self, state: State, at: int | None = None) -> None:
        one = self.open
        assert one is not None
        self.open = None
        if one.over is State.BREACHED:
            one.met = None if self.budget is None else at  # it was withdrawn before
        elif self.budget is None:
            one.over = State.CANCELLED  # when it was withdrawn
        else:
            one.over, one.met = state, at

    def look(self, at: int) -> None:
        """Miss what is due, after the facts of the minute."""
        one, budget = self.open, self.budget
        if one is None or budget is None or one.over is not None or one.used < budget:
            return
        if self.is_blank() and not self.is_series:
            return
        one.over, one.due = State.BREACHED, one.due_at(budget)
        if self.is_series:
            self.open = None
            self.misses += 1
            if self.misses < STOPS_AFTER:
                self.begin(at, missed=True)
            else:
                self.rests = True

    def count(self, at: int) -> None:
        one = self.open
        if one is not None and self.budget is not None and not self.is_paused:
            one.counted.append(at)

    def result(self) -> list[Told]:
        """As the assessment says it at the end."""
        found: list[Told] = []
        for one in self.told:
            if not self.is_series and one.carried >= BUDGETS["answers"]["gold"]:
                continue  # blank
            state = one.over
            if state is None:
                state = State.PAUSED if self.is_paused else State.RUNNING
                state = State.CANCELLED if self.budget is None else state
            found.append((one.start, state, one.met, one.due))
        return found


Life = list[tuple[int, str, str | None]]


@st.composite
def lives(draw: st.DrawFn) -> tuple[str | None, Life]:
    """The plan at the opening, and at most one fact a minute after it."""
    plans = st.sampled_from(["gold", "gold", "silver", None])
    minutes = draw(st.lists(st.integers(1, 110), unique=True, max_size=14))
    kinds = st.sampled_from([*KINDS, "plan_changed", "plan_changed"])
    return draw(plans), [(minute, draw(kinds), draw(plans)) for minute in sorted(minutes)]


def facts_of(plan: str | None, life: Life) -> list[Fact]:
    facts = [Fact("opened", BEGIN, BEGIN, 1, {"plan": plan})]
    for minute, kind, changed in life:
        at = BEGIN + timedelta(minutes=minute)
        data = {"plan": changed} if kind == "plan_changed" else {}
        facts.append(Fact(kind, at, at, len(facts) + 1, data))
    return facts


def told(timer: Timer) -> Told:
    def minute(at: datetime | None) -> int | None:
        return None if at is None else (at - BEGIN) // timedelta(minutes=1)

    state = timer.state_at(BEGIN + timedelta(minutes=END))
    due = minute(timer.due_at) if state is State.BREACHED else None
    start = minute(timer.started_at)
    assert start is not None
    met = None if timer.met_at is None else minute(timer.met_at)
    return start, state, met, due


@given(lives())
@settings(max_examples=300, deadline=None)
def test_repeating_promises_are_what_a_walk_through_the_minutes_finds(
    life: tuple[str | None, Life],
) -> None:
    plan, facts = life
    assessment = assess(facts_of(plan, facts), POLICY)
    known = {minute: (kind, changed) for minute, kind, changed in facts}
    for metric in BUDGETS:
        walk = Walk(metric, plan)
        for minute in range(END + 1):
            if minute in known:
                walk.take(minute, *known[minute])
            walk.look(minute)
            walk.count(minute)
        found = [
            told(timer)
            for timer in begun(assessment, BEGIN + timedelta(minutes=END))
            if timer.metric == metric
        ]
        assert found == walk.result(), metric


@given(lives())
@settings(max_examples=100, deadline=None)
def test_an_assessor_and_what_is_published_keep_up_with_missed_intervals(
    life: tuple[str | None, Life],
) -> None:
    """Timers fire between the facts; nothing begins before its instant, nothing is told twice."""
    facts = facts_of(*life)
    assessor, published, wake_at = Assessor(), PublishedState(), None
    for count, fact in enumerate(facts, 1):
        while count > 1 and wake_at is not None and wake_at < fact.occurred_at:
            difference = diff(
                published, assessor.assess(tuple(facts[: count - 1]), POLICY), wake_at
            )
            assert difference.changes, "woken for nothing"
            assert all(change.occurred_at <= wake_at for change in difference.changes)
            published, wake_at = difference.published, difference.wake_at
        known = tuple(facts[:count])
        assert assessor.assess(known, POLICY) == assess(known, POLICY)
        difference = diff(published, assessor.assess(known, POLICY), fact.occurred_at)
        published, wake_at = difference.published, difference.wake_at
        assert diff(published, assess(known, POLICY), fact.occurred_at).changes == ()
