"""Credits: what a lost period owes, for a person to confirm or waive. Nothing is ever charged."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pledge.events import Actor, CreditDecided
from pledge.runtime.instants import utc_text
from pledge.runtime.outbox.writer import Outbox
from sla.domain.objectives import WHOLE, PeriodState
from sla.reports.objectives import message_of
from sla.storage import objectives as storage
from sla.storage.objectives import PeriodRow


class Decision(StrEnum):
    """What a person decides about a credit."""

    CONFIRMED = "confirmed"
    WAIVED = "waived"


class CreditUnknown(Exception):
    """There is no such period of an objective."""


class CreditRefused(Exception):
    """The credit can't be decided so; the message says why."""


async def decide(
    outbox: Outbox,
    desk: str,
    objective: str,
    period: str,
    decision: Decision,
    *,
    by: Actor,
    why: str,
    now: datetime,
) -> PeriodRow:
    """Confirm or waive what a period owes, once; the same decision again changes nothing.

    Raises CreditUnknown, CreditRefused.
    """
    async with outbox.transaction() as transaction:
        await storage.wait_for_lock(transaction.connection, desk)
        row = await storage.lock_period(transaction.connection, desk, objective, period)
        if row is None:
            raise CreditUnknown(f"{desk} has no period {period} of {objective}")
        if row.decision == decision:
            return row
        _check(row, decision, why)
        row = row._replace(
            decision=decision.value,
            decided_owes=row.owes,
            decided_by=by.name or by.id,
            decided_at=now,
            decided_why=why,
            sequence=row.sequence + 1,
        )
        await storage.keep_decision(transaction.connection, row)
        decided = {"decision": decision.value, "owes": row.owes / WHOLE, "by": by, "why": why}
        transaction.publish(message_of(CreditDecided, row, now, decided | {"occurred_at": now}))
        return row


def _check(row: PeriodRow, decision: Decision, why: str) -> None:
    if row.decision is not None:
        raise CreditRefused(f"it was {row.decision} by {row.decided_by} already")
    if row.state != PeriodState.LOST or not row.owes:
        raise CreditRefused("this period owes nothing")
    if decision is Decision.WAIVED and not why.strip():
        raise CreditRefused("a credit is waived for a reason: say why")


def shown(row: PeriodRow) -> dict[str, Any]:
    """A period of an objective as the API and the pages show it; shares are 0.95 for 95 %."""
    standing = row.standing
    attainment, burn_rate = standing.attainment, standing.burn_rate(row.share)
    is_open = row.state == PeriodState.LOST and row.owes > 0 and row.decision is None
    return {
        "desk": row.desk,
        "objective": row.objective,
        "title": row.title,
        "metric": row.metric,
        "period": row.period,
        "from": utc_text(row.starts_at),
        "to": utc_text(row.ends_at),
        "state": row.state,
        "share": row.share / WHOLE,
        "attainment": None if attainment is None else round(attainment, 6),
        "kept": row.kept,
        "missed": row.missed,
        "running": row.running,
        "left": standing.left(row.share),
        "burn_rate": None if burn_rate is None else round(burn_rate, 3),
        "owes": row.owes / WHOLE,
        "credit": "open" if is_open else row.decision,
        "decided_owes": None if row.decided_owes is None else row.decided_owes / WHOLE,
        "decided_by": row.decided_by,
        "decided_at": utc_text(row.decided_at),
        "decided_why": row.decided_why,
        "policy_version": row.policy_version,
        "counted_at": utc_text(row.counted_at),
    }
