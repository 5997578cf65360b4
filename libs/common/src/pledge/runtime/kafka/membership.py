"""Proves, again and again, that the group coordinator still knows this member.

A member of a Kafka group can fall out of it unaware: its heartbeats may have ended (aiokafka ends
them for good at a response that it does not expect, such as "the coordinator is loading", which
follows the death of a broker), or get no response. Fetching asks for no membership, so it may go on
while the group is empty, or while another member has taken the partitions over.

An offset commit carries the member's id and generation and is refused when either is out of date,
so a commit that succeeds is proof. It is made at an interval below the session timeout, also when
no offset has changed. The committed offsets themselves serve lag monitoring only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, NoReturn

import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.kafka.subscription import Subscription
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.records import Partition

# Offsets that have changed are committed this often, or eight times in a session timeout.
COMMIT_INTERVAL = timedelta(seconds=2)
COMMIT_TIMEOUT = timedelta(seconds=5)
# Shares of the session timeout since the last proof. The coordinator forgets a silent member after
# the whole of it: by then the client has rejoined, and a broker's fail-over takes less.
PROOF_DUE, DOUBTFUL, LOST = 1 / 6, 1 / 2, 2 / 3
# Ended heartbeats are looked at as often before they count: aiokafka may be about to rejoin.
LOOKS_WITHOUT_HEARTBEAT = 2

log = structlog.get_logger()

# forgotten: the coordinator said so, and aiokafka rejoined. unconfirmed: no commit has succeeded
# for most of a session timeout, although brokers answer. heartbeat_ended: the client sends none.
Reason = Literal["forgotten", "unconfirmed", "heartbeat_ended"]


class MembershipLost(Exception):
    """The group does not know this member any more, or will not for long: rejoin."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Membership:
    """Commits offsets, for lag monitoring and as proof of membership."""

    def __init__(
        self,
        assignment: Assignment,
        subscription: Subscription,
        *,
        session_timeout: timedelta,
        metrics: RuntimeMetrics,
    ) -> None:
        self._assignment = assignment
        self._subscription = subscription
        self._metrics = metrics
        self._clock = SystemClock()
        self._session = session_timeout.total_seconds()
        self._reset()

    def _reset(self) -> None:
        self._member_id = ""
        self._committed: Mapping[Partition, int] = {}
        self._confirmed_at = self._clock.monotonic()
        self._looks_without_heartbeat = 0
        self.is_doubtful = False
        """Whether the coordinator, though brokers answer, has not confirmed this member lately."""

    def joined(self) -> None:
        """The group has assigned partitions. A new member id means that the former was unknown."""
        before, self._member_id = self._member_id, self._subscription.member_id
        self._confirm(self._clock.monotonic())
        if before not in ("", self._member_id):
            self._metrics.membership_lost("forgotten")
            log.warning("group_membership_lost", reason="forgotten", member_id=before)

    async def watch(self) -> NoReturn:
        """Commit and look until cancelled. Raises MembershipLost when the client must rejoin."""
        self._reset()
        interval = min(COMMIT_INTERVAL, timedelta(seconds=self._session / 8))
        while True:
            await self._clock.sleep(interval)
            await self._commit()
            await self._check()

    async def _commit(self) -> None:
        """Commit offsets that have changed, or all of them when it is time for a proof."""
        offsets, asked_at = self._assignment.offsets(), self._clock.monotonic()
        is_proof_due = asked_at - self._confirmed_at > self._session * PROOF_DUE
        if not offsets or not (is_proof_due or offsets != self._committed):
            return
        timeout = min(COMMIT_TIMEOUT.total_seconds(), self._session / 8)
        try:
            async with asyncio.timeout(timeout):
                await self._subscription.commit(offsets)
        except (KafkaError, TimeoutError, ValueError) as error:
            # ValueError: a partition was revoked meanwhile.
            log.info("offset_commit_failed", error=repr(error))
            return
        self._committed = offsets
        self._confirm(asked_at)

    def _confirm(self, at: float) -> None:
        self._confirmed_at = max(at, self._confirmed_at)
        self.is_doubtful = False

    async def _check(self) -> None:
        """Raises MembershipLost."""
        if not self._assignment.is_joined:
            self._looks_without_heartbeat = 0
            self._confirm(self._clock.monotonic())
            return
        if self._subscription.is_heartbeating:
            self._looks_without_heartbeat = 0
        else:
            self._looks_without_heartbeat += 1
            if self._looks_without_heartbeat >= LOOKS_WITHOUT_HEARTBEAT:
                self._lose("heartbeat_ended")
        await self._check_confirmation()

    async def _check_confirmation(self) -> None:
        if not self._assignment.partitions():
            # Without partitions there is nothing to commit: heartbeats are all the proof there is.
            self._confirm(self._clock.monotonic())
        if self._clock.monotonic() - self._confirmed_at <= self._session * DOUBTFUL:
            return
        if not await self._do_brokers_answer():
            # Kafka is away. What the group thinks of us can be asked when it is back.
            self._confirm(self._clock.monotonic())
            return
        self.is_doubtful = True
        if self._clock.monotonic() - self._confirmed_at > self._session * LOST:
            self._lose("unconfirmed")

    async def _do_brokers_answer(self) -> bool:
        try:
            async with asyncio.timeout(self._session / 8):
                return bool(await self._assignment.ends(self._assignment.partitions()))
        except (KafkaError, TimeoutError):
            return False

    def _lose(self, reason: Reason) -> NoReturn:
        log.error(
            "group_membership_lost",
            reason=reason,
            member_id=self._subscription.member_id,
            unconfirmed_for=round(self._clock.monotonic() - self._confirmed_at, 1),
        )
        raise MembershipLost(reason)
