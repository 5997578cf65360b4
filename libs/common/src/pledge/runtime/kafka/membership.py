"""Proves, again and again, that the group coordinator still knows this member.

A member of a Kafka group can fall out of it unaware: its heartbeats may have ended (aiokafka ends
them for good at a response that it does not expect, such as "the coordinator is loading", which
follows the death of a broker), or get no response. Fetching asks for no membership, so it may go on
while the group is empty, or while another member has taken the partitions over.

An offset commit carries the member's id and generation and is refused when either is out of date,
so a commit that succeeds is proof. It is made at an interval below the session timeout, also when
no offset has changed. Where none succeeds, or there is nothing to commit, the coordinator is asked
whether it lists the member. The committed offsets themselves serve lag monitoring only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, NoReturn

import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings, SettingsError
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.kafka.group_members import group_members
from pledge.runtime.kafka.subscription import Subscription
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.records import Partition

# Offsets that have changed are committed this often, or eight times in a session timeout.
COMMIT_INTERVAL = timedelta(seconds=2)
REQUEST_TIMEOUT = timedelta(seconds=5)
# Shares of the session timeout since the last proof: when the next commit is due whatever has
# changed, and when the coordinator is asked. It gives a silent member up after the whole of it.
COMMIT_DUE, QUESTION_DUE = 1 / 6, 1 / 2
# Ended heartbeats are looked at as often before they count: aiokafka may be about to rejoin.
LOOKS_WITHOUT_HEARTBEAT = 2

log = structlog.get_logger()

# forgotten: the coordinator said so, and aiokafka rejoined. unlisted: no commit has succeeded for
# half a session timeout, and the coordinator does not list this member. heartbeat_ended: the client
# sends none.
Reason = Literal["forgotten", "unlisted", "heartbeat_ended"]


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
        kafka: KafkaSettings,
        *,
        service: str,
        metrics: RuntimeMetrics,
    ) -> None:
        self._assignment = assignment
        self._subscription = subscription
        self._kafka = kafka
        self._service = service
        self._metrics = metrics
        self._clock = SystemClock()
        self._session = kafka.session_timeout.total_seconds()
        self._timeout = min(REQUEST_TIMEOUT.total_seconds(), self._session / 8)
        self._reset()

    def _reset(self) -> None:
        self._member_id = ""
        self._committed: Mapping[Partition, int] = {}
        self._confirmed_at = self._clock.monotonic()
        self._looks_without_heartbeat = 0

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
        is_due = asked_at - self._confirmed_at > self._session * COMMIT_DUE
        if not offsets or not (is_due or offsets != self._committed):
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._subscription.commit(offsets)
        except (KafkaError, TimeoutError, ValueError) as error:
            # ValueError: a partition was revoked meanwhile.
            log.info("offset_commit_failed", error=repr(error))
            return
        self._committed = offsets
        self._confirm(asked_at)

    def _confirm(self, at: float) -> None:
        self._confirmed_at = max(at, self._confirmed_at)

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
        if self._clock.monotonic() - self._confirmed_at > self._session * QUESTION_DUE:
            if not await self._is_listed():
                self._lose("unlisted")
            self._confirm(self._clock.monotonic())

    async def _is_listed(self) -> bool:
        """Whether the coordinator lists this member. It does while nobody can say otherwise."""
        try:
            async with asyncio.timeout(self._timeout):
                members = await group_members(self._kafka, self._service)
        except (KafkaError, SettingsError, TimeoutError) as error:
            # No coordinator answers anybody: the group stays as it is until one does. Or its
            # certificates are being replaced: what is connected stays so.
            log.info("group_not_described", error=repr(error))
            return True
        if members is None:
            # Either nobody is in the group, or commits are the only proof there is.
            return not self._assignment.partitions()
        # Asked afterwards: aiokafka may have rejoined meanwhile, or be about to.
        return not self._assignment.is_joined or self._subscription.member_id in members

    def _lose(self, reason: Reason) -> NoReturn:
        log.error(
            "group_membership_lost",
            reason=reason,
            member_id=self._subscription.member_id,
            unconfirmed_for=round(self._clock.monotonic() - self._confirmed_at, 1),
        )
        raise MembershipLost(reason)
