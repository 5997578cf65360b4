"""What the facts of a ticket, all together, say that it was from its opening."""

from __future__ import annotations

from collections.abc import Sequence

from sla.domain.policy.attributes import Attributes
from sla.domain.policy.fact_effects import FactEffects
from sla.domain.policy.matrix import BY_MATRIX
from sla.domain.policy.policy import Policy
from sla.domain.values import Fact, Note, Scalar

COUNTS = "counts from the opening"


def apply_to_attributes(attributes: Attributes, fact: Fact, effects: FactEffects) -> None:
    """What one fact says of the ticket."""
    data = fact.data
    if effects.setter is not None:
        effects.setter(attributes, data)
    for name, is_on, matches in effects.flags:
        if matches is None or matches(data):
            attributes[name] = is_on


def findings(
    timed: Sequence[tuple[int, int, Fact]], policy: Policy
) -> tuple[Attributes, list[Note]]:
    """The values, last known, of the attributes that count from the opening, and a note for each
    that a later fact corrected. Nothing of either while no fact did."""
    opened_us, _, opening = timed[0]
    attributes, notes, is_corrected = policy.attributes_before(), list[Note](), False
    if (effects := policy.effects.get(opening.type)) is not None:
        apply_to_attributes(attributes, opening, effects)
    for at, _, fact in timed[1:]:
        effects = policy.effects.get(fact.type)
        if effects is None or not effects.is_finding:
            continue
        before = what_counts(attributes, policy)
        apply_to_attributes(attributes, fact, effects)
        for name, value in what_counts(attributes, policy).items():
            if before.get(name) != value:
                is_corrected = True
                if at > opened_us and name != BY_MATRIX:
                    notes.append(Note(fact.sequence, fact.type, _words(name, value)))
    return (what_counts(attributes, policy) if is_corrected else {}), notes


def _words(name: str, value: Scalar) -> str:
    return f"{COUNTS}: {name} {'none' if value is None else value}"


def corrects(fact: Fact, effects: FactEffects, attributes: Attributes, policy: Policy) -> bool:
    """Whether a fact gives an attribute that counts from the opening another value."""
    after = dict(attributes)
    apply_to_attributes(after, fact, effects)
    return what_counts(after, policy) != what_counts(attributes, policy)


def what_counts(attributes: Attributes, policy: Policy) -> Attributes:
    """Those of the attributes that count from the opening."""
    return {name: attributes[name] for name in policy.from_opening if name in attributes}
