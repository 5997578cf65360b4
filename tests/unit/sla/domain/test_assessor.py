"""An assessor that follows a ticket: never another answer than an assessment from the beginning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import Weekly
from sla.domain.policy.conditions import Trigger
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Due, Metric, Repeats, Target
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import Fact, Rule
from support.sla_cases import desk

OPENED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR_US = 3_600_000_000


class Unusable(dict[date, tuple[tuple[int, int], ...]]):
    """Hours of single days that can't be read, until they are mended."""

    is_mended = False

    def get(self, *arguments: Any) -> Any:
        if not self.is_mended:
            raise ArithmeticError("these hours are of no use")
        return super().get(*arguments)


def fact(kind: str, minute: int, sequence: int) -> Fact:
    at = OPENED_AT + timedelta(minutes=minute)
    return Fact(kind, at, at, sequence, {"severity": "critical"})


def promising_on(days: Unusable) -> Policy:
    calendar = Calendar("unusable", Weekly(UTC, (((0, 24 * HOUR_US),),) * 7, exceptions=days))
    target = Target(Rule("answer", 1, None), calendar, due=Due(within_us=HOUR_US))
    answer = Metric(
        "answer",
        (Trigger("opened"),),
        (Trigger("agent_replied"),),
        ((target,),),
        repeats=Repeats.ON_MEET,
    )
    return Policy("acme", "1", metrics=[answer], calendars={calendar.name: calendar})


def test_what_could_not_be_assessed_can_not_be_assessed_when_asked_again_either() -> None:
    days = Unusable()
    policy, facts = promising_on(days), (fact("opened", 0, 1),)
    assessor = Assessor()
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            assessor.assess(facts, policy)
    days.is_mended = True
    assert assessor.assess(facts, policy).timers == assess(facts, policy).timers != ()


def test_fact_that_could_not_be_assessed_at_first_happens_once() -> None:
    days = Unusable()
    days.is_mended = True
    policy, before = promising_on(days), (fact("opened", 0, 1),)
    # So much later that what is known of the calendar does not reach.
    after = (*before, fact("agent_replied", 5 * 365 * 24 * 60, 2))
    assessor = Assessor()
    assessor.assess(before, policy)
    days.is_mended = False
    with pytest.raises(ArithmeticError):
        assessor.assess(after, policy)
    days.is_mended = True
    assert assessor.assess(before, policy) == assess(before, policy)
    assert assessor.assess(after, policy) == assess(after, policy)


def test_fact_that_comes_between_a_second_opening_and_the_first_is_noted_in_its_place() -> None:
    policy, assessor = desk("demo"), Assessor()
    known = (fact("opened", 0, 1), fact("incident_opened", 9, 9))
    assessor.assess(known, policy)
    early = fact("triaged", -5, 5)
    assert assessor.assess((*known, early), policy) == assess((*known, early), policy)
