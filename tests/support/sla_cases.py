"""A ticket's life in a few lines, assessed under a desk's file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read as policy_file
from sla.domain.facts import fact_from_event
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import assess
from sla.domain.values import Assessment, Fact, State, Timer

DESKS = Path(__file__).parents[2] / "deploy" / "desks"
TICKET = "0192aa00-0000-7000-8000-000000000001"


@lru_cache
def desk(name: str) -> Policy:
    """The policy of a desk of `deploy/desks`."""
    return policy_file.load(DESKS / name / "sla.yaml")


def problems_of(text: str) -> list[str]:
    """All problems of a desk's file that says `text`, each as `desk check` prints it."""
    try:
        document = parse_yaml(text, Path("acme") / "sla.yaml")
        return [str(each) for each in policy_file.read(document)[1]]
    except DeskFileError as error:
        return [str(each) for each in error.problems]


def instant(text: str, zone: str) -> datetime:
    """`2026-07-02 17:00` on the wall clock of `zone`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@dataclass
class Story:
    """Facts of one ticket; times are wall-clock times in `zone`."""

    policy: Policy
    zone: str = "UTC"
    facts: list[Fact] = field(default_factory=list)

    def opened(self, at: str, **data: object) -> Self:
        """The ticket is opened, by mail unless said otherwise."""
        data = {"channel": "email", "requester": {}, **data}
        return self.then("opened", at, recorded=None, **data)

    def then(self, fact: str, at: str, *, recorded: str | None = None, **data: object) -> Self:
        """Something happens, and is recorded at once or `recorded` later."""
        noun, verb = ("incident", fact[9:]) if fact.startswith("incident_") else ("ticket", fact)
        event = {
            "type": f"pledge.{noun}.{verb}.v1",
            "ticket_id": TICKET,
            "number": "T-1",
            "occurred_at": instant(at, self.zone).isoformat(),
            "recorded_at": instant(recorded or at, self.zone).isoformat(),
            "by": {"kind": "agent", "id": "ana", "name": "Ana"},
            **data,
        }
        self.facts.append(fact_from_event(event, len(self.facts) + 1))
        return self

    def assess(self) -> Assessment:
        """What it all means."""
        return assess(self.facts, self.policy)

    def timer(self, metric: str, cycle: int = 1) -> Timer:
        """The timer of one cycle; there must be one."""
        return next(t for t in self.assess().timers if (t.metric, t.cycle) == (metric, cycle))

    def has(self, metric: str) -> bool:
        """Whether anything is promised for the metric."""
        return any(timer.metric == metric for timer in self.assess().timers)

    def due(self, metric: str, cycle: int = 1) -> str | None:
        """The due instant on the wall clock."""
        return self.local(self.timer(metric, cycle).due_at)

    def expect(self, metric: str) -> str | None:
        """The softer instant on the wall clock."""
        return self.local(self.timer(metric).expect_at)

    def state(self, metric: str, at: str, cycle: int = 1) -> State:
        """The timer's state at a wall-clock time."""
        return self.timer(metric, cycle).state_at(instant(at, self.zone))

    def local(self, at: datetime | None) -> str | None:
        """An instant as text on the wall clock, with seconds only where there are some."""
        if at is None:
            return None
        here = at.astimezone(ZoneInfo(self.zone))
        text = f"{here:%Y-%m-%d %H:%M}"
        return f"{text}:{here:%S}" if here.second or here.microsecond else text


def minutes(count: float) -> timedelta:
    """A duration."""
    return timedelta(minutes=count)
