"""Sends deliveries: right after the commit that decided them, or when they are due.

Deliveries wait in lanes: one for each receiver of a desk, with pages apart from the rest. A lane
sends few at a time, so that neither a flood nor a slow receiver in one delays another.
A delivery is claimed by moving its next attempt ahead by a lease. When the worker dies, another
one sends it under the same id, so that the receiver can drop the repetition.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from notify.channels import LANE_SENDERS, Channel
from notify.delivery.events import delivery_events
from notify.delivery.worker_lock import WorkerLock
from notify.domain.delivery import Delivered, Delivery, Failed, Outcome, Reason, Retry
from notify.metrics import NotifyMetrics
from notify.storage import deliveries
from notify.storage.published_events import EventDraft, number_events
from notify.storage.rows import Draft
from pledge.runtime.backoff import RetryPolicy, next_attempt
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.retry import retry_while_away
from pledge.runtime.scheduling.due_loop import DueLoop

# Longer than any channel's timeout, with room for a queue and a slow database.
LEASE = timedelta(seconds=60)
# A delivery whose lease is nearly over is left to the next claim.
LEAST_LEASE = timedelta(seconds=35)
# Claimed ahead of sending, per lane: enough to keep the lane busy, few enough to send in the lease.
LANE_CAPACITY = 32
# The database is read this far ahead, and every half of it: what a dead replica had scheduled is
# found within that time.
WINDOW = timedelta(seconds=30)

# Another replica is claiming the same lane: look again a little later.
LOCKED_ELSEWHERE_WAIT = timedelta(milliseconds=500)
RECORDED_AT_ONCE = 500
DRAIN_LIMIT = timedelta(seconds=17)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker has claimed until its lease ends."""

    delivery: Delivery
    leased_until: datetime


@dataclass(slots=True)
class Lane:
    """The deliveries that wait for one receiver, and how many are being sent."""

    waiting: deque[ClaimedDelivery] = field(default_factory=deque)
    senders: int = 0
    has_backlog: bool = False  # the database may hold more that is due


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of an attempt."""

    claimed: ClaimedDelivery
    outcome: Outcome
    at: datetime


def first_result_per_delivery(results: Sequence[Result]) -> list[Result]:
    """The results up to the first that repeats a delivery.

    While the database was away a delivery may have been claimed and sent again. Of two results in
    one statement only one would count, and both would be published.
    """
    seen: set[UUID] = set()
    for index, result in enumerate(results):
        if result.claimed.delivery.id in seen:
            return list(results[:index])
        seen.add(result.claimed.delivery.id)
    return list(results)


class Dispatcher:
    """Claims, sends and records deliveries."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        *,
        worker_lock: WorkerLock,
        retry: RetryPolicy,
        clock: Clock,
        ids: Ids,
        metrics: NotifyMetrics,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._channels = channels
        self._worker_lock = worker_lock
        self._retry = retry
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._lanes: dict[str, Lane] = {}
        self._scheduled: dict[str, datetime] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._has_results = asyncio.Event()
        self._is_stopping = False
        self._due: DueLoop[str] = DueLoop(clock, load=self._load, fire=self._fire, window=WINDOW)

    # -- new deliveries ----------------------------------------------------------------------

    def claim_new(self, drafts: Sequence[Draft], now: datetime) -> list[deliveries.Claim]:
        """How each new delivery enters: claimed if its lane has room, else waiting."""
        room: dict[str, int] = {}
        claims: list[deliveries.Claim] = []
        for draft in drafts:
            if draft.not_before is not None and draft.not_before > now:
                claims.append(deliveries.Claim(draft.not_before, 0, None))
                continue
            left = room.setdefault(draft.lane, self._room(draft.lane))
            if left > 0 and not self._is_stopping:
                room[draft.lane] = left - 1
                claims.append(deliveries.Claim(now + LEASE, 1, self._worker_lock.worker))
            else:
                claims.append(deliveries.Claim(now, 0, None))
        return claims

    def accept_committed(
        self, drafts: Sequence[Draft], claims: Sequence[deliveries.Claim], now: datetime
    ) -> None:
        """The deliveries are committed: send the claimed ones now, schedule the others."""
        for draft, claim in zip(drafts, claims, strict=True):
            if claim.attempts == 0 and claim.next_attempt_at > now:
                self._schedule(draft.lane, claim.next_attempt_at)
                continue
            if claim.attempts == 0:
                self._lane(draft.lane).has_backlog = True
                self._schedule(draft.lane, now)
                continue
            delivery = Delivery(
                id=draft.id,
                desk=draft.desk,
                lane=draft.lane,
                channel=draft.channel,
                target=draft.target,
                content=draft.content,
                attempts=1,
                created_at=now,
            )
            self._enqueue(ClaimedDelivery(delivery, claim.next_attempt_at))

    def wake(self, lane: str) -> None:
        """Something of the lane is due now, e.g. because a person retries it."""
        self._schedule(lane, self._clock.now())

    def reload(self) -> None:
        """Read again from the database what is due."""
        self._due.reload()

    @property
    def claimed_count(self) -> int:
        """How many deliveries this worker has claimed and not recorded."""
        waiting = sum(len(lane.waiting) for lane in self._lanes.values())
        return waiting + len(self._senders) + len(self._results)

    # -- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled; then finish the attempts under way, and record them."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._due.run())
                group.create_task(self._record_results())
        finally:
            self._is_stopping = True
            await self._drain()

    async def _drain(self) -> None:
        if self._senders:
            await asyncio.wait(self._senders, timeout=DRAIN_LIMIT.total_seconds())
        for sender in self._senders:
            sender.cancel()
        try:
            while self._results:
                await self._record()
        except Exception:
            # What could not be recorded is sent again under the same id when its lease ends.
            log.exception("outcomes_not_recorded")

    # -- claiming ----------------------------------------------------------------------------

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, str]]:
        found = await deliveries.lanes_due(self._pool, horizon, limit)
        for at, lane in found:
            # The loop keeps what it has scheduled; an earlier time from the database must win.
            self._schedule(lane, at)
        return found

    async def _fire(self, due: Sequence[tuple[datetime, str]]) -> None:
        """Claim what the lanes have room for, and schedule the next look at each lane."""
        lanes = [lane for _, lane in due]
        for lane in lanes:
            self._scheduled.pop(lane, None)
        now = self._clock.now()
        if any(each.claimed.leased_until <= now for each in self._results):
            # Sent, but the database was away for longer than the lease: what is claimed before
            # their outcome is recorded would be sent again.
            for lane in lanes:
                self._schedule(lane, now + LOCKED_ELSEWHERE_WAIT)
            return
        room = {lane: left for lane in lanes if (left := self._room(lane)) > 0}
        for lane in set(lanes) - set(room):
            self._lane(lane).has_backlog = True
        if not room:
            return
        claimed = await deliveries.claim_deliveries(
            self._pool, room, now=now, lease_until=now + LEASE, worker=self._worker_lock.worker
        )
        for delivery in claimed:
            self._enqueue(ClaimedDelivery(delivery, now + LEASE))
        for lane, at in (await deliveries.next_due(self._pool, list(room))).items():
            if at > now:
                self._schedule(lane, at)
            elif self._lane(lane).senders:
                self._lane(lane).has_backlog = True  # they look again when they are done
            else:
                self._schedule(lane, now + LOCKED_ELSEWHERE_WAIT)

    def _room(self, lane: str) -> int:
        known = self._lanes.get(lane)
        return LANE_CAPACITY - len(known.waiting) - known.senders if known else LANE_CAPACITY

    def _lane(self, name: str) -> Lane:
        return self._lanes.setdefault(name, Lane())

    def _schedule(self, lane: str, at: datetime) -> None:
        """Look at the lane at this instant, unless an earlier look is scheduled."""
        now = self._clock.now()
        earlier = self._scheduled.get(lane)
        if earlier is not None and earlier < now:
            # Passed: its delivery was cancelled, or the look is about to happen.
            at = min(at, now)
        elif earlier is not None and at >= earlier:
            return
        self._scheduled[lane] = at
        self._due.schedule(at, lane)

    # -- sending -----------------------------------------------------------------------------

    def _enqueue(self, claimed: ClaimedDelivery) -> None:
        lane = self._lane(claimed.delivery.lane)
        lane.waiting.append(claimed)
        if lane.senders < LANE_SENDERS and not self._is_stopping:
            lane.senders += 1
            sender = asyncio.ensure_future(self._send_all(claimed.delivery.lane, lane))
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        self._metrics.claimed(self.claimed_count)

    async def _send_all(self, name: str, lane: Lane) -> None:
        try:
            while lane.waiting and not self._is_stopping:
                claimed = lane.waiting.popleft()
                if claimed.leased_until - self._clock.now() < LEAST_LEASE:
                    lane.has_backlog = True
                    continue
                outcome = await self._attempt(claimed.delivery)
                self._results.append(Result(claimed, outcome, self._clock.now()))
                self._has_results.set()
        finally:
            lane.senders -= 1
        if lane.has_backlog:
            lane.has_backlog = False
            self._schedule(name, self._clock.now())
        elif not lane.senders and not lane.waiting:
            self._lanes.pop(name, None)

    async def _attempt(self, delivery: Delivery) -> Outcome:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            return Failed(Reason.RECEIVER_UNKNOWN, f"no channel {delivery.channel} is configured")
        try:
            return await channel.send(delivery)
        except Exception:
            # A bug in a channel must not stop the lane; the delivery is kept and retried.
            log.exception("channel_raised", channel=delivery.channel, delivery=str(delivery.id))
            return Retry(Reason.UNEXPECTED, "the channel raised an error; see notify's log")

    # -- recording ---------------------------------------------------------------------------

    async def _record_results(self) -> None:
        while True:
            await self._has_results.wait()
            self._has_results.clear()
            while self._results:
                await retry_while_away(
                    self._record,
                    on_retry=lambda error: log.warning(
                        "outcomes_wait_for_database", error=repr(error)
                    ),
                )

    async def _record(self) -> None:
        """Record a batch of outcomes and publish their events, in one transaction."""
        batch = first_result_per_delivery(self._results[:RECORDED_AT_ONCE])
        rows = [self._row(result) for result in batch]
        async with self._outbox.transaction() as transaction:
            drafts = await deliveries.record_attempts(transaction.connection, rows)
            events: list[EventDraft] = []
            for result, row in zip(batch, rows, strict=True):
                if draft := drafts.get(row.id):
                    is_last = row.state != "pending"
                    events += delivery_events(
                        draft, result.outcome, row.attempts, result.at, is_last=is_last
                    )
            transaction.publish(*await number_events(transaction.connection, events))
        del self._results[: len(batch)]
        for result, row in zip(batch, rows, strict=True):
            self._after_record(result, row, drafts.get(row.id))
        self._metrics.claimed(self.claimed_count)

    def _after_record(self, result: Result, row: deliveries.Attempted, draft: Draft | None) -> None:
        if draft is None:
            if row.next_attempt_at is not None:
                # Recorded before, or claimed by another worker by now: the database knows when.
                self._schedule(result.claimed.delivery.lane, row.next_attempt_at)
            return
        self._metrics.attempted(draft.desk, draft.channel, draft.kind, result.outcome)
        if isinstance(result.outcome, Delivered):
            decided_at = result.claimed.delivery.created_at
            self._metrics.delivered(draft.channel, draft.kind, decided_at, result.at)
            return
        log.warning(
            "delivery_failed",
            delivery=str(draft.id), desk=draft.desk, channel=draft.channel, target=draft.target,
            reason=result.outcome.reason.value, detail=result.outcome.detail,
            attempt=row.attempts, next_attempt_at=row.next_attempt_at,
        )  # fmt: skip
        if row.next_attempt_at is not None:
            self._schedule(draft.lane, row.next_attempt_at)

    def _row(self, result: Result) -> deliveries.Attempted:
        delivery, outcome = result.claimed.delivery, result.outcome
        if isinstance(outcome, Delivered):
            return deliveries.Attempted(
                delivery.id,
                delivery.attempts,
                result.claimed.leased_until,
                "delivered",
                None,
                None,
                outcome.detail,
                result.at,
            )
        again: datetime | None = None
        if isinstance(outcome, Retry):
            again = next_attempt(
                self._retry,
                attempts=delivery.attempts,
                created_at=delivery.created_at,
                now=result.at,
                jitter=self._ids.jitter(),
                not_before=outcome.not_before,
            )
        return deliveries.Attempted(
            delivery.id,
            delivery.attempts,
            result.claimed.leased_until,
            "pending" if again else "failed",
            again,
            outcome.reason.value,
            outcome.detail,
            None if again else result.at,
        )
