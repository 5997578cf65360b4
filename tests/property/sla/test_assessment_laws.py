"""Laws of `assess` and `diff` over any facts in any order, for every desk."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.desk_file import read
from sla.domain.changes import diff
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import Assessor, assess
from sla.domain.replay.missed_intervals import begun
from sla.domain.replay.segments import used
from sla.domain.values import Assessment, Change, ChangeKind, Fact, PublishedState, State
from support import all_features, sla_cases
from support.sla_cases import DESKS

BEGIN = datetime(2026, 3, 5, 13, 0, tzinfo=UTC)  # a Thursday; clocks change on the Sunday
COUNTS = (
    "",
    # Each attribute the other way than is usual.
    "severity: from_change, scope: from_change, entitled: from_change, plan: from_opening, "
    "trial: from_opening, complete: from_opening",
)
EVERYTHING = "everything"
"""The desk of `support.all_features`."""
FOLDERS = (*[path.parent.name for path in sorted(DESKS.glob("*/sla.yaml"))], EVERYTHING)
NAMES = tuple(f"{folder}:{counts}" for folder in FOLDERS for counts in COUNTS)


@lru_cache
def desk(name: str) -> Policy:
    """The policy of a desk, with what its file says of changes after a colon."""
    folder, _, counts = name.partition(":")
    if folder == EVERYTHING:
        return all_features.policy(counts)
    if not counts:
        return sla_cases.desk(folder)
    path = DESKS / folder / "sla.yaml"
    return read.parse(f"{path.read_text(encoding='utf-8')}\ncounts: {{{counts}}}\n", path)


KINDS = (
    "requester_replied",
    "agent_replied",
    "agent_reply_failed",
    "triaged",
    "plan_changed",
    "scope_decided",
    "entitlement_decided",
    "information_requested",
    "information_completed",
    "waiting_on_customer",
    "waiting_on_provider",
    "customer_unavailable",
    "contact_attempted",
    "callback_requested",
    "workaround_provided",
    "meeting_agreed",
    "meeting_held",
    "resolved",
    "reopened",
    "closed",
    "merged",
    "feedback_received",
    "feedback_acknowledged",
    "complaint_filed",
    "review_opened",
    "review_updated",
    "review_concluded",
    "noted",
    "unheard_of",
)
LEVELS = ("p1", "p2", "p3", "critical", "normal", "serious", "s1", "s4", "tier1", "nonsense")


@st.composite
def data(draw: st.DrawFn) -> dict[str, object]:
    """Anything that any of the events may carry, and strange values."""
    odd: st.SearchStrategy[object] = st.sampled_from([None, 3, "", [], {"a": 1}])
    return {
        "severity": draw(st.sampled_from(LEVELS) | odd),
        "plan": draw(st.sampled_from(["enlist", "patrol", "command"]) | odd),
        "scope": draw(st.sampled_from(["covered", "best_effort", "out_of_scope"]) | odd),
        "channel": draw(st.sampled_from(["phone", "email", "chat", "portal"]) | odd),
        "entitled": draw(st.booleans() | odd),
        "is_trial": draw(st.booleans() | odd),
        "is_urgent": draw(st.booleans() | odd),
        "is_complete": draw(st.booleans() | odd),
        "is_initial_response": draw(st.booleans() | odd),
        "is_suitable": draw(st.booleans() | odd),
        "takes_back": draw(st.integers(1, 12) | odd),
        "reached": draw(st.booleans() | odd),
        "needs_answer": draw(st.booleans() | odd),
        "next_update_by": draw(st.sampled_from(["2026-03-20T12:00:00Z", "soon"]) | odd),
        "requester": draw(st.sampled_from([{"zone": "Europe/Berlin"}, {}]) | odd),
        "by": draw(st.sampled_from([{"id": "ana"}, {"name": "Ana"}]) | odd),
    }


@st.composite
def lives(draw: st.DrawFn, longest: int = 12) -> list[Fact]:
    """An opening and what follows it, some of it late, early, or with a wrong clock."""
    is_any = draw(st.booleans())  # else such as the desk with all features knows
    kinds, contents = (KINDS, data()) if is_any else (all_features.KINDS, all_features.details())
    minutes = st.integers(-120, 12 * 24 * 60)
    facts: list[Fact] = []
    for sequence in range(1, draw(st.integers(1, longest)) + 1):
        at = BEGIN + timedelta(minutes=0 if sequence == 1 else draw(minutes))
        lag = timedelta(minutes=draw(st.sampled_from([0, 0, 0, 5, 300, -30])))
        kind = "opened" if sequence == 1 else draw(st.sampled_from(kinds))
        facts.append(Fact(kind, at, at + lag, sequence, draw(contents)))
    return facts


names = st.sampled_from(NAMES)


@given(names, lives(), st.data())
@settings(max_examples=150, deadline=None)
def test_assessment_does_not_depend_on_the_order_of_arrival(
    name: str, facts: list[Fact], more: st.DataObject
) -> None:
    policy = desk(name)
    shuffled = more.draw(st.permutations(facts))
    expected = assess(facts, policy)
    assert assess(shuffled, policy) == expected
    assert assess(shuffled + facts, policy) == expected, "nor on duplicates"


@given(names, lives(longest=5))
@settings(max_examples=40, deadline=None)
def test_every_permutation_of_a_short_life_gives_one_assessment(
    name: str, facts: list[Fact]
) -> None:
    policy = desk(name)
    assert len({repr(assess(order, policy)) for order in permutations(facts)}) == 1


@given(names, names, lives(), st.data())
@settings(max_examples=80, deadline=None)
def test_an_assessor_that_follows_a_ticket_says_what_an_assessment_from_the_beginning_does(
    name: str, other: str, facts: list[Fact], more: st.DataObject
) -> None:
    """A fact may come late, a transaction be rolled back, and another policy take over."""
    policy, assessor, known = desk(name), Assessor(), tuple[Fact, ...]()
    moments = st.integers(0, 2 * len(facts))  # half of them never come
    late, rolled_back, taken_over = more.draw(moments), more.draw(moments), more.draw(moments)
    arriving = sorted(facts, key=at_of)
    if late < len(facts):
        arriving.append(arriving.pop(late))
    for count, fact in enumerate(arriving):
        if count == taken_over:
            policy = desk(other)
        if count == rolled_back:
            stray = (*known, arriving[-1])
            assert assessor.assess(stray, policy) == assess(stray, policy)
        known = (*known, fact)
        for _ in range(2):  # the second time for a timer that fires
            assert assessor.assess(known, policy) == assess(known, policy)


@given(names, lives())
@settings(max_examples=100, deadline=None)
def test_segments_tell_exactly_the_time_that_was_used(name: str, facts: list[Fact]) -> None:
    policy, now = desk(name), BEGIN + timedelta(days=20)
    explanation = explain(assess(facts, policy), policy, now)
    assert explanation.text()
    for one in explanation.timers:
        counted = sum(
            (part.to_at - part.from_at for part in one.segments if part.is_counted), timedelta()
        )
        assert counted + one.timer.carried == used(one.timer, now)
        for before, after in zip(one.segments, one.segments[1:], strict=False):
            assert before.to_at == after.from_at


@given(names, lives())
@settings(max_examples=100, deadline=None)
def test_due_instant_is_where_the_budget_is_used_up(name: str, facts: list[Fact]) -> None:
    policy = desk(name)
    for timer in assess(facts, policy).timers:
        end = timer.met_at or timer.cancelled_at
        if timer.due_at is None or timer.budget is None or (end and end < timer.due_at):
            continue
        assert used(timer, timer.due_at) == max(timer.budget, timer.carried)


@given(names, lives(), st.integers(0, 12 * 24 * 60), st.sampled_from(KINDS))
@settings(max_examples=100, deadline=None)
def test_pause_and_resumption_at_one_instant_change_nothing(
    name: str, facts: list[Fact], minute: int, kind: str
) -> None:
    policy = desk(name)
    at = BEGIN + timedelta(minutes=minute)
    if any(fact.type in WAITS and at_of(fact) <= at for fact in facts):
        return  # a resumption would end an earlier wait
    more = [
        Fact("waiting_on_customer", at, at, 100, {}),
        Fact("waiting_on_provider", at, at, 101, {}),
    ]
    before, after = assess(facts, policy), assess([*facts, *more], policy)
    assert [_essence(timer) for timer in before.timers] == [
        _essence(timer) for timer in after.timers
    ]


@given(names, lives(), st.integers(0, 12 * 24 * 60), st.data())
@settings(max_examples=100, deadline=None)
def test_facts_of_one_instant_around_a_reopening_have_one_meaning(
    name: str, facts: list[Fact], minute: int, more: st.DataObject
) -> None:
    policy = desk(name)
    at = BEGIN + timedelta(minutes=minute)
    content = more.draw(data())
    kinds = ("reopened", more.draw(st.sampled_from(["requester_replied", "callback_requested"])))
    end = Fact("closed", at - timedelta(minutes=1), at, 100, {})
    either, other = (
        assess([*facts, end, *_at_once(at, order, content)], policy)
        for order in (kinds, kinds[::-1])
    )
    assert either.timers == other.timers
    assert either.silences == other.silences
    assert not either.is_closed or any(fact.type in ("closed", "merged") for fact in facts)


def _at_once(at: datetime, kinds: tuple[str, ...], content: dict[str, object]) -> list[Fact]:
    return [Fact(kind, at, at, 101 + place, content) for place, kind in enumerate(kinds)]


WAITS = ("waiting_on_customer", "customer_unavailable", "meeting_agreed")


def at_of(fact: Fact) -> datetime:
    return min(fact.occurred_at, fact.recorded_at)


def _essence(timer: object) -> object:
    return tuple(
        getattr(timer, name)
        for name in ("metric", "cycle", "started_at", "due_at", "expect_at", "met_at", "at_risk_at")
    )


ENDS = {
    ChangeKind.MET: State.MET,
    ChangeKind.BREACHED: State.BREACHED,
    ChangeKind.CANCELLED: State.CANCELLED,
}


@given(names, lives())
@settings(max_examples=130, deadline=None)
def test_what_is_published_fact_by_fact_ends_where_the_assessment_of_all_facts_does(
    name: str, facts: list[Fact]
) -> None:
    """Facts arrive as recorded, timers fire between them; nothing is published twice."""
    policy = desk(name)
    published, changes = PublishedState(), list[Change]()
    known: list[Fact] = []
    wake_at: datetime | None = None
    for fact in sorted(facts, key=lambda one: (one.recorded_at, one.sequence)):
        published, found, wake_at = fire(
            known, policy_of(name), published, wake_at, fact.recorded_at
        )
        changes += found
        known.append(fact)
        difference = diff(published, assess(known, policy), fact.recorded_at)
        published, wake_at = difference.published, difference.wake_at
        changes += difference.changes
        again = diff(published, assess(known, policy), fact.recorded_at)
        assert again.changes == ()
        assert again.published == published
    end = BEGIN + timedelta(days=400)
    published, found, wake_at = fire(known, policy_of(name), published, wake_at, end)
    changes += found
    assert wake_at is None
    final = assess(facts, policy)
    states = {(one.metric, one.cycle): one.state for one in published.timers}
    for timer in begun(final, end):
        assert states.pop((timer.metric, timer.cycle)) is timer.state_at(end)
    assert set(states.values()) <= {State.CANCELLED, State.MET}, "cycles that never were"
    _balanced(changes, published)


def policy_of(name: str) -> str:
    return name


def fire(
    known: list[Fact],
    name: str,
    published: PublishedState,
    wake_at: datetime | None,
    until: datetime,
) -> tuple[PublishedState, list[Change], datetime | None]:
    """What a timer worker does: wake at the published instant, publish, sleep again."""
    policy = desk(name)
    changes: list[Change] = []
    for _ in range(3000):  # a series of intervals is missed many times
        if wake_at is None or wake_at > until:
            return published, changes, wake_at
        difference = diff(published, assess(known, policy), wake_at)
        assert difference.changes, "woken for nothing"
        for change in difference.changes:
            assert change.occurred_at <= wake_at
        assert difference.wake_at is None or difference.wake_at > wake_at
        changes += difference.changes
        published, wake_at = difference.published, difference.wake_at
    raise AssertionError("never comes to rest")


def _balanced(changes: list[Change], published: PublishedState) -> None:
    """Every cycle starts once, and stands breached at most once at any moment."""
    started: Counter[tuple[str, int]] = Counter()
    standing: Counter[tuple[str, int]] = Counter()
    warned: Counter[tuple[str, int, int]] = Counter()
    for change in changes:
        key = (change.metric, change.cycle)
        if change.kind is ChangeKind.STARTED:
            started[key] += 1
        elif change.kind is ChangeKind.AT_RISK:
            warned[*key, change.percent] += 1
        elif change.kind is ChangeKind.BREACHED:
            standing[key] += 1
            assert standing[key] == 1
        elif change.kind is ChangeKind.BREACH_RETRACTED:
            standing[key] -= 1
            assert standing[key] == 0
            assert change.due_at is not None
    assert set(started.values()) <= {1}
    assert set(warned.values()) <= {1}
    for one in published.timers:
        assert standing[one.metric, one.cycle] == (one.state is State.BREACHED)


@pytest.mark.parametrize("name", NAMES)
def test_no_facts_or_none_that_opens_mean_nothing(name: str) -> None:
    stray = Fact("agent_replied", BEGIN, BEGIN, 2, {})
    for facts in ([], [stray]):
        found = assess(facts, desk(name))
        assert isinstance(found, Assessment)
        assert found.timers == ()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("year", [1, 1989, 2149, 9999])
def test_instants_at_the_ends_of_time_do_not_raise(name: str, year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    facts = [
        Fact("opened", at, at, 1, {"severity": "p1", "channel": "phone", "is_urgent": True}),
        Fact("waiting_on_customer", at, at, 2, {}),
        Fact("contact_attempted", BEGIN, BEGIN, 3, {"reached": False}),
        Fact("requester_replied", at, at, 4, {}),
    ]
    policy = desk(name)
    found = assess(facts, policy)
    explain(found, policy, BEGIN)
    diff(PublishedState(), found, BEGIN)
