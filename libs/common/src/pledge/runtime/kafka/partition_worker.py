"""Applies one batch of one partition in one transaction, retried until it is committed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import asyncpg
import structlog

from pledge.runtime.clock import Clock
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.kafka.batch_fallback import apply_or_reject
from pledge.runtime.kafka.dead_letters import dead_letter
from pledge.runtime.kafka.ownership import (
    AlreadyApplied,
    Fenced,
    PartitionState,
    advance,
    count_poison,
    unapplied,
)
from pledge.runtime.kafka.poison import PoisonRun, poison_run
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.postgres.errors import is_retriable
from pledge.runtime.records import Message, Outcome, Partition, Poison, Record, names
from pledge.runtime.retry import retry_while_away

log = structlog.get_logger()


class Handler(Protocol):
    """What a service does with the records of one partition."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """The partitions are assigned to this process; called before their first batch."""
        ...

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """The partitions are revoked and nothing is in flight for them. Drop what was cached."""
        ...

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Change the state by `records`, inside the transaction that also moves the offset.

        Records that can never be handled are returned as poison. An exception that is not a
        passing fault makes the batch run again record by record; the record that raises is
        dead-lettered.
        """
        ...


@runtime_checkable
class KeepsRejected(Protocol):
    """A handler that keeps count of the records on which it failed, too."""

    async def rejected(self, connection: asyncpg.Connection, poison: Sequence[Poison]) -> None:
        """Note the records, in the transaction that moves them to the dead letters."""
        ...


class StatelessHandler:
    """Base of handlers that cache nothing: all state is in the database."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Nothing to load."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Nothing to drop."""


class PartitionWorker:
    """Applies records to the service's state, exactly once each and in order."""

    def __init__(
        self,
        assignment: Assignment,
        outbox: Outbox,
        handler: Handler,
        *,
        service: str,
        clock: Clock,
        metrics: RuntimeMetrics,
        poison_run_limit: int,
    ) -> None:
        self._assignment = assignment
        self._outbox = outbox
        self._handler = handler
        self._service = service
        self._clock = clock
        self._metrics = metrics
        self._poison_run_limit = poison_run_limit
        # Asked once: a line per event is for debugging, not for every day.
        self._is_verbose = logging.getLogger().isEnabledFor(logging.DEBUG)

    async def apply(self, partition: Partition, records: Sequence[Record]) -> int | None:
        """Apply `records`, once those before them are done.

        Returns the offset to seek back to when records before these are missing, else None.
        Raises PoisonRun when too many can't be handled, and other errors that are fatal.
        """
        state = self._assignment.state(partition)
        if state is None:
            return None
        async with state.lock:
            if not state.is_owned:
                return None
            try:
                rest = unapplied(state, records)
                if rest is None:
                    return state.next_offset
                await self._apply_rest(state, rest)
            except Fenced:
                self._assignment.fence(state)
            except Exception:
                # Nothing of this partition may be applied behind a batch that was not.
                state.is_revoked = True
                raise
        return None

    async def _apply_rest(self, state: PartitionState, records: Sequence[Record]) -> None:
        if not records:
            return
        await apply_or_reject(
            records,
            apply=lambda some: self._transact_with_retries(state, some),
            reject=lambda record, error: self._dead_letter(state, record, error),
        )
        state.newest_at = records[-1].timestamp

    async def _dead_letter(self, state: PartitionState, record: Record, error: Exception) -> None:
        """Move a record that the handler fails on to the dead letters."""
        if isinstance(error, PoisonRun):
            # What came before the limit is kept, with the count that `pledge dlq resume` resets.
            raise error
        log.error(
            "record_rejected",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            exc_info=error,
            **names(record.headers),
        )
        poison = Poison(record, "handler_error", f"{type(error).__name__}: {error}")
        await self._transact_with_retries(state, [record], Outcome(poison=[poison]))

    async def _transact_with_retries(
        self, state: PartitionState, records: Sequence[Record], outcome: Outcome | None = None
    ) -> None:
        """Raises Fenced when the partition is lost, or is given up while the database is away."""
        try:
            await retry_while_away(
                lambda: self._transact(state, records, outcome),
                on_retry=self._log_waiting,
                give_up=lambda: not state.is_owned or self._assignment.is_closing,
            )
        except AlreadyApplied:
            await self._skip_committed(state, records[-1].offset + 1)
        except Exception as error:
            if is_retriable(error):
                # The partition is revoked or the client is closed: no fault of the records.
                raise Fenced(f"{state.partition}: given up while the database was away") from error
            raise

    def _log_waiting(self, error: BaseException) -> None:
        # A restart of this process would bring the database back no sooner.
        self._assignment.progressed()
        self._metrics.retried()
        log.warning("waiting_for_database", error=repr(error))

    async def _skip_committed(self, state: PartitionState, next_offset: int) -> None:
        """The commit succeeded and its response was lost: go on behind it, with an empty cache."""
        log.warning(
            "batch_was_committed",
            topic=state.partition.topic,
            partition=state.partition.number,
        )
        state.next_offset = next_offset
        self._outbox.wake()
        await self._empty_cache(state)

    async def _empty_cache(self, state: PartitionState) -> None:
        """Have the handler read again what it keeps in memory of the partition."""
        partitions = frozenset({state.partition})
        await self._handler.revoked(partitions)
        await self._handler.assigned(partitions)

    async def _transact(
        self, state: PartitionState, records: Sequence[Record], outcome: Outcome | None
    ) -> None:
        """One transaction: the service's writes, the outbox, dead letters and the offset."""
        if not state.is_owned:
            raise Fenced(f"{state.partition}: not ours")
        next_offset = records[-1].offset + 1
        if next_offset <= state.next_offset:
            return  # committed before; what failed came after the commit
        started = self._clock.monotonic()
        async with self._outbox.transaction() as transaction:
            await advance(transaction.connection, state, next_offset)
            if outcome is None:
                outcome = await self._handler.handle(
                    transaction.connection, state.partition, records
                )
            elif isinstance(self._handler, KeepsRejected):
                await self._handler.rejected(transaction.connection, outcome.poison)
            run = self._poison_run(state, records, outcome) if outcome.poison else 0
            if run != state.poison_run:
                await count_poison(transaction.connection, state, run)
            transaction.publish(*outcome.messages, *self._dead_letters(outcome))
        state.next_offset, state.poison_run = next_offset, run
        self._report(state, outcome)
        self._metrics.batch_done(state.partition, len(records), self._clock.monotonic() - started)
        try:
            for callback in outcome.after_commit:
                callback()
        except Exception:
            # The batch is committed: to raise would apply it again, record by record.
            log.exception("after_commit_failed", topic=state.partition.topic)
            await self._empty_cache(state)

    def _poison_run(
        self, state: PartitionState, records: Sequence[Record], outcome: Outcome
    ) -> int:
        return poison_run(
            state.poison_run,
            records,
            outcome.poison,
            limit=self._poison_run_limit,
            service=self._service,
        )

    def _report(self, state: PartitionState, outcome: Outcome) -> None:
        """Count and log what was committed."""
        for poison in outcome.poison:
            self._metrics.dead_lettered(state.partition.topic, poison.reason)
            log.warning(
                "record_dead_lettered",
                topic=state.partition.topic,
                partition=state.partition.number,
                offset=poison.record.offset,
                reason=poison.reason,
                detail=poison.detail,
                **names(poison.record.headers),
            )
        if self._is_verbose:
            for message in outcome.messages:
                log.debug("event_published", topic=message.topic, **names(message.headers))

    def _dead_letters(self, outcome: Outcome) -> list[Message]:
        now = self._clock.now()
        return [dead_letter(poison, service=self._service, now=now) for poison in outcome.poison]
