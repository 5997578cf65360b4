"""What `desk check` says of a list of rules, against a walk over every ticket that there can be."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read
from sla.domain.policy.policy import Policy, holds
from sla.domain.values import Scalar

HEAD = """\
desk: test
severity:
  levels: [p1, p2, p3]
  default: p3
  floors: [{when: {trial: true}, at_least: p2}]
metrics:
  first:
    starts: opened
    meets: agent_replied
    targets:
"""
FIRST_LINE = HEAD.count("\n") + 1
VALUES: dict[str, tuple[Scalar, ...]] = {
    "severity": ("p1", "p2", "p3"),
    "plan": (None, "gold", "basic", "other"),
    "trial": (True, False),
    "zone": (None, "Europe/Paris", "Europe/Rome", "Asia/Tokyo", "America/Lima"),
}
TESTS = {
    "severity": ("p1", "p3", "[p1, p2]", "{not: p1}", "{not: [p2, p3]}"),
    "plan": ("gold", "[gold, basic]", "{not: gold}", "null", "{not: null}"),
    "trial": ("true", "false"),
    "zone": ('"Europe/*"', "Europe/Paris", '{not: "Europe/*"}', '["Asia/*", null]'),
}


@st.composite
def rules(draw: st.DrawFn) -> list[str]:
    """Up to five rules, each of another promise."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        names = draw(st.sets(st.sampled_from(sorted(TESTS)), max_size=2))
        when = ", ".join(f"{name}: {draw(st.sampled_from(TESTS[name]))}" for name in sorted(names))
        found.append(f"      - {{when: {{{when}}}, within: {number + 1}h}}\n")
    return found


def tickets(policy: Policy) -> list[dict[str, Scalar]]:
    """Every ticket that there can be, with its severity as the file makes it."""
    found = []
    for values in product(*VALUES.values()):
        ticket = dict(zip(VALUES, values, strict=True))
        found.append({**ticket, "severity": policy.resolve(ticket).severity})
    return found


def is_exception(number: int, matching: list[set[int]]) -> bool:
    """Whether later rules, none of them for all its tickets, are for each of its tickets. Promises
    grow along the list, so that no later one is stricter."""
    own = [one for one in matching if one and min(one) == number]
    later = {one for numbers in own for one in numbers if one > number}
    some = {one for one in later if not all(one in numbers for numbers in own)}
    return all(numbers & some for numbers in own)


@given(rules())
@example(
    [
        "      - {when: {severity: p3}, within: 1h}\n",
        "      - {when: {severity: p3, trial: false}, within: 2h}\n",
        "      - {when: {plan: gold}, within: 3h}\n",
    ]
)
@settings(max_examples=300, deadline=None)
def test_warnings_are_what_a_walk_over_all_tickets_finds(lines: list[str]) -> None:
    path = Path("test") / "sla.yaml"
    policy, problems = read.read(parse_yaml(HEAD + "".join(lines), path))
    assert policy is not None
    (track,) = policy.metrics[0].tracks
    matching = [
        {number for number, target in enumerate(track) if holds(target.when, ticket)}
        for ticket in tickets(policy)
    ]
    first = [min(numbers) for numbers in matching if numbers]
    for number in range(len(track)):
        said = [one.message for one in problems if one.line == FIRST_LINE + number]
        is_hidden = any(one.startswith(("never reached", "never holds")) for one in said)
        assert is_hidden == (number not in first), said
        named = {
            int(one.split("line ")[1].split(",")[0]) - FIRST_LINE
            for one in said
            if "overlaps" in one
        }
        competing = {
            earlier
            for earlier in range(number)
            if any(number in one and min(one) == earlier for one in matching)
            and any(number not in one and min(one, default=None) == earlier for one in matching)
            and not is_exception(earlier, matching)
        }
        assert named == (set() if is_hidden else competing)
