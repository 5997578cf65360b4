"""Learns what is promised on tickets from sla.events, and what was missed from sla.breaches."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from intake.storage import promises
from intake.storage.promises import BreachWord, TimerWord
from pledge.events import (
    BreachEvent,
    BreachRetracted,
    Decoded,
    Event,
    PromiseBreached,
    SilenceElapsed,
    TimerAtRisk,
    TimerCancelled,
    TimerEvent,
    TimerMet,
    TimerPaused,
    TimerRescheduled,
    TimerResumed,
    TimerStarted,
)

_STATES: Final[dict[str, str]] = {
    TimerStarted.TYPE: "running",
    TimerResumed.TYPE: "running",
    TimerRescheduled.TYPE: "running",
    TimerAtRisk.TYPE: "running",
    TimerPaused.TYPE: "paused",
    TimerMet.TYPE: "met",
    TimerCancelled.TYPE: "cancelled",
}
TIMERS: Final = frozenset(_STATES)
BREACHES: Final = frozenset((PromiseBreached.TYPE, BreachRetracted.TYPE))

_WAITS_FOR_CUSTOMER: Final = ("waiting_on_customer", "information_requested", "customer_")
"""How the pauses begin that end when the customer does something; any other is only a pause."""


async def learn(connection: asyncpg.Connection, decoded: Iterable[Decoded]) -> None:
    """Keep what the events say of promises on tickets that exist; locks these, and those of
    silences among the events, which close them in the same transaction."""
    events = [each for each in decoded if _ticket_of(each.event) is not None]
    ids = {found for each in events if (found := _ticket_of(each.event)) is not None}
    if not any(isinstance(each.event, TimerEvent | BreachEvent) for each in events):
        return
    desks = await promises.lock(connection, ids)
    told = [each for each in events if desks.get(_known(each)) == each.event.desk]
    timers = _newest_timers(told)
    if timers:
        await promises.keep_timers(connection, timers)
    breaches = _newest_breaches(told)
    if breaches:
        await promises.keep_breaches(connection, breaches)


def _ticket_of(event: Event) -> UUID | None:
    if isinstance(event, TimerEvent | BreachEvent | SilenceElapsed):
        return event.ticket_id
    return None


def _known(decoded: Decoded) -> UUID:
    found = _ticket_of(decoded.event)
    assert found is not None
    return found


def _newest_timers(told: Iterable[Decoded]) -> list[TimerWord]:
    newest: dict[tuple[UUID, str, int], TimerWord] = {}
    for each in _in_order(told):
        if not isinstance(each.event, TimerEvent):
            continue
        word = _timer_word(each.event, each.envelope.sequence or 0)
        key = (word.ticket_id, word.metric, word.cycle)
        newest[key] = word.after(newest[key]) if key in newest else word
    return list(newest.values())


def _newest_breaches(told: Iterable[Decoded]) -> list[BreachWord]:
    newest: dict[tuple[UUID, str, int], BreachWord] = {}
    for each in _in_order(told):
        event = each.event
        if not isinstance(event, BreachEvent) or event.ticket_id is None:
            continue
        newest[event.ticket_id, event.metric, event.cycle] = BreachWord(
            ticket_id=event.ticket_id,
            metric=event.metric,
            cycle=event.cycle,
            desk=event.desk,
            sequence=each.envelope.sequence or 0,
            target=event.target,
            team=event.team,
            policy_version=event.policy_version,
            as_of=event.recorded_at,
            due_at=event.due_at,
            breach_id=event.breach_id if isinstance(event, PromiseBreached) else None,
        )
    return list(newest.values())


def _in_order(told: Iterable[Decoded]) -> Sequence[Decoded]:
    return sorted(told, key=lambda each: each.envelope.sequence or 0)


def _timer_word(event: TimerEvent, sequence: int) -> TimerWord:
    assert event.ticket_id is not None
    state, is_paused = _STATES[event.type], isinstance(event, TimerPaused)
    if is_paused and event.reason.startswith(_WAITS_FOR_CUSTOMER):
        state = "waiting"
    return TimerWord(
        ticket_id=event.ticket_id,
        metric=event.metric,
        cycle=event.cycle,
        desk=event.desk,
        sequence=sequence,
        state=state,
        target=event.target,
        team=event.team,
        policy_version=event.policy_version,
        as_of=event.recorded_at,
        due_at=event.due_at,
        expect_at=event.expect_at,
        at_risk_percent=event.percent if isinstance(event, TimerAtRisk) else None,
        met_at=event.met_at if isinstance(event, TimerMet) else None,
        waits_for=event.reason if is_paused else None,
    )
