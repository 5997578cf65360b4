"""What it costs to assess a ticket, and how that grows with its facts."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import timeit
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.report import Row, at_most, growth
from bench.rig import Rig
from bench.say import say
from sla import ENGINE
from sla.desk_file.read import parse
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import Assessor
from sla.domain.replay.assess import assess as assess_once
from sla.domain.values import Fact
from sla.engine import PURE_VARIABLE

POLICY = """
desk: bench
severity: {levels: [p1, p2, p3], default: p3}
calendars:
  office:
    timezone: America/New_York
    hours: {mon-fri: ["08:30-18:00"]}
    holidays: {countries: [US]}
metrics:
  first_response:
    starts: opened
    meets: [agent_replied, contact_attempted]
    targets:
      - {when: {severity: p1}, within: 30m}
      - {when: {severity: p2}, within: 1h, calendar: office}
      - {within: 4h, calendar: office}
  next_response:
    starts: requester_replied
    meets: [agent_replied, contact_attempted]
    repeats: on_start
    after: first_response
    targets: [{within: 4h, calendar: office}]
  periodic_update:
    starts: opened
    meets: [noted]
    cancels: resolved
    targets: [{within: 8h, calendar: office}]
  resolution:
    starts: opened
    meets: resolved
    pauses: [{on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}]
    targets: [{when: {severity: p1}, within: 4h}, {within: 24h, calendar: office}]
"""
OPENED = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
BY = {"by": {"kind": "agent", "id": "ana", "name": "Ana"}}
# After the opening: the first ten facts of a ticket, with one cycle of each of the four metrics.
LIFE = (
    "assigned", "triaged", "agent_replied", "waiting_on_customer", "requester_replied", "noted",
    "agent_replied", "assigned", "email_requested",
)  # fmt: skip
SEVERITIES = ("p2", "p3", "p1")
# A longer life has more cycles, too; what each fact costs must not grow with it.
LIMIT = 1.5
REPEATS = 40


async def assess(rig: Rig) -> list[Row]:
    """From the beginning, and going on from what was assessed before; by each engine there is."""
    rows = _rows("compiled", await _measured(is_pure=False), limit=15) if ENGINE.is_compiled else []
    return rows + _rows("pure", await _measured(is_pure=True), limit=45)


def _rows(engine: str, took: Mapping[str, float], *, limit: float) -> list[Row]:
    ten, hundred, thousand = took["10"], took["100"] / 100, took["1000"] / 1_000
    say(f"{engine}: {ten:.1f} µs for 10 facts, {hundred:.2f} a fact of 100, {thousand:.2f} of 1000")
    say(f"one more fact: {took['9 + 1']:.1f} µs after 9, {took['999 + 1']:.1f} µs after 999")
    each = growth(f"assess_1000_facts_{engine}", thousand, hundred, at_most=LIMIT, unit="µs/fact")
    return [at_most(f"assess_10_facts_{engine}", ten, "µs", took["1"], limit=limit), each]


async def _measured(*, is_pure: bool) -> dict[str, float]:
    """What `main` prints in a process with that engine."""
    environment = {**os.environ, PURE_VARIABLE: "1" if is_pure else "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.assess", env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"bench.assess ended with {process.returncode}")
    found: dict[str, float] = json.loads(out)
    return found


def main() -> None:
    """Print the microseconds that each assessment takes with this process's engine, as JSON."""
    policy = parse(POLICY, Path("bench/sla.yaml"))
    lives = {count: _life(count) for count in (1, 10, 100, 1_000)}
    took = {str(count): _from_the_beginning(facts, policy) for count, facts in lives.items()}
    took |= {f"{count - 1} + 1": _going_on(lives[count], policy) for count in (10, 1_000)}
    sys.stdout.write(json.dumps(took))


def _life(count: int) -> tuple[Fact, ...]:
    """So many facts, a quarter of an hour apart."""
    facts = [Fact("opened", OPENED, OPENED, 1, {"severity": "p3", "channel": "email"})]
    for number in range(1, count):
        at = OPENED + timedelta(minutes=15 * number)
        kind = LIFE[(number - 1) % len(LIFE)]
        data = BY | ({"severity": SEVERITIES[number % 3]} if kind == "triaged" else {})
        facts.append(Fact(kind, at, at, number + 1, data))
    return tuple(facts)


def _from_the_beginning(facts: tuple[Fact, ...], policy: Policy) -> float:
    """Microseconds in the quickest of several rounds."""
    number = max(1, 300 // len(facts))
    rounds = timeit.repeat(lambda: assess_once(facts, policy), number=number, repeat=REPEATS)
    return min(rounds) / number * 1e6


def _going_on(facts: tuple[Fact, ...], policy: Policy) -> float:
    """Microseconds for the last of `facts`, when those before it were assessed."""
    rounds: list[float] = []
    for _ in range(REPEATS):
        assessor = Assessor()
        assessor.assess(facts[:-1], policy)
        rounds.append(timeit.timeit(partial(assessor.assess, facts, policy), number=1))
    return min(rounds) * 1e6


if __name__ == "__main__":
    main()
