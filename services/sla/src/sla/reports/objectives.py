"""Counts objectives, period by period, and publishes when one is at risk, lost, or not lost after
all.

Counts are made from what was published of each promise, so they follow retractions and late facts
for as long as a period can change. A period is judged by the policy in force at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from pledge.events import (
    Event,
    ObjectiveAtRisk,
    ObjectiveEvent,
    ObjectiveLossRetracted,
    ObjectiveLost,
    derived_id,
    encode,
    originate,
)
from pledge.runtime.clock import Clock
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.postgres.errors import is_retriable
from pledge.runtime.records import Message
from sla.assessment.policy_registry import Policies
from sla.domain.objectives import (
    WHOLE,
    Objective,
    Period,
    PeriodState,
    Standing,
    period_at,
    periods,
)
from sla.domain.policy.policy import Policy
from sla.metrics import SlaMetrics
from sla.settings import SlaSettings
from sla.storage import objectives as storage
from sla.storage.objectives import PeriodRow

SOURCE = "/sla"
# A promise that stays undecided (its ticket is set aside, say) keeps a period open so long.
WAITS_AT_MOST = timedelta(days=1)
# However many promises there are to count, counting takes a twentieth of one connection's time.
RESTS = 19
# A count that took long, or over which the machine slept, holds up the next one no longer.
RESTS_AT_MOST = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)

log = structlog.get_logger()


class Wanted(NamedTuple):
    """A period of an objective, as the policy in force at its end has it."""

    objective: Objective
    policy: Policy
    period: Period


def wanted_periods(
    policies: Policies, desk: str, since: datetime, now: datetime
) -> list[list[Wanted]]:
    """The periods that can still change: those that end after `since`, to the present ones.

    In groups, each of which one query counts.
    """
    versions = policies.in_force_between(desk, since, now)
    kinds = dict.fromkeys((each.name, each.period) for one in versions for each in one.objectives)
    groups: dict[tuple[object, ...], list[Wanted]] = {}
    for name, kind in kinds:
        for about in periods(kind, since, now, versions[-1].zone):
            policy = policies.in_force(desk, min(now, about.end - _INSTANT))
            for objective in policy.objectives if policy is not None else ():
                if policy is None or (objective.name, objective.period) != (name, kind):
                    continue
                middle = about.start + (about.end - about.start) / 2
                period = period_at(kind, middle, policy.zone)
                key = name, kind, objective.metric, objective.time, str(policy.zone)
                groups.setdefault(key, []).append(Wanted(objective, policy, period))
    return list(groups.values())


class ObjectiveCounter:
    """Counts the objectives of all desks, again and again."""

    def __init__(
        self,
        settings: SlaSettings,
        policies: Policies,
        outbox: Outbox,
        clock: Clock,
        metrics: SlaMetrics,
    ) -> None:
        self._settings = settings
        self._policies = policies
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Count every so often; what fails because the database is away is done the next time."""
        while True:
            began = self._clock.monotonic()
            for desk in sorted(self._policies.desks):
                try:
                    await self.count_desk(desk)
                except Exception as error:
                    if not is_retriable(error):
                        raise
                    log.info("objectives_not_counted", desk=desk, error=repr(error))
            await self._clock.sleep(self._rest(self._clock.monotonic() - began))

    def _rest(self, took: float) -> timedelta:
        """How long not to count after a count of `took` seconds."""
        rest = min(timedelta(seconds=took) * RESTS, RESTS_AT_MOST)
        return max(self._settings.objectives_every, rest)

    async def count_desk(self, desk: str) -> None:
        """Count the desk's objectives once, unless another process is at it."""
        now = self._clock.now()
        since = now - self._settings.objectives_reopen_for
        groups = wanted_periods(self._policies, desk, since, now)
        if not groups:
            return
        changed: list[tuple[type[ObjectiveEvent] | None, PeriodRow]] = []
        async with self._outbox.transaction() as transaction:
            if await storage.lock(transaction.connection, desk):
                changed = await self._count(transaction, desk, groups, since, now)
            rows = await storage.periods_between(transaction.connection, [desk], now, now)
        self._metrics.objectives(desk, rows)
        for event, row in changed:
            if event is not None:
                self._metrics.objective_changed(desk, row.objective, event.TYPE)
                log.info(
                    "objective_changed",
                    desk=desk,
                    objective=row.objective,
                    period=row.period,
                    state=row.state,
                )

    async def _count(
        self,
        transaction: OutboxTransaction,
        desk: str,
        groups: Sequence[Sequence[Wanted]],
        since: datetime,
        now: datetime,
    ) -> list[tuple[type[ObjectiveEvent] | None, PeriodRow]]:
        connection, settles = transaction.connection, self._settings.objectives_settle
        known = {
            (each.objective, each.period): each
            for each in await storage.periods_between(connection, [desk], since, now)
        }
        found: list[tuple[type[ObjectiveEvent] | None, PeriodRow]] = []
        for group in groups:
            listed = [each.period for each in group]
            counted = await storage.count(
                connection, desk, group[0].objective, listed, now - settles
            )
            for wanted, standing in zip(group, counted, strict=True):
                before = known.get((wanted.objective.name, wanted.period.name))
                row = _row(desk, wanted, standing, before, now, settles)
                if before is not None or standing != Standing(0, 0) or now < wanted.period.end:
                    found.append(_with_event(before, row))
        await storage.keep_counts(connection, [row for _, row in found])
        transaction.publish(*(_message(event, row, now) for event, row in found if event))
        return found


def _row(
    desk: str,
    wanted: Wanted,
    standing: Standing,
    before: PeriodRow | None,
    now: datetime,
    settles: timedelta,
) -> PeriodRow:
    """The period as it was counted just now."""
    objective, policy, period = wanted
    is_over = now >= period.end + settles and (
        not standing.running or now >= period.end + WAITS_AT_MOST
    )
    state = standing.state(objective.share, is_over=is_over)
    return PeriodRow(
        desk=desk,
        objective=objective.name,
        period=period.name,
        starts_at=period.start,
        ends_at=period.end,
        title=objective.title,
        metric=objective.metric,
        share=objective.share,
        kept=standing.kept,
        missed=standing.missed,
        running=standing.running,
        state=state,
        was_at_risk=before is not None and before.was_at_risk,
        policy_version=policy.version,
        counted_at=now,
        owes=objective.owed(standing) if state is PeriodState.LOST else 0,
        sequence=0 if before is None else before.sequence,
    )


def _with_event(
    before: PeriodRow | None, row: PeriodRow
) -> tuple[type[ObjectiveEvent] | None, PeriodRow]:
    """What is published of the period's change, if anything, and the row with its sequence."""
    was_lost = before is not None and before.state == PeriodState.LOST
    event: type[ObjectiveEvent] | None = None
    if row.state == PeriodState.LOST:
        event = None if was_lost else ObjectiveLost
    elif was_lost:
        event = ObjectiveLossRetracted
    elif row.state == PeriodState.AT_RISK and not row.was_at_risk:
        event, row = ObjectiveAtRisk, row._replace(was_at_risk=True)
    return event, row if event is None else row._replace(sequence=row.sequence + 1)


def _message(kind: type[ObjectiveEvent], row: PeriodRow, now: datetime) -> Message:
    fields: dict[str, Any] = {
        "occurred_at": row.ends_at if kind is ObjectiveLost else now,
        "running": row.running,
        "left": row.standing.left(row.share),
        "policy_version": row.policy_version,
    }
    if kind is ObjectiveLost:
        fields["owes"] = row.owes / WHOLE
    return message_of(kind, row, now, fields)


def message_of(
    kind: type[ObjectiveEvent], row: PeriodRow, now: datetime, fields: Mapping[str, Any]
) -> Message:
    """The record of an event about the period, as it is in its row."""
    event: Event = kind(
        desk=row.desk,
        recorded_at=now,
        objective=row.objective,
        title=row.title,
        metric=row.metric,
        period=row.period,
        period_starts_at=row.starts_at,
        period_ends_at=row.ends_at,
        share=row.share / WHOLE,
        kept=row.kept,
        missed=row.missed,
        attainment=row.standing.attainment,
        **fields,
    )
    own_id = derived_id(event.subject(), row.sequence, source=SOURCE)
    envelope = originate(event, source=SOURCE, id=own_id, sequence=row.sequence)
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)
