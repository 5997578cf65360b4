"""An assessor that follows a ticket: never another answer than an assessment from the beginning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import Always
from sla.domain.policy.conditions import Trigger
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Due, Metric, Target
from sla.domain.replay.assess import Assessor, assess
from sla.domain.values import Fact, Rule
from support.sla_cases import desk

OPENED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR_US = 3_600_000_000


class Unusable(Calendar):
    """Its hours can't be computed, until they are mended."""

    __slots__ = ("is_mended",)

    def __init__(self) -> None:
        super().__init__("unusable", Always())
        self.is_mended = False

    def add_us(self, start: int, budget: int) -> int:
        if not self.is_mended:
            raise ArithmeticError("these hours are of no use")
        return super().add_us(start, budget)


def fact(kind: str, minute: int, sequence: int) -> Fact:
    at = OPENED_AT + timedelta(minutes=minute)
    return Fact(kind, at, at, sequence, {"severity": "critical"})


def promising_on(calendar: Calendar) -> Policy:
    target = Target(Rule("answer", 1, None), calendar, due=Due(within_us=HOUR_US))
    answer = Metric("answer", (Trigger("opened"),), (Trigger("agent_replied"),), ((target,),))
    return Policy("acme", "1", metrics=[answer], calendars={calendar.name: calendar})


def test_what_could_not_be_assessed_can_not_be_assessed_when_asked_again_either() -> None:
    calendar = Unusable()
    policy, facts = promising_on(calendar), (fact("opened", 0, 1),)
    assessor = Assessor()
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            assessor.assess(facts, policy)
    calendar.is_mended = True
    assert assessor.assess(facts, policy).timers == assess(facts, policy).timers != ()


def test_fact_that_could_not_be_assessed_at_first_happens_once() -> None:
    calendar = Unusable()
    calendar.is_mended = True
    policy, before = promising_on(calendar), (fact("opened", 0, 1),)
    after = (*before, fact("agent_replied", 5, 2))
    assessor = Assessor()
    assessor.assess(before, policy)
    calendar.is_mended = False
    with pytest.raises(ArithmeticError):
        assessor.assess(after, policy)
    calendar.is_mended = True
    assert assessor.assess(before, policy) == assess(before, policy)
    assert assessor.assess(after, policy) == assess(after, policy)


def test_fact_that_comes_between_a_second_opening_and_the_first_is_noted_in_its_place() -> None:
    policy, assessor = desk("demo"), Assessor()
    known = (fact("opened", 0, 1), fact("incident_opened", 9, 9))
    assessor.assess(known, policy)
    early = fact("triaged", -5, 5)
    assert assessor.assess((*known, early), policy) == assess((*known, early), policy)
