"""A ticket's life at Vircom as a state machine: anything may happen next, also late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sla.domain.changes import diff
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import Assessment, Change, ChangeKind, Fact, PublishedState, State
from support.sla_cases import desk

BEGIN = datetime(2026, 3, 5, 13, 0, tzinfo=UTC)
SEVERITIES = st.sampled_from(["p1", "p2", "p3", None])
OVER = (State.MET, State.BREACHED, State.CANCELLED)


class TicketLife(RuleBasedStateMachine):
    """Facts come, some late; time passes; what is due fires at its instant."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = desk("vircom")
        self.now = BEGIN
        self.assessor = Assessor()  # goes on from fact to fact, as the service does
        self.facts: list[Fact] = []
        self.published = PublishedState()
        self.changes: list[Change] = []
        self.wake_at: datetime | None = None
        self.assessment = Assessment()

    @initialize(severity=SEVERITIES, is_urgent=st.booleans(), is_trial=st.booleans())
    def opens(self, severity: str | None, is_urgent: bool, is_trial: bool) -> None:
        self.take("opened", severity=severity, is_urgent=is_urgent, is_trial=is_trial)

    @rule(kind=st.sampled_from(["requester_replied", "agent_replied", "waiting_on_provider"]))
    def somebody_writes(self, kind: str) -> None:
        self.take(kind)

    @rule(reached=st.booleans(), late=st.integers(0, 600))
    def technician_calls_and_logs_it_later(self, reached: bool, late: int) -> None:
        self.take("contact_attempted", late=late, reached=reached, channel="phone")

    @rule(kind=st.sampled_from(["customer_unavailable", "waiting_on_customer"]))
    def customer_keeps_it_waiting(self, kind: str) -> None:
        self.take(kind, by={"name": "Ana"})

    @rule(severity=SEVERITIES, late=st.integers(0, 120))
    def severity_is_decided(self, severity: str | None, late: int) -> None:
        self.take("triaged", late=late, severity=severity)

    @rule(scope=st.sampled_from(["covered", "best_effort"]))
    def scope_is_decided(self, scope: str) -> None:
        self.take("scope_decided", scope=scope)

    @rule(kind=st.sampled_from(["resolved", "workaround_provided"]), late=st.integers(0, 60))
    def work_is_done(self, kind: str, late: int) -> None:
        self.take(kind, late=late, is_suitable=True)

    @precondition(lambda self: not self.assessment.is_closed)
    @rule()
    def closes(self) -> None:
        self.take("closed", reason="resolved")

    @rule()
    def reopens(self) -> None:
        self.take("reopened")

    @rule(minutes=st.integers(1, 6 * 24 * 60))
    def time_passes(self, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        while self.wake_at is not None and self.wake_at <= until:
            self.now = max(self.now, self.wake_at)
            before = len(self.changes)
            self.look()
            assert len(self.changes) > before, "woken for nothing"
        self.now = until

    def take(self, kind: str, late: int = 0, **data: object) -> None:
        occurred_at = self.now - timedelta(minutes=late)
        self.facts.append(Fact(kind, occurred_at, self.now, len(self.facts) + 1, data))
        self.look()

    def look(self) -> None:
        self.assessment = self.assessor.assess(tuple(self.facts), self.policy)
        assert self.assessment == assess(self.facts, self.policy)
        difference = diff(self.published, self.assessment, self.now)
        self.changes += difference.changes
        self.published, self.wake_at = difference.published, difference.wake_at

    @invariant()
    def what_was_published_is_what_is(self) -> None:
        known = {(one.metric, one.cycle): one for one in self.published.timers}
        for timer in self.assessment.timers:
            state = known.pop((timer.metric, timer.cycle))
            assert state.state is timer.state_at(self.now)
            if state.state in (State.RUNNING, State.PAUSED):
                assert state.due_at == timer.due_at
        assert all(one.state in OVER for one in known.values())

    @invariant()
    def nothing_due_is_left_unpublished(self) -> None:
        assert self.wake_at is None or self.wake_at > self.now

    @invariant()
    def a_running_promise_is_due_later_and_a_paused_one_at_no_instant(self) -> None:
        for timer in self.assessment.timers:
            state = timer.state_at(self.now)
            if state is State.RUNNING:
                assert timer.due_at is not None
                assert timer.due_at > self.now
            elif state is State.PAUSED:
                assert timer.due_at is None
                assert timer.paused_since is not None

    @invariant()
    def each_cycle_starts_once_and_stands_breached_at_most_once(self) -> None:
        started: set[tuple[str, int]] = set()
        breached: set[tuple[str, int]] = set()
        for change in self.changes:
            key = (change.metric, change.cycle)
            if change.kind is ChangeKind.STARTED:
                assert key not in started
                started.add(key)
            elif change.kind is ChangeKind.BREACHED:
                assert key not in breached
                breached.add(key)
            elif change.kind is ChangeKind.BREACH_RETRACTED:
                breached.remove(key)
        standing = {
            (one.metric, one.cycle) for one in self.published.timers if one.state is State.BREACHED
        }
        assert breached == standing

    @invariant()
    def p1_never_closes_by_itself(self) -> None:
        if self.assessment.attributes.get("severity") == "p1":
            assert self.assessment.silences == ()


TestTicketLife = TicketLife.TestCase
TestTicketLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
