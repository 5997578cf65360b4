"""A correction counts as if it had been known at the opening: the same timers as on a ticket whose
opening said so and that nobody corrected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.domain.facts import arrange
from sla.domain.replay.assess import assess
from sla.domain.values import Fact
from support.sla_cases import desk

BEGIN = datetime(2026, 3, 5, 13, 0, tzinfo=UTC)
FINDS = {"triaged": "severity", "scope_decided": "scope", "entitlement_decided": "entitled"}
LEVELS = {
    "vircom": ("p1", "p2", "p3"),
    "sign-in-solutions": ("critical", "serious", "normal"),
    "smartsimple": ("tier1", "tier2", "tier3", "tier4"),
    "infocyte": ("s1", "s2", "s3", "s4"),
    "sightcall": ("high", "normal"),
}
OTHERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("agent_replied", {"is_initial_response": True}),
    ("requester_replied", {"channel": "phone"}),
    ("requester_replied", {"channel": "email", "is_urgent": True}),
    ("contact_attempted", {"reached": False}),
    ("waiting_on_customer", {}),
    ("waiting_on_provider", {}),
    ("workaround_provided", {"is_suitable": True}),
    ("plan_changed", {"plan": "patrol"}),
    ("plan_changed", {"plan": "enlist", "is_trial": True}),
    ("information_requested", {}),
    ("information_completed", {}),
    ("resolved", {}),
    ("closed", {}),
    ("reopened", {}),
)


@st.composite
def lives(draw: st.DrawFn, name: str) -> list[Fact]:
    """An opening, findings, and all else that may happen, in any order and some of it late."""
    values: dict[str, st.SearchStrategy[object]] = {
        "severity": st.sampled_from([*LEVELS[name], None]),
        "scope": st.sampled_from(["covered", "best_effort", "out_of_scope", None]),
        "entitled": st.sampled_from([True, False, None]),
    }
    opening = {
        "channel": draw(st.sampled_from(["email", "phone", "portal"])),
        "is_urgent": draw(st.booleans()),
        **{field: draw(of) for field, of in values.items() if draw(st.booleans())},
    }
    facts = [Fact("opened", BEGIN, BEGIN, 1, opening)]
    for sequence in range(2, draw(st.integers(2, 12)) + 1):
        at = BEGIN + timedelta(minutes=draw(st.integers(-60, 5 * 24 * 60)))
        kind = draw(st.sampled_from([*FINDS, None]))
        if kind is None:
            kind, data = draw(st.sampled_from(OTHERS))
        else:
            data = {FINDS[kind]: draw(values[FINDS[kind]])} if draw(st.booleans()) else {}
        facts.append(Fact(kind, at, at, sequence, data))
    return facts


def as_if_known(facts: list[Fact]) -> list[Fact]:
    """The same facts, the last known values in the opening, and no corrections."""
    known = dict(facts[0].data)
    ordered = sorted(facts[1:], key=lambda one: (max(one.occurred_at, BEGIN), one.sequence))
    for fact in ordered:
        if (name := FINDS.get(fact.type)) is not None and name in fact.data:
            known[name] = fact.data[name]
    return [
        Fact(
            fact.type,
            fact.occurred_at,
            fact.recorded_at,
            fact.sequence,
            known if fact.sequence == 1 else {} if fact.type in FINDS else fact.data,
        )
        for fact in facts
    ]


@given(st.sampled_from(sorted(LEVELS)).flatmap(lambda name: st.tuples(st.just(name), lives(name))))
@settings(max_examples=300, deadline=None)
def test_correction_counts_as_if_it_had_been_known_at_the_opening(
    example: tuple[str, list[Fact]],
) -> None:
    name, facts = example
    policy = desk(name)
    found, expected = assess(facts, policy), assess(as_if_known(facts), policy)
    assert len(arrange(facts)[0]) == len(facts)
    assert found.timers == expected.timers
    assert found.silences == expected.silences
    assert found.attributes["severity"] == expected.attributes["severity"]
