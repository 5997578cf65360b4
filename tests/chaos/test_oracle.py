"""The oracle notices each way in which a guarantee can be broken."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from support.chaos import oracle_intake, oracle_sla
from support.chaos.desk import DESK, FIRST_RESPONSE, RESOLUTION
from support.chaos.load import Ledger
from support.chaos.oracle import once_in_order
from support.chaos.stories import Channel, Conversation, Delivery
from support.chaos.topic_reader import PublishedEvent
from support.chaos.verdict import Verdict, Violation

OPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = timedelta(milliseconds=100)


def published(what: str, sequence: int, at: datetime = OPENED, **data: Any) -> PublishedEvent:
    """An event of the ticket `t`; on the topic a moment after it happened."""
    appended_at = data.pop("known", at) + SOON
    value = {"occurred_at": at.isoformat(), **data}
    raw = json.dumps(value).encode()
    return PublishedEvent(
        topic="ticket.events.v1",
        partition=0,
        offset=sequence,
        appended_at=appended_at,
        key=b"t",
        value=raw,
        id=f"{what}-{sequence}",
        type=f"pledge.{what}.v1",
        subject="t",
        desk=DESK,
        sequence=sequence,
        data=value,
        raw=(b"t", raw, ()),
    )


def found(verdict: Verdict) -> dict[Violation, int]:
    return {kind: len(problems) for kind, problems in verdict.problems.items() if problems}


# -- topics ---------------------------------------------------------------------------------------


def test_exact_repetitions_are_dropped_and_counted() -> None:
    verdict = Verdict()
    first, second = published("a", 1), published("b", 2)
    assert once_in_order([first, second, first, second], verdict) == [first, second]
    assert verdict.is_clean
    assert verdict.counts["repetitions on the topics"] == 2


def test_gap_in_the_sequence_is_a_loss() -> None:
    verdict = Verdict()
    once_in_order([published("a", 1), published("b", 3)], verdict)
    assert found(verdict) == {Violation.LOST: 1}


def test_other_content_under_the_same_sequence_is_noticed() -> None:
    verdict = Verdict()
    once_in_order([published("a", 1), published("b", 1)], verdict)
    assert found(verdict) == {Violation.TWICE: 1}


def test_overtaking_is_noticed() -> None:
    verdict = Verdict()
    once_in_order([published("a", 2), published("b", 1)], verdict)
    assert not verdict.is_clean


# -- promises -------------------------------------------------------------------------------------

PLAIN: dict[str, Any] = {"number": "X-1"}
DUE = OPENED + FIRST_RESPONSE
TIMERS = [
    published("timer.started", 1, metric="first_response", cycle=1),
    published("timer.started", 2, metric="resolution", cycle=1),
]


def breach(metric: str, due: datetime, sequence: int = 1, what: str = "breached") -> PublishedEvent:
    return published(
        f"promise.{what}",
        sequence,
        metric=metric,
        cycle=1,
        breach_id=f"{metric}-1",
        due_at=due.isoformat(),
        detected_at=due.isoformat(),
        is_provisional=False,
    )


def both() -> list[PublishedEvent]:
    return [breach("first_response", DUE), breach("resolution", OPENED + RESOLUTION, 2)]


def verified(
    facts: list[PublishedEvent], timers: list[PublishedEvent], breaches: list[PublishedEvent]
) -> dict[Violation, int]:
    verdict = Verdict()
    oracle_sla.verify(facts, timers, breaches, verdict)
    return found(verdict)


def test_missed_promises_are_breaches_once() -> None:
    assert verified([published("ticket.opened", 1, **PLAIN)], TIMERS, both()) == {}


def test_missing_breach_is_a_loss() -> None:
    assert verified([published("ticket.opened", 1, **PLAIN)], TIMERS, both()[1:]) == {
        Violation.LOST: 1
    }


def test_missing_timer_is_a_loss() -> None:
    assert verified([published("ticket.opened", 1, **PLAIN)], TIMERS[1:], both()) == {
        Violation.LOST: 1
    }


def test_second_breach_of_one_promise_is_noticed() -> None:
    twice = [*both(), breach("resolution", OPENED + RESOLUTION, 3)]
    assert Violation.TWICE in verified([published("ticket.opened", 1, **PLAIN)], TIMERS, twice)


def kept(*, known: datetime) -> list[PublishedEvent]:
    replied = OPENED + FIRST_RESPONSE / 2
    return [
        published("ticket.opened", 1, **PLAIN),
        published("ticket.agent_replied", 2, replied, known=known),
    ]


MET = [*TIMERS, published("timer.met", 3, metric="first_response", cycle=1)]


def test_breach_of_a_kept_promise_is_false() -> None:
    known_late = DUE + timedelta(seconds=1)
    assert verified(kept(known=known_late), MET, both()) == {Violation.FALSE_BREACH: 1}


def test_breach_that_a_late_fact_took_back_is_none() -> None:
    known_late = DUE + timedelta(seconds=1)
    back = [*both(), breach("first_response", DUE, 3, "breach_retracted")]
    assert verified(kept(known=known_late), MET, back) == {}


def test_breach_of_what_was_known_to_be_kept_is_false_though_taken_back() -> None:
    back = [*both(), breach("first_response", DUE, 3, "breach_retracted")]
    assert verified(kept(known=OPENED + FIRST_RESPONSE / 2), MET, back) == {
        Violation.FALSE_BREACH: 1
    }


# -- deliveries -----------------------------------------------------------------------------------


def conversation() -> tuple[Ledger, Delivery]:
    delivery = Delivery("0" * 32, OPENED, OPENED, was_acknowledged=True)
    return Ledger(conversations=[Conversation("c", Channel.CHAT, [delivery])]), delivery


def test_delivery_that_became_nothing_is_a_loss() -> None:
    ledger, _ = conversation()
    verdict = Verdict()
    oracle_intake.verify([], ledger, verdict)
    assert found(verdict) == {Violation.LOST: 1}


def test_delivery_that_became_two_facts_is_noticed() -> None:
    ledger, delivery = conversation()
    verdict = Verdict()
    facts = [
        published("ticket.opened", 1, text=delivery.text, **PLAIN),
        published("ticket.requester_replied", 2, text=delivery.text),
    ]
    oracle_intake.verify(facts, ledger, verdict)
    assert found(verdict) == {Violation.TWICE: 1}
