"""What notify keeps: pages, deliveries and what it knows of tickets, as values and as rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from notify.domain.page import EscalationPolicy, Page, PageState, Step
from pledge.events import Envelope


@dataclass(frozen=True, slots=True)
class About:
    """What a page or message is about: a ticket, an incident, or neither."""

    ticket_id: UUID | None = None
    incident_id: UUID | None = None
    number: str | None = None

    def subject(self, own_id: UUID) -> str:
        """The key of the events about it."""
        return str(self.ticket_id or self.incident_id or own_id)

    def as_json(self) -> dict[str, Any]:
        """For a jsonb column."""
        return {
            "ticket_id": str(self.ticket_id) if self.ticket_id else None,
            "incident_id": str(self.incident_id) if self.incident_id else None,
            "number": self.number,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "About":
        """Back from the column."""
        ticket, incident = value.get("ticket_id"), value.get("incident_id")
        return cls(
            UUID(ticket) if ticket else None,
            UUID(incident) if incident else None,
            value.get("number"),
        )


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The facts of a page, fixed when it is raised."""

    desk: str
    about: About
    route: str
    summary: str
    occurred_at: datetime
    detected_at: datetime
    cause: Envelope
    severity: str | None = None
    metric: str | None = None
    due_at: datetime | None = None
    breach_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page and its facts."""

    page: Page
    facts: PageFacts

    @property
    def id(self) -> UUID:
        """The page's id."""
        return UUID(self.page.id)


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery to be made: everything but its schedule and its worker."""

    id: UUID
    desk: str
    lane: str
    channel: str  # webhook, email
    kind: str  # page, email, chat, webhook
    target: str
    about: About
    content: dict[str, Any]
    context: dict[str, Any]  # what its events need: see `delivery.events`
    cause: Envelope
    page_id: UUID | None = None
    is_automatic: bool = False
    not_before: datetime | None = None  # waits for the end of a maintenance window (INF-09)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What notify knows of a ticket. `facts` is JSON: see `routing.event_reader`."""

    ticket_id: UUID
    desk: str
    number: str
    facts: dict[str, Any] = field(default_factory=dict)
    is_over: bool = False


def envelope_as_json(envelope: Envelope) -> dict[str, Any]:
    """For a jsonb column."""
    return {**envelope._asdict(), "time": envelope.time.isoformat()}


def envelope_from_json(value: Mapping[str, Any]) -> Envelope:
    """Back from the column."""
    return Envelope(**{**value, "time": datetime.fromisoformat(value["time"])})


def policy_as_json(policy: EscalationPolicy) -> dict[str, Any]:
    """For a jsonb column."""
    return {
        "name": policy.name,
        "repeats": policy.repeats,
        "steps": [
            {"targets": list(step.targets), "wait_seconds": step.wait_for.total_seconds()}
            for step in policy.steps
        ],
    }


def policy_from_json(value: Mapping[str, Any]) -> EscalationPolicy:
    """Back from the column."""
    steps = tuple(
        Step(tuple(step["targets"]), timedelta(seconds=step["wait_seconds"]))
        for step in value["steps"]
    )
    return EscalationPolicy(value["name"], steps, value["repeats"])


def page_as_row(record: PageRecord) -> dict[str, Any]:
    """A row of `pages`, by column."""
    page, facts = record.page, record.facts
    return {
        "id": page.id,
        "desk": facts.desk,
        "subject": facts.about.subject(record.id),
        "about": facts.about.as_json(),
        "breach_id": facts.breach_id,
        "route": facts.route,
        "summary": facts.summary,
        "severity": facts.severity,
        "metric": facts.metric,
        "due_at": facts.due_at,
        "occurred_at": facts.occurred_at,
        "detected_at": facts.detected_at,
        "cause": envelope_as_json(facts.cause),
        "is_late": page.is_late,
        "policy": policy_as_json(page.policy),
        "state": page.state.value,
        "step": page.step,
        "round": page.round,
        "next_step_at": page.next_step_at,
        "raised_at": page.raised_at,
        "acknowledged_at": page.acknowledged_at,
        "acknowledged_by": page.acknowledged_by,
        "resolved_at": page.resolved_at,
        "resolution": page.resolution,
    }


def page_from_row(row: Mapping[str, Any]) -> PageRecord:
    """Back from the row."""
    page = Page(
        id=str(row["id"]),
        policy=policy_from_json(row["policy"]),
        state=PageState(row["state"]),
        raised_at=row["raised_at"],
        is_late=row["is_late"],
        step=row["step"],
        round=row["round"],
        next_step_at=row["next_step_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolution=row["resolution"],
    )
    facts = PageFacts(
        desk=row["desk"],
        about=About.from_json(row["about"]),
        route=row["route"],
        summary=row["summary"],
        occurred_at=row["occurred_at"],
        detected_at=row["detected_at"],
        cause=envelope_from_json(row["cause"]),
        severity=row["severity"],
        metric=row["metric"],
        due_at=row["due_at"],
        breach_id=row["breach_id"],
    )
    return PageRecord(page, facts)
