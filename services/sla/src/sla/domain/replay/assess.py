"""`assess(facts, policy)`: all that a ticket's facts mean, in one pass over them.

Total: any facts, in any order, have a meaning and none raises. What the ticket was from its opening
(severity, scope, …: `policy.counting`) has one value for the whole replay, the last known. What
changes from its moment on (plan, …) puts another promise in force then: the one in force at the end
decides how much time there is, and each stretch before it counts on the calendar that was in force.

After closing only a reopening counts, and what is about the ticket's aftermath (metrics that
outlive closing: feedback, reviews). Merging closes the ticket merged away.
"""

from __future__ import annotations

from collections.abc import Iterable

from sla.domain.facts import OPENINGS, REOPENING, TAKEN_BACK, TAKING_BACK, arrange, counts_at
from sla.domain.policy.policy import Policy
from sla.domain.replay.findings import corrects, findings
from sla.domain.replay.ticket_replay import TicketReplay
from sla.domain.values import Assessment, Fact, Note

NOTHING = Assessment()


def assess(facts: Iterable[Fact], policy: Policy) -> Assessment:
    """Every timer of a ticket (or incident) with its due instants, and its silences."""
    return Assessor().assess(tuple(facts), policy)


class Assessor:
    """Incremental `assess` for one ticket: the same results, at the cost of the new fact.

    It keeps the replay of the facts that it was given last. Given those and one more that counts
    after all of them, it applies that one. Anything else (a late fact, a correction, a fact that
    takes another back, another policy, facts after a transaction that was not committed) it
    assesses from the beginning.
    """

    __slots__ = (
        "_assessment",
        "_facts",
        "_highest",
        "_last_at",
        "_newest",
        "_odd",
        "_opened_us",
        "_policy",
        "_replay",
        "_takes_back",
    )

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._facts: tuple[Fact, ...] = ()
        self._assessment = NOTHING
        self._replay: TicketReplay | None = None  # None while the opening is not known
        self._opened_us = self._last_at = 0  # when the first and the last of them count
        self._highest = 0  # of their sequences
        self._newest = ""
        self._odd: list[Note] = []
        self._takes_back = False  # whether a fact among them takes others back

    def assess(self, facts: tuple[Fact, ...], policy: Policy) -> Assessment:
        """What `assess(facts, policy)` gives."""
        is_known = policy is self._policy
        if is_known and facts is self._facts:
            return self._assessment
        self._policy = None  # an exception below must not leave a state that looks valid
        if not (is_known and self._replay_newest(facts)):
            self._replay_all(facts, policy)
        if self._replay is None:
            self._assessment = Assessment(policy_version=policy.version)
        else:
            self._assessment = self._replay.assessment(self._newest, self._odd)
        self._facts, self._policy = facts, policy
        return self._assessment

    def _replay_all(self, facts: tuple[Fact, ...], policy: Policy) -> None:
        """Apply all the facts."""
        timed, self._odd = arrange(facts)
        self._replay = None
        if not timed:
            return
        self._opened_us, self._last_at = timed[0][0], timed[-1][0]
        effects_of = policy.effects.get
        known, notes = None, list[Note]()
        kinds = {fact.type for _, _, fact in timed}
        self._takes_back = TAKING_BACK in kinds
        if not policy.findings.isdisjoint(kinds):
            known, notes = findings(timed, policy)
        replay = TicketReplay(policy, self._opened_us, known, notes)
        newest, highest = timed[0][2], -1
        for at, sequence, fact in timed:
            if sequence > highest:
                newest, highest = fact, sequence
            effects = effects_of(fact.type)
            if effects is not None:
                replay.apply(at, fact, effects)
        self._replay, self._newest = replay, newest.type
        # A second opening has no effect, but the next fact may come before or after it.
        self._highest = max([fact.sequence for fact in facts])

    def _replay_newest(self, facts: tuple[Fact, ...]) -> bool:
        """Apply the last of `facts`, if the others were applied, it counts after them, and corrects
        nothing that counts from the opening."""
        replay, known = self._replay, len(self._facts)
        if replay is None or len(facts) != known + 1 or facts[:known] != self._facts:
            return False
        fact, odd = facts[known], list[Note]()
        at = counts_at(fact, self._opened_us, odd)
        if (
            fact.type in OPENINGS
            or fact.type == TAKING_BACK
            or fact.sequence <= self._highest
            or at < self._last_at
        ):
            return False
        if fact.type == REOPENING and at == self._last_at:
            return False  # it counts before others of its instant
        if fact.type == TAKEN_BACK and self._takes_back:
            return False  # it may be the one
        effects = replay.policy.effects.get(fact.type)
        if effects is not None:
            if effects.is_finding and corrects(fact, effects, replay.attributes, replay.policy):
                return False
            replay.apply(at, fact, effects)
        self._odd += sorted(odd)
        self._last_at, self._highest, self._newest = at, fact.sequence, fact.type
        return True
