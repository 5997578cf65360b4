"""A ticket under several policy versions: what was published stays, what is open continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from integration.sla.acme import ACME
from integration.sla.stories import MONDAY, minutes
from sla.desk_file.read import parse
from sla.domain.changes import diff
from sla.domain.facts import fact_from_event
from sla.domain.policy.policy import Policy
from sla.domain.policy_versions import (
    EarlierVersion,
    PastVersion,
    VersionedAssessment,
    assess_versions,
    take_over,
)
from sla.domain.values import Change, Fact, PublishedState, State


def policy(text: str = ACME) -> Policy:
    return parse(text, Path("acme/sla.yaml"))


def responding_within(words: str) -> Policy:
    return policy(ACME.replace("{severity: p1}, within: 30m", f"{{severity: p1}}, within: {words}"))


@dataclass
class LifeUnderVersions:
    """A ticket with its published state; each step returns its changes."""

    policy: Policy
    facts: list[Fact] = field(default_factory=list)
    published: PublishedState = field(default_factory=PublishedState)
    past: list[PastVersion] = field(default_factory=list)
    wake_at: datetime | None = None

    def happens(
        self, fact: str, after: float, *, known_after: float | None = None, **data: object
    ) -> list[tuple[str, str]]:
        event: Mapping[str, object] = {
            "type": f"pledge.ticket.{fact}.v1",
            "occurred_at": (MONDAY + minutes(after)).isoformat(),
            "recorded_at": (MONDAY + minutes(known_after or after)).isoformat(),
            **data,
        }
        self.facts.append(fact_from_event(event, len(self.facts) + 1))
        return self.looks(known_after or after)

    def opens(self, after: float = 0, severity: str = "p1") -> list[tuple[str, str]]:
        return self.happens("opened", after, severity=severity)

    def looks(self, after: float) -> list[tuple[str, str]]:
        difference = diff(self.published, self.versioned().assessment, MONDAY + minutes(after))
        self.published, self.wake_at = difference.published, difference.wake_at
        return said(difference.changes)

    def versioned(self) -> VersionedAssessment:
        return assess_versions(self.facts, self.policy, self.past)

    def taken_over(self, by: Policy, after: float) -> list[tuple[str, str]]:
        at = MONDAY + minutes(after)
        taken = take_over(
            self.facts,
            self.published,
            by,
            version=self.policy.version,
            current=self.policy,
            past=self.past,
            at=at,
            until=at,
            is_due=self.wake_at is not None and self.wake_at <= at,
        )
        before = said(taken.due[1].changes) if taken.due else []
        assert taken.earlier is not None
        self.past.append(PastVersion(taken.earlier, self.policy))
        self.policy, self.published = by, taken.difference.published
        self.wake_at = taken.difference.wake_at
        return before + said(taken.difference.changes)

    def state(self, metric: str, cycle: int = 1) -> State:
        found = {(each.metric, each.cycle): each.state for each in self.published.timers}
        return found[metric, cycle]


def said(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(each.kind.value, each.metric) for each in changes]


def test_open_timer_moves_and_the_others_stay_quiet() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    assert life.taken_over(responding_within("45m"), 10) == [("rescheduled", "first_response")]
    assert life.looks(44) == [("at_risk", "first_response")]
    assert life.looks(45) == [("breached", "first_response")]


def test_breach_of_the_old_version_stays_under_a_softer_one() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    life.looks(30)
    assert life.taken_over(responding_within("2h"), 40) == []
    assert life.state("first_response") is State.BREACHED
    assert life.happens("noted", 50) == []
    assert life.happens("triaged", 51, severity="p1") == []


def test_late_fact_retracts_a_breach_under_the_version_it_happened_under() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    life.looks(30)
    life.taken_over(responding_within("2h"), 40)
    late = life.happens("contact_attempted", 20, known_after=60)
    assert late == [("breach_retracted", "first_response"), ("met", "first_response")]


def test_late_fact_in_time_for_the_new_version_alone_retracts_nothing() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    life.looks(30)
    life.taken_over(responding_within("2h"), 40)
    assert life.happens("contact_attempted", 35, known_after=60) == []
    assert life.state("first_response") is State.BREACHED


def test_breach_that_was_due_but_not_published_yet_is_published_as_promised() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    assert ("breached", "first_response") in life.taken_over(responding_within("2h"), 31)
    assert life.state("first_response") is State.BREACHED


def test_promise_kept_under_the_old_version_is_not_broken_by_a_stricter_one() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    life.happens("contact_attempted", 20)
    assert life.taken_over(responding_within("10m"), 25) == []
    assert life.happens("triaged", 26, severity="p1") == []
    assert life.state("first_response") is State.MET


def test_stricter_version_breaks_an_open_promise_at_once() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    assert life.taken_over(responding_within("10m"), 15) == [("breached", "first_response")]


def test_metric_that_the_new_version_drops_ends_and_comes_back_as_another_cycle() -> None:
    text = ACME.replace("  resolution:", "  solution:")
    life = LifeUnderVersions(policy())
    life.opens()
    changes = life.taken_over(policy(text), 5)
    assert changes == [("started", "solution"), ("cancelled", "resolution")]
    assert life.looks(6) == []
    assert life.taken_over(policy(), 10) == [("started", "resolution"), ("cancelled", "solution")]
    assert life.state("resolution", 2) is State.RUNNING
    assert life.state("resolution", 1) is State.CANCELLED


def test_promise_that_only_the_new_version_makes_and_that_is_over_is_not_published() -> None:
    without = ACME.replace("  first_response:", "  other:").replace(
        "starts: opened\n    meets: [agent_replied, contact_attempted]",
        "starts: complaint_filed\n    meets: [agent_replied]",
    )
    life = LifeUnderVersions(policy(without))
    life.opens()
    life.happens("contact_attempted", 5)
    assert life.taken_over(policy(), 10) == []
    assert life.happens("noted", 11) == []


def test_cycles_of_a_metric_go_on_counting_across_versions() -> None:
    repeated = ACME.replace(
        "meets: [resolved]", "meets: [resolved]\n    repeats: on_start"
    ).replace("  resolution:\n    starts: opened", "  resolution:\n    starts: [opened, escalated]")
    life = LifeUnderVersions(policy(repeated))
    life.opens()
    life.happens("resolved", 5)
    life.taken_over(
        policy(repeated.replace("within: 4h}\n      - {within: 24h}", "within: 5h}")), 10
    )
    assert life.happens("escalated", 20) == [("started", "resolution")]
    assert life.state("resolution", 2) is State.RUNNING
    assert life.state("resolution", 1) is State.MET


def test_reopening_starts_a_cycle_under_the_version_that_took_over() -> None:
    resuming = ACME.replace("meets: [resolved]", "meets: [resolved]\n    reopening: restart")
    life = LifeUnderVersions(policy(resuming))
    life.opens()
    life.happens("resolved", 5)
    later = policy(resuming.replace("{severity: p1}, within: 4h", "{severity: p1}, within: 5h"))
    assert life.taken_over(later, 10) == []
    assert life.happens("reopened", 20) == [("started", "resolution")]
    (again,) = [
        each for each in life.published.timers if (each.metric, each.cycle) == ("resolution", 2)
    ]
    assert again.due_at == MONDAY + minutes(20) + timedelta(hours=5)


def test_each_of_several_versions_keeps_what_ended_under_it() -> None:
    first, second, third = policy(), responding_within("2h"), responding_within("3h")
    life = LifeUnderVersions(first)
    life.opens()
    life.looks(30)
    life.taken_over(second, 40)
    life.happens("resolved", 50)
    assert life.taken_over(third, 60) == []
    owners = life.versioned().owners
    assert owners["first_response", 1] is first
    assert owners["resolution", 1] is second
    assert life.happens("contact_attempted", 29, known_after=70)[0][0] == "breach_retracted"


def test_late_fact_from_before_a_takeover_ends_the_cycle_that_was_open_then() -> None:
    """And the cycle that it began is another one."""
    repeated = ACME.replace("meets: [resolved]", "meets: [resolved, noted]\n    repeats: on_meet")
    life = LifeUnderVersions(policy(repeated))
    life.opens()
    later = policy(repeated.replace("{severity: p1}, within: 4h", "{severity: p1}, within: 5h"))
    life.taken_over(later, 40)
    late = life.happens("noted", 20, known_after=50)
    assert late == [("met", "resolution"), ("started", "resolution")]
    assert life.state("resolution", 1) is State.MET
    assert life.state("resolution", 2) is State.RUNNING
    # Also under one more version, and for a cycle whose beginning a late fact has moved.
    life.taken_over(policy(repeated), 60)
    assert life.happens("noted", 10, known_after=65) == []
    assert life.happens("noted", 55, known_after=70)[:1] == [("met", "resolution")]


def test_series_of_missed_intervals_goes_on_under_another_version() -> None:
    series = ACME.replace("meets: [resolved]", "meets: [resolved]\n    repeats: on_meet")
    slower = series.replace("{severity: p1}, within: 4h", "{severity: p1}, within: 5h")
    life = LifeUnderVersions(policy(series))
    life.opens()
    missed = [("breached", "resolution"), ("started", "resolution")]
    assert life.looks(250)[-2:] == missed
    assert life.wake_at == MONDAY + minutes(240 + 192), "four fifths of the second interval"
    # As if the later version had always held: the second interval began at 300.
    assert life.taken_over(policy(slower), 310) == [("rescheduled", "resolution")]
    assert life.state("resolution", 1) is State.BREACHED
    assert life.looks(600)[-2:] == missed
    assert [life.state("resolution", cycle) for cycle in (2, 3)] == [State.BREACHED, State.RUNNING]
    assert life.taken_over(policy(series), 610) == [("rescheduled", "resolution")]
    assert life.happens("resolved", 620) == [("met", "resolution"), ("started", "resolution")]
    assert life.looks(621) == []


def test_intervals_missed_under_a_version_that_begins_none_are_not_told_afterwards() -> None:
    series = policy(ACME.replace("meets: [resolved]", "meets: [resolved]\n    repeats: on_meet"))
    before = policy(ACME.replace("meets: [resolved]", "meets: [resolved]\n    repeats: on_meet"))
    before.metrics = tuple(replace(each, stops_after=0) for each in before.metrics)
    life = LifeUnderVersions(before)
    life.opens()
    assert life.looks(1000)[-1:] == [("breached", "resolution")]
    assert life.wake_at is None
    assert life.taken_over(series, 1000) == [("started", "resolution")]
    assert life.looks(1200)[-2:] == [("breached", "resolution"), ("started", "resolution")]


def test_open_cycle_keeps_its_number_where_nothing_was_published_of_one_before_it() -> None:
    critical_alone = ACME.replace("      - {within: 24h}\n", "")
    assert critical_alone != ACME
    life = LifeUnderVersions(policy(critical_alone))
    life.opens()
    for at, severity in ((5, "p3"), (10, "p1")):
        life.happens("closed", at)
        life.happens("triaged", at + 1, severity=severity)
        life.happens("reopened", at + 2)
    assert life.state("resolution", 3) is State.RUNNING
    assert life.taken_over(policy(critical_alone), 20) == []
    assert life.taken_over(policy(critical_alone), 21) == []
    assert life.happens("resolved", 22) == [("met", "resolution")]
    assert life.state("resolution", 3) is State.MET


def test_breach_of_a_cycle_that_never_was_is_retracted_in_its_own_versions_name() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    life.happens("closed", 5)
    life.happens("reopened", 10)
    life.looks(250)
    assert life.state("resolution", 2) is State.BREACHED
    first, second = life.policy, responding_within("2h")
    life.taken_over(second, 260)
    said_late = life.happens("resolved", 4, known_after=270)
    assert ("breach_retracted", "resolution") in said_late
    assert ("resolution", 2) not in {
        (each.metric, each.cycle) for each in life.versioned().assessment.timers
    }
    assert life.versioned().owners["resolution", 2] is first


def test_ticket_without_versions_is_simply_assessed() -> None:
    life = LifeUnderVersions(policy())
    life.opens()
    assert life.versioned().owners == {}
    nothing = PastVersion(EarlierVersion(None, MONDAY), None)
    assert (
        assess_versions(life.facts, life.policy, [nothing]).assessment
        == life.versioned().assessment
    )
