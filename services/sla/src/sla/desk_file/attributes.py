"""What a ticket, or an incident, can be: the attributes that conditions may ask about.

They follow from what the facts of the contract do to a ticket, so that a new field is known here
once the domain takes it from a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sla.desk_file.fact_fields import Kind, Noun, noun_of, sample_of
from sla.desk_file.model import PolicyFile
from sla.domain.facts import OPENINGS
from sla.domain.policy.attributes import SETTERS, Attributes
from sla.domain.policy.matrix import BY_MATRIX, IMPACT, URGENCY

SEVERITY = "severity"


class Attribute(NamedTuple):
    """What an attribute holds, and whether it always has a value."""

    kind: Kind
    is_always_set: bool


@lru_cache(maxsize=1)
def _by_noun() -> Mapping[Noun, Mapping[str, Attribute]]:
    found: dict[Noun, dict[str, Attribute]] = {noun: {} for noun in Noun}
    for fact, setter_of in SETTERS.items():
        setter = setter_of({})
        given: Attributes = {}
        setter(given, sample_of(fact))
        without: Attributes = {}
        if fact in OPENINGS:
            setter(without, {})
        known = found[noun_of(fact)]
        for name, value in given.items():
            kind = Kind.YES_OR_NO if isinstance(value, bool) else Kind.TEXT
            is_always_set = without.get(name) is not None
            if name not in known or is_always_set:
                known[name] = Attribute(kind, is_always_set)
    # What has no severity is given the default.
    severity = found[Noun.TICKET][SEVERITY]
    found[Noun.INCIDENT].setdefault(SEVERITY, severity)
    return found


def attributes_of(noun: Noun, file: PolicyFile) -> Mapping[str, Attribute]:
    """What a ticket or an incident can be under `file`: also the file's flags and defaults."""
    known = dict(_by_noun()[noun])
    known.pop(BY_MATRIX, None)  # of the sender's matrix; no condition needs it
    if noun is Noun.TICKET and file.matrix is None:
        # Nobody is asked for them then: a condition on them would never hold.
        known = {name: one for name, one in known.items() if name not in (IMPACT, URGENCY)}
    everywhere = {name: one for each in _by_noun().values() for name, one in each.items()}
    for name, value in file.defaults.items():
        if name in everywhere and value is not None:
            known[name] = Attribute(everywhere[name].kind, is_always_set=True)
    if file.severity is not None:
        known[SEVERITY] = Attribute(Kind.TEXT, is_always_set=True)
    for name in file.flags:
        known[name] = Attribute(Kind.YES_OR_NO, is_always_set=True)
    return known


def known_attributes(file: PolicyFile) -> frozenset[str]:
    """All that a condition may name."""
    return frozenset(name for noun in Noun for name in attributes_of(noun, file))


@lru_cache(maxsize=2)
def fixed_at_opening(noun: Noun) -> frozenset[str]:
    """What the opening says and nothing changes, under the name that the opening has for it."""
    given: dict[str, set[str]] = {}
    for fact, setter_of in SETTERS.items():
        taken: Attributes = {}
        setter_of({})(taken, sample_of(fact))
        for name in taken:
            given.setdefault(name, set()).add(fact)
    return frozenset(
        name
        for name, facts in given.items()
        if len(facts) == 1 and facts <= {*OPENINGS} and noun_of(next(iter(facts))) is noun
    )
