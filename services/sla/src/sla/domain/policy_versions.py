"""A ticket under several policy versions, one after the other.

What was promised stays on record: a cycle whose end was published (met, breached, cancelled) stays
with the version under which it was published; a late fact is judged by that version too. A cycle
that was open when a version took over continues under it, as if it had held from the beginning.
Promises that only the new version makes begin with it, unless they were over by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count
from typing import NamedTuple

from sla.domain.changes import NO_LONGER, diff
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import assess
from sla.domain.replay.missed_intervals import ended_at
from sla.domain.values import (
    Assessment,
    Change,
    ChangeKind,
    Difference,
    Fact,
    PublishedState,
    State,
    Timer,
)

CAUSE = "policy_changed"
"""Why instants moved when a version took over."""

Key = tuple[str, int]
"""Metric and cycle."""

OPEN = (State.RUNNING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """A version that a ticket was under until another took over. None: its desk had no policy.

    `settled` are the cycles whose end was published under it, `open` those that continued, `since`
    when these had begun, as far as was known then, and `gone` those that the next version lacks.
    """

    version: str | None
    until: datetime
    settled: frozenset[Key] = frozenset()
    open: frozenset[Key] = frozenset()
    gone: frozenset[Key] = frozenset()
    since: Mapping[Key, datetime] = field(default_factory=dict)


class PastVersion(NamedTuple):
    """An earlier version with its policy, which is needed only where something is settled."""

    earlier: EarlierVersion
    policy: Policy | None


class VersionedAssessment(NamedTuple):
    """A ticket's assessment under all its versions; `owners` are the policies of those cycles that
    are not under the last one."""

    assessment: Assessment
    owners: Mapping[Key, Policy]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A version takes over a ticket: its previous version as history, and what to publish.

    `due` was to be published under the previous version first. Without `earlier` the ticket is
    under the new one as from its opening.
    """

    earlier: EarlierVersion | None
    due: tuple[VersionedAssessment, Difference] | None
    versioned: VersionedAssessment
    difference: Difference


def assess_versions(
    facts: Iterable[Fact], policy: Policy, past: Sequence[PastVersion] = ()
) -> VersionedAssessment:
    """Every timer of a ticket under `policy`, those settled under versions of the `past` kept.

    Total, as `assess` is.
    """
    known = tuple(facts)
    owners: dict[Key, Policy] = {}
    kept: list[Timer] = []
    taken: set[Key] = set()
    before: EarlierVersion | None = None
    for earlier, own in past:
        if earlier.settled and own is not None:
            kept += [
                timer
                for timer in _numbered(_all_timers(assess(known, own)), kept, taken, before)
                if (timer.metric, timer.cycle) in earlier.settled
            ]
            # Also cycles that a late fact removed: their events name the version they were under.
            owners |= dict.fromkeys(earlier.settled, own)
        taken |= earlier.settled | earlier.gone
        before = earlier
    found = assess(known, policy)
    if before is None:
        return VersionedAssessment(found, owners)
    timers = _all_timers(found)
    live = _numbered(timers, kept, taken, before)
    if live is timers and not kept:
        return VersionedAssessment(found, owners)
    ahead = {(timer.metric, timer.started_at) for timer in found.foreseen}
    # What is foreseen stays so; `begun` looks at the instant.
    foreseen = [timer for timer in live if (timer.metric, timer.started_at) in ahead]
    now_or_over = [*kept, *(timer for timer in live if timer not in foreseen)]
    return VersionedAssessment(
        found._replace(timers=_ordered(now_or_over, policy), foreseen=_ordered(foreseen, policy)),
        owners,
    )


def take_over(
    facts: Sequence[Fact],
    published: PublishedState,
    policy: Policy,
    *,
    version: str | None,
    current: Policy | None,
    past: Sequence[PastVersion],
    at: datetime,
    until: datetime,
    is_due: bool,
    cause: str = CAUSE,
    goes_on: AbstractSet[Key] = frozenset(),
) -> Takeover:
    """Put a ticket, which is under `version` (`current`), under `policy` at the instant `at`.

    Its facts are known up to `until`. `is_due`: something was to be published under `current` by
    then, and is published as it was due: a breach just before the takeover stays one. What is in
    `goes_on` does so although its end was published.
    """
    due: tuple[VersionedAssessment, Difference] | None = None
    if is_due and current is not None:
        versioned = assess_versions(facts, current, past)
        due = versioned, diff(published, versioned.assessment, until)
        published = due[1].published
    settled_before = {key for one in past for key in one.earlier.settled | one.earlier.gone}
    known = {(one.metric, one.cycle): one.state for one in published.timers}
    going_on = {key for key, state in known.items() if state in OPEN or key in goes_on}
    ended = {key for key in known if key not in going_on}
    earlier = EarlierVersion(
        version,
        at,
        frozenset(ended - settled_before),
        frozenset(going_on - settled_before),
    )
    versioned = assess_versions(facts, policy, [*past, PastVersion(earlier, current)])
    all_timers = _all_timers(versioned.assessment)
    found = {(each.metric, each.cycle): each.started_at for each in all_timers}
    there, gone = earlier.open.intersection(found), earlier.open.difference(found)
    earlier = replace(earlier, open=there, gone=gone, since={key: found[key] for key in there})
    difference = diff(published, versioned.assessment, until, cause=cause)
    changes = tuple(_with_cause(each, cause) for each in difference.changes)
    difference = Difference(changes, difference.published, difference.wake_at)
    return Takeover(earlier, due, versioned, difference)


def _with_cause(change: Change, cause: str) -> Change:
    """A promise that the new version dropped was cancelled by that version, not by a fact."""
    if change.kind is not ChangeKind.CANCELLED or change.reason != NO_LONGER:
        return change
    return Change(change.kind, change.metric, change.cycle, change.occurred_at, cause)


def _numbered(
    timers: Sequence[Timer],
    kept: Sequence[Timer],
    taken: AbstractSet[Key],
    before: EarlierVersion | None,
) -> Sequence[Timer]:
    """The cycles of a version that are not settled under an earlier one, under free numbers.

    The cycle that begins when a settled one, or one that was open then, began is that one. What was
    over before the version took over was never promised, unless it stands for what was open then.
    """
    if before is None or not (taken or any(_is_over(timer, before) for timer in timers)):
        return timers
    settled = Counter((timer.metric, timer.started_at) for timer in kept)
    found: list[Timer] = []
    by_metric: dict[str, list[Timer]] = {}
    for timer in timers:
        start = timer.metric, timer.started_at
        if settled[start]:
            settled[start] -= 1
        else:
            by_metric.setdefault(timer.metric, []).append(timer)
    for metric, own in by_metric.items():
        named, rest, unnamed = _match_open_cycles(metric, own, before)
        found += named
        live = [timer for timer in rest if not _is_over(timer, before)]
        over = [timer for timer in rest if _is_over(timer, before)]
        since = [timer for timer in live if timer.started_at > before.until]
        going_on = [timer for timer in live if timer.started_at <= before.until]
        if unmatched := max(0, len(unnamed) - len(going_on)):
            going_on = [*over[-unmatched:], *going_on]
        new = _new_numbers(metric, taken | before.open)
        # What was open keeps its number, whichever it is: some cycles were never published.
        found += [
            timer._replace(cycle=number)
            for timer, number in zip(going_on, chain(unnamed, new), strict=False)
        ]
        found += [timer._replace(cycle=number) for timer, number in zip(since, new, strict=False)]
    return found


def _match_open_cycles(
    metric: str, timers: Sequence[Timer], before: EarlierVersion
) -> tuple[list[Timer], list[Timer], list[int]]:
    """Match cycles, by their start, with those that were open at the takeover.

    Returns the matches under their old numbers, the other cycles, and the numbers that match none
    because a late fact has moved the start."""
    named: list[Timer] = []
    rest, unnamed = list(timers), list[int]()
    for key in sorted(each for each in before.open if each[0] == metric):
        since = before.since.get(key)
        timer = next((timer for timer in rest if timer.started_at == since), None)
        if timer is None:
            unnamed.append(key[1])
        else:
            rest.remove(timer)
            named.append(timer._replace(cycle=key[1]))
    return named, rest, unnamed


def _is_over(timer: Timer, before: EarlierVersion) -> bool:
    """Whether the cycle had ended when the next version took over."""
    over_at = ended_at(timer)
    return over_at is not None and over_at <= before.until


def _all_timers(assessment: Assessment) -> Sequence[Timer]:
    """Those of its cycles, and the intervals that are foreseen."""
    if not assessment.foreseen:
        return assessment.timers
    return [*assessment.timers, *assessment.foreseen]


def _new_numbers(metric: str, known: Collection[Key]) -> Iterator[int]:
    """The numbers behind all those that its cycles have had."""
    return count(max((number for one, number in known if one == metric), default=0) + 1)


def _ordered(timers: Iterable[Timer], policy: Policy) -> tuple[Timer, ...]:
    """By metric as the policy lists them, those it does not know last, and by cycle."""
    last = len(policy.numbers)
    return tuple(
        sorted(
            timers,
            key=lambda timer: (
                policy.numbers.get(timer.metric, last),
                timer.metric,
                timer.cycle,
            ),
        )
    )
