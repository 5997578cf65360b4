"""Sends events of tickets to webhooks, signed, at least once, and in order for each ticket.

A delivery is claimed by moving its next attempt ahead by a lease. When the process dies, another
sends the event again under the same id, by which the receiver knows it. Each webhook has a loop and
connections of its own, so that a slow one holds up no other.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import asyncpg

from intake.domain.desk import Desk
from intake.domain.webhooks import Webhook, WebhookSecrets
from intake.metrics import IntakeMetrics
from intake.storage import webhooks
from intake.storage.webhooks import Address, Claimed, Ended
from pledge.runtime.backoff import RetryPolicy, next_attempt
from pledge.runtime.clock import Clock
from pledge.runtime.http.posting import Answered, Headers, NotNow, NotTaken, Poster, PostFault
from pledge.runtime.http.webhook_signing import signed_headers
from pledge.runtime.ids import Ids
from pledge.runtime.instants import utc_text
from pledge.runtime.observability import logs
from pledge.runtime.retry import retry_while_away

AT_ONCE: Final = 8
"""Requests to one webhook at a time, of different tickets."""
LEASE: Final = timedelta(seconds=60)
"""Longer than the longest timeout, with room for a slow database."""
LOOK_AGAIN: Final = timedelta(seconds=15)
"""What another process noted, or died with, is found within that time."""
LOCKED_WAIT: Final = timedelta(milliseconds=50)
DRAIN: Final = timedelta(seconds=5)
"""How long requests under way may take when the service stops; others are sent again."""
REMOVED_AT_ONCE: Final = 2_000
PAUSE: Final = timedelta(milliseconds=100)
REMOVE_AGAIN: Final = timedelta(hours=1)

log = logs.get(__name__)


def retry_policy(give_up_after: timedelta) -> RetryPolicy:
    """Attempts after seconds at first, then every hour at most, until it is given up."""
    return RetryPolicy(
        first_wait=timedelta(seconds=5),
        longest_wait=timedelta(hours=1),
        attempts=200,
        give_up_after=give_up_after,
    )


class WebhookSender:
    """Claims, sends and records deliveries of every webhook of these desks."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        desks: Mapping[str, Desk],
        secrets: Callable[[], WebhookSecrets],
        *,
        reachable: frozenset[str],
        timeout: timedelta,
        retry: RetryPolicy,
        keep_for: timedelta,
        clock: Clock,
        ids: Ids,
        metrics: IntakeMetrics,
    ) -> None:
        self._pool = pool
        self._desks = desks
        self._hooks = {
            Address(desk.id, each.name): each
            for desk in desks.values()
            for each in desk.webhooks.values()
        }
        self._secrets = secrets
        self._reachable = reachable
        self._retry = retry
        self._keep_for = keep_for
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._poster = Poster(clock, timeout=timeout, connections=AT_ONCE)
        self._woken = {address: asyncio.Event() for address in self._hooks}

    def wake(self, addresses: frozenset[Address]) -> None:
        """There is something to send."""
        for each in addresses & self._woken.keys():
            self._woken[each].set()

    async def register(self) -> None:
        """Know the webhooks of the desks' files: from their first time on they get events."""
        urls = [(address, hook.url) for address, hook in self._hooks.items()]

        async def write() -> None:
            async with self._pool.acquire() as connection, connection.transaction():
                await webhooks.register(connection, self._desks.keys(), urls, self._clock.now())

        await retry_while_away(write, on_retry=_log_waiting)

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._remove_old())
                for address, hook in self._hooks.items():
                    group.create_task(self._serve(address, hook))
        finally:
            await self._poster.close()

    async def _serve(self, address: Address, hook: Webhook) -> None:
        """Send what is due to one webhook, some at a time."""
        woken, running = self._woken[address], set[asyncio.Task[None]]()
        try:
            while True:
                woken.clear()
                room = AT_ONCE - len(running)
                claimed = await self._claim(address, room) if room else []
                for each in claimed:
                    task = asyncio.create_task(self._deliver(address, hook, each))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    task.add_done_callback(lambda _: woken.set())
                if len(claimed) < room or not room:
                    await self._sleep(address, woken, is_full=not room)
        finally:
            await _drain(running)

    async def _claim(self, address: Address, room: int) -> list[Claimed]:
        async def claim() -> list[Claimed]:
            now = self._clock.now()
            return await webhooks.claim(self._pool, address, now, now + LEASE, room)

        return await retry_while_away(claim, on_retry=_log_waiting)

    async def _sleep(self, address: Address, woken: asyncio.Event, *, is_full: bool) -> None:
        until = self._clock.now() + LOOK_AGAIN
        if not is_full:
            due = await retry_while_away(
                partial(webhooks.next_due, self._pool, address), on_retry=_log_waiting
            )
            if due is not None:
                # What is due and was not claimed is locked elsewhere for a moment.
                until = max(min(until, due), self._clock.now() + LOCKED_WAIT)
        waits = [
            asyncio.ensure_future(woken.wait()),
            asyncio.ensure_future(self._clock.sleep_until(until)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _deliver(self, address: Address, hook: Webhook, claimed: Claimed) -> None:
        try:
            ended = await self._attempt(address, hook, claimed)
            record = partial(self._record, address, claimed, ended)
            await retry_while_away(record, on_retry=_log_waiting)
        except Exception:
            # A bug must not stop the webhook; the event is sent again when its lease ends.
            log.exception("webhook_delivery_failed", desk=address.desk, webhook=address.name)

    async def _attempt(self, address: Address, hook: Webhook, claimed: Claimed) -> Ended:
        secrets = self._secrets().of(address.desk, hook)
        if claimed.body is None:
            return Ended("given_up", self._clock.now(), reason="erased")
        if not secrets:
            return self._again(claimed, "no_secret", "the operator has set none of its secrets")
        headers = _headers(claimed, self._clock.now(), claimed.body, secrets)
        place = f"{address.desk}/{address.name}"
        answer = await self._poster.post(
            place, self._reachable, hook.url, headers, claimed.body.encode()
        )
        if isinstance(answer, Answered):
            detail = f"HTTP {answer.status}"
            return Ended("delivered", self._clock.now(), detail=detail)
        if isinstance(answer, NotTaken) and answer.fault is PostFault.GONE:
            return Ended("given_up", self._clock.now(), reason="gone", detail=answer.detail)
        wait = answer.not_before if isinstance(answer, NotNow) else timedelta(0)
        return self._again(claimed, answer.fault.value, answer.detail, wait)

    def _again(
        self, claimed: Claimed, reason: str, detail: str, not_before: timedelta = timedelta(0)
    ) -> Ended:
        now = self._clock.now()
        at = next_attempt(
            self._retry,
            attempts=claimed.attempts,
            created_at=claimed.tried_from,
            now=now,
            jitter=self._ids.jitter(),
            not_before=not_before,
        )
        return Ended("pending" if at else "given_up", now, at, reason, detail[:500])

    async def _record(self, address: Address, claimed: Claimed, ended: Ended) -> None:
        given_up = int(ended.state == "given_up")
        async with self._pool.acquire() as connection, connection.transaction():
            counts = await webhooks.record(connection, claimed, ended)
            if counts and ended.reason == "gone":
                given_up += await webhooks.disable(connection, address, "gone", ended.at)
        if not counts:
            return
        self._metrics.posted(*address, ended.reason or "delivered")
        self._metrics.gave_up(*address, given_up)
        if ended.reason is not None:
            log.warning(
                "webhook_not_taken",
                desk=address.desk, webhook=address.name, event_id=claimed.event_id,
                reason=ended.reason, detail=ended.detail, attempt=claimed.attempts,
                next_attempt_at=ended.next_attempt_at, state=ended.state,
            )  # fmt: skip

    async def _remove_old(self) -> None:
        """Remove what became of events long ago, few at a time."""
        while True:
            before = self._clock.now() - self._keep_for
            removed = await retry_while_away(
                partial(webhooks.remove_old, self._pool, before, REMOVED_AT_ONCE),
                on_retry=_log_waiting,
            )
            await self._clock.sleep(PAUSE if removed == REMOVED_AT_ONCE else REMOVE_AGAIN)


def _headers(claimed: Claimed, now: datetime, body: str, secrets: list[str]) -> Headers:
    """The event's attributes as CloudEvents has them over HTTP, and the signature."""
    occurred_at = claimed.occurred_at or now
    return [
        ("content-type", "application/json"),
        ("user-agent", "pledge-intake"),
        ("ce-specversion", "1.0"),
        ("ce-id", claimed.event_id),
        ("ce-source", "/intake"),
        ("ce-type", claimed.type),
        ("ce-time", utc_text(occurred_at)),
        ("ce-subject", str(claimed.ticket_id)),
        ("ce-sequence", str(claimed.sequence)),
        *signed_headers(claimed.event_id, now, body, secrets),
    ]


async def _drain(running: set[asyncio.Task[None]]) -> None:
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=DRAIN.total_seconds())
    for each in late:
        each.cancel()


def _log_waiting(error: BaseException) -> None:
    log.warning("webhooks_wait_for_database", error=repr(error))
