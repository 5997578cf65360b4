"""What the SLA engine publishes about objectives: shares of many promises, a period at a time.

Their subject is the desk, the objective and the period: `vircom/p2_answers/2026-03`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pledge.events.event import Event
from pledge.events.topics import Topic
from pledge.events.values import Actor, Instant, Line


class ObjectiveEvent(Event):
    """What all events about one objective in one period have."""

    TOPIC: ClassVar[Topic] = Topic.SLA_EVENTS
    objective: str = Field(description="Its name in the desk's file.")
    title: Line = ""
    metric: str = Field(description="The metric whose promises are counted.")
    period: str = Field(description="`2026-03`, `2026-Q1`, `2026-W10`: in the desk's zone.")
    period_starts_at: Instant
    period_ends_at: Instant = Field(description="The first instant that is in the next one.")
    share: float = Field(ge=0, le=1, description="The share that is to be kept: 0.95.")
    kept: int = Field(ge=0)
    missed: int = Field(ge=0)
    attainment: float | None = Field(
        default=None, description="The share that was kept; None while nothing is decided."
    )

    def subject(self) -> str:
        """The desk, the objective and the period."""
        return f"{self.desk}/{self.objective}/{self.period}"


class CountedObjective(ObjectiveEvent):
    """What the count of a period has that nobody decides about."""

    running: int = Field(default=0, ge=0, description="Promises due in the period, still open.")
    left: int = Field(description="How many more may be missed; below 0: so many too many.")
    policy_version: str = Field(description="Version of the desk's policy that says the share.")


class ObjectiveAtRisk(CountedObjective):
    """More promises are missed than may be, of those known by now; once a period."""

    type: Literal["pledge.objective.at_risk.v1"] = "pledge.objective.at_risk.v1"


class ObjectiveLost(CountedObjective):
    """A period is over, all its promises are decided, and its share was not kept. `occurred_at` is
    its end."""

    type: Literal["pledge.objective.lost.v1"] = "pledge.objective.lost.v1"
    owes: float = Field(default=0, ge=0, le=1, description="The credit to be confirmed: 0.05.")


class ObjectiveLossRetracted(CountedObjective):
    """A lost period is taken back: facts learnt late prove its share kept."""

    type: Literal["pledge.objective.loss_retracted.v1"] = "pledge.objective.loss_retracted.v1"


class CreditDecided(ObjectiveEvent):
    """A person confirmed or waived what a lost period owes. Nothing is charged by Pledge."""

    type: Literal["pledge.objective.credit_decided.v1"] = "pledge.objective.credit_decided.v1"
    decision: str = Field(description="Open set: confirmed, waived.")
    owes: float = Field(ge=0, le=1, description="The credit decided about: 0.05.")
    by: Actor
    why: Line = ""


EVENTS: tuple[type[Event], ...] = (
    ObjectiveAtRisk,
    ObjectiveLost,
    ObjectiveLossRetracted,
    CreditDecided,
)
