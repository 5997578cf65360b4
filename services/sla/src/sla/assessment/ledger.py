"""What one transaction adds to the context: facts in, changes of promises out.

The ledger does no I/O. It is given the tickets as committed, applies facts and instants one by
one, and ends with the rows to write and the messages to publish. Facts are assessed one at a
time, so that what is published does not depend on how records were cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pledge.events import Envelope, Event, caused_by, encode
from pledge.runtime.records import Message
from sla.assessment.policy_registry import Policies
from sla.assessment.publishing import EventContext, breach_id, event_of, left_for
from sla.domain.calendar_revision import revise
from sla.domain.changes import diff
from sla.domain.objectives import concerned
from sla.domain.policy.policy import Policy
from sla.domain.policy_versions import (
    OPEN,
    Key,
    Takeover,
    VersionedAssessment,
    assess_versions,
    take_over,
)
from sla.domain.values import (
    Assessment,
    Change,
    ChangeKind,
    Difference,
    Fact,
    PublishedTimer,
    State,
)
from sla.storage.rows import BreachRow, FactRow, RetractionRow, Rows, TimerRow
from sla.storage.ticket_cache import Cause, Ticket

SOURCE = "/sla"
_BREACH_KINDS = frozenset((ChangeKind.BREACHED, ChangeKind.BREACH_RETRACTED))

TimerKey = tuple[UUID, str, int]
_NO_OWNERS: dict[Key, Policy] = {}


class Ledger:
    """One transaction on the tickets of one partition.

    `known` are the tickets as committed; they are not changed. `now` is the
    instant of the transaction.
    """

    def __init__(
        self,
        known: Mapping[UUID, Ticket],
        policies: Policies,
        *,
        now: datetime,
        late_after: timedelta,
    ) -> None:
        self._known = known
        self._policies = policies
        self.now = now
        self.late_after = late_after
        self._drafts: dict[UUID, Ticket] = {}
        self._taken_over: set[UUID] = set()
        self._with_facts: set[UUID] = set()
        self._waiting: dict[UUID, str] = {}
        self._facts: list[FactRow] = []
        self._timers: dict[TimerKey, TimerRow] = {}
        self._new_timers: set[TimerKey] = set()
        self._breaches: dict[UUID, BreachRow] = {}
        self._retractions: dict[UUID, RetractionRow] = {}
        self.messages: list[Message] = []
        self.published: list[tuple[Change, Ticket]] = []

    def ticket(self, ticket_id: UUID) -> Ticket | None:
        """The ticket as it stands in this transaction; None when nothing is known of it."""
        return self._drafts.get(ticket_id) or self._known.get(ticket_id)

    def add_fact(self, ticket: Ticket, fact: Fact, data: str, envelope: Envelope) -> None:
        """Take a fact that the ticket does not have; publish what it changes.

        It follows the last one, or is a dead letter replayed, which takes its place among them.
        """
        draft = self._draft(ticket)
        reason = self._policies.why_waiting(draft)
        if reason is None:
            self._revise(draft, min(draft.newest_at, self.now))
        facts = (*draft.facts, fact)
        if fact.sequence < draft.sequence:
            facts = tuple(sorted(facts, key=lambda each: each.sequence))
        draft.facts = facts
        draft.sequence = max(draft.sequence, fact.sequence)
        draft.cause = Cause(envelope.id, envelope.correlation_id, envelope.traceparent)
        self._facts.append(
            FactRow(
                draft.ticket_id, fact.sequence, fact.type, fact.occurred_at, fact.recorded_at, data
            )
        )
        self._with_facts.add(draft.ticket_id)
        draft.newest_at = max(draft.newest_at, fact.recorded_at)
        if reason is not None:
            self._wait(draft, reason)
            return
        # What the facts say is known up to the newest of them, and no further.
        until = min(draft.newest_at, self.now)
        is_due = draft.wake_at is not None and draft.wake_at <= until
        policy = self._policies.of(draft)
        if policy is not None and (is_due or self._may_change_timers(draft, policy, fact.type)):
            self._reassess(draft, policy, until, is_provisional=False)

    def fire(self, ticket: Ticket, until: datetime, *, is_provisional: bool) -> None:
        """Publish what became true by time alone up to `until`: when the bus was last asked.

        Whatever is due between then and now waits: a fact that prevents it may lie there unread.
        """
        draft = self._draft(ticket)
        reason = self._policies.why_waiting(draft)
        if reason is not None:
            self._wait(draft, reason)
        elif self._revise(draft, until, is_provisional=is_provisional) is None:
            policy = self._policies.of(draft)
            if policy is not None:
                self._reassess(draft, policy, until, is_provisional=is_provisional)

    def take_over(self, ticket: Ticket, policy: Policy, until: datetime) -> tuple[Change, ...]:
        """Put the ticket under `policy`; publish, and return, what that changes.

        Its facts are known up to `until`. What was due by then is published first, as it
        was promised. Raises NotReckonable.
        """
        draft = self._draft(ticket)
        revised = self._revise(draft, until) or ()
        if draft.policy_version == policy.version:
            return revised
        taken = take_over(
            draft.facts,
            draft.published,
            policy,
            version=draft.policy_version,
            current=self._policies.of(draft),
            past=self._policies.past(draft),
            at=self.now,
            until=until,
            is_due=draft.wake_at is not None and draft.wake_at <= until,
        )
        current = self._policies.of(draft)
        if taken.due is not None and current is not None:
            self._publish_difference(draft, current, *taken.due, is_provisional=False)
        self._put_under(draft, policy, taken, is_provisional=False)
        return (*revised, *taken.difference.changes)

    def revise(self, ticket: Ticket, until: datetime) -> tuple[Change, ...]:
        """Put the ticket under the newest revision of its version, if that is another; publish, and
        return, what that changes."""
        return self._revise(self._draft(ticket), until) or ()

    def _revise(
        self, draft: Ticket, until: datetime, *, is_provisional: bool = False
    ) -> tuple[Change, ...] | None:
        """The same; None where its version is the newest. Whatever is done to a ticket, this comes
        first: nothing is published by calendar data that is known to be wrong."""
        found = self._policies.revision_of(draft)
        if found is None:
            return None
        policy, since = found
        taken = revise(
            draft.facts,
            draft.published,
            policy,
            version=draft.policy_version,
            current=self._policies.of(draft),
            past=self._policies.past(draft),
            since=since,
            at=self.now,
            until=until,
        )
        self._put_under(draft, policy, taken, is_provisional=is_provisional)
        return taken.difference.changes

    def _put_under(
        self, draft: Ticket, policy: Policy, taken: Takeover, *, is_provisional: bool
    ) -> None:
        draft.policy_version = policy.version
        if taken.earlier is not None:
            draft.earlier = (*draft.earlier, taken.earlier)
        self._taken_over.add(draft.ticket_id)
        self._publish_difference(
            draft, policy, taken.versioned, taken.difference, is_provisional=is_provisional
        )
        # How much time is left may be other even where nothing is to be published.
        open_timers = [one for one in draft.published.timers if one.state in OPEN]
        self._add_timer_rows(draft, open_timers, taken.versioned.assessment)

    def _wait(self, draft: Ticket, reason: str) -> None:
        """Nobody can tell what is promised on the ticket: it is set aside, with all its facts."""
        draft.wake_at = None
        self._waiting[draft.ticket_id] = reason

    def rows(self) -> Rows:
        """Everything to write."""
        rows = Rows(
            facts=self._facts,
            breaches=list(self._breaches.values()),
            retractions=list(self._retractions.values()),
            waiting=self._waiting,
            waiting_since=self.now,
        )
        for ticket_id, draft in self._drafts.items():
            is_taken = ticket_id in self._taken_over
            if ticket_id not in self._known:
                rows.new_tickets.append(draft)
            elif ticket_id in self._with_facts or not is_taken:
                rows.changed_tickets.append(draft)
            if is_taken:
                rows.taken_over.append(draft)
        rows.objectives = [
            each for each in self._drafts.values() if each.objectives != self._objectives_of(each)
        ]
        for key, row in self._timers.items():
            is_new = key in self._new_timers
            (rows.new_timers if is_new else rows.changed_timers).append(row)
        return rows

    def _objectives_of(self, draft: Ticket) -> tuple[str, ...]:
        known = self._known.get(draft.ticket_id)
        return () if known is None else known.objectives

    def tickets(self) -> list[Ticket]:
        """The tickets as they stand once the transaction is committed."""
        return list(self._drafts.values())

    def _draft(self, ticket: Ticket) -> Ticket:
        draft = self._drafts.get(ticket.ticket_id)
        if draft is None:
            draft = self._drafts[ticket.ticket_id] = ticket.draft()
        return draft

    def _may_change_timers(self, draft: Ticket, policy: Policy, kind: str) -> bool:
        """After a fact without effect, a note for example, nothing has moved.

        What is settled under an earlier version is judged by that one, which may know more facts.
        """
        return kind in policy.effects or any(
            own is not None and kind in own.effects for _, own in self._policies.past(draft)
        )

    def _reassess(
        self, draft: Ticket, policy: Policy, until: datetime, *, is_provisional: bool
    ) -> None:
        """Assess the ticket and publish what is new up to `until`."""
        if draft.earlier:
            versioned = assess_versions(draft.facts, policy, self._policies.past(draft))
        else:
            versioned = VersionedAssessment(draft.assessor.assess(draft.facts, policy), _NO_OWNERS)
        difference = diff(draft.published, versioned.assessment, until)
        self._publish_difference(
            draft, policy, versioned, difference, is_provisional=is_provisional
        )

    def _publish_difference(
        self,
        draft: Ticket,
        policy: Policy,
        versioned: VersionedAssessment,
        difference: Difference,
        *,
        is_provisional: bool,
    ) -> None:
        """Publish the difference and add the rows that change."""
        assessment, owners = versioned
        draft.severity = _text(assessment, "severity")
        draft.priority = _text(assessment, "priority")
        draft.customer = _text(assessment, "customer")
        draft.is_closed = assessment.is_closed
        if policy.objectives or draft.objectives:
            draft.objectives = concerned(policy.objectives, assessment.attributes)
        before = {(each.metric, each.cycle): each for each in draft.published.timers}
        for change in difference.changes:
            key = (change.metric, change.cycle)
            # What is settled under an earlier version is published under that one.
            own = owners.get(key, policy)
            self._publish_change(draft, change, before.get(key), own, is_provisional=is_provisional)
        changed: list[PublishedTimer] = []
        for one in difference.published.timers:
            known = before.get((one.metric, one.cycle))
            if known != one:
                changed.append(one)
                if known is None:
                    self._new_timers.add((draft.ticket_id, one.metric, one.cycle))
        self._add_timer_rows(draft, changed, assessment)
        draft.published = difference.published
        draft.wake_at = difference.wake_at

    def _publish_change(
        self,
        draft: Ticket,
        change: Change,
        before: PublishedTimer | None,
        policy: Policy,
        *,
        is_provisional: bool,
    ) -> None:
        context = EventContext(draft, policy, before, self.now, self._is_late, is_provisional)
        self._add_message(draft, event_of(change, context), is_breach=change.kind in _BREACH_KINDS)
        self.published.append((change, draft))
        if change.kind is ChangeKind.BREACHED:
            self._add_breach(draft, change, policy, is_provisional=is_provisional)
        elif change.kind is ChangeKind.BREACH_RETRACTED:
            self._add_retraction(draft, change)

    def _add_message(self, draft: Ticket, event: Event, *, is_breach: bool) -> None:
        if is_breach:
            draft.breach_sequence += 1
            sequence = draft.breach_sequence
        else:
            draft.timer_sequence += 1
            sequence = draft.timer_sequence
        # Both counts go up by one with each event and never back, so no two events of a ticket
        # share a position, whichever cause they name.
        position = 2 * sequence + is_breach
        envelope = caused_by(event, draft.cause, position, source=SOURCE, sequence=sequence)
        encoded = encode(event, envelope)
        self.messages.append(Message(encoded.topic, encoded.key, encoded.value, encoded.headers))

    def _is_late(self, due_at: datetime) -> bool:
        return self.now - due_at > self.late_after

    def _add_timer_rows(
        self,
        draft: Ticket,
        changed: Sequence[PublishedTimer],
        assessment: Assessment,
    ) -> None:
        """Rows of the timers that are to be written."""
        if not changed:
            return
        timers = {
            (each.metric, each.cycle): each for each in (*assessment.timers, *assessment.foreseen)
        }
        for timer_state in changed:
            own_key = (timer_state.metric, timer_state.cycle)
            timer, key = timers.get(own_key), (draft.ticket_id, *own_key)
            self._timers[key] = TimerRow(
                draft.ticket_id,
                timer_state.metric,
                timer_state.cycle,
                draft.desk,
                timer_state.state.value,
                timer.started_at if timer else self.now,
                timer_state.due_at,
                timer_state.expect_at,
                timer.met_at if timer else None,
                timer_state.at_risk_sent,
                timer.target if timer else "",
                timer.reason if timer else "",
                left_for(timer) if timer_state.state is State.PAUSED else None,
            )

    def _add_breach(
        self, draft: Ticket, change: Change, policy: Policy, *, is_provisional: bool
    ) -> None:
        due_at = change.occurred_at
        own_id = breach_id(draft.ticket_id, change.metric, change.cycle, due_at)
        # Taken back earlier in this transaction, it stands again; retractions are written last.
        self._retractions.pop(own_id, None)
        self._breaches[own_id] = BreachRow(
            own_id,
            draft.ticket_id,
            draft.desk,
            change.metric,
            change.cycle,
            draft.severity,
            draft.priority,
            change.timer.target if change.timer else "",
            policy.version,
            due_at,
            self.now,
            self._is_late(due_at),
            is_provisional,
        )

    def _add_retraction(self, draft: Ticket, change: Change) -> None:
        due_at = change.due_at or change.occurred_at
        own_id = breach_id(draft.ticket_id, change.metric, change.cycle, due_at)
        met_at = change.timer.met_at if change.timer else None
        self._retractions[own_id] = RetractionRow(own_id, self.now, change.reason, met_at)


def _text(assessment: Assessment, name: str) -> str | None:
    value = assessment.attributes.get(name)
    return value if isinstance(value, str) else None
