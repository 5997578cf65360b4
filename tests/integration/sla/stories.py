"""Tickets as intake publishes them: numbered events, ready to be put on the bus."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from pledge.events import (
    Actor,
    AgentReplied,
    Contact,
    ContactAttempted,
    Decoded,
    Event,
    Noted,
    Resolved,
    TicketOpened,
    Triaged,
    WaitingOnCustomer,
    decode,
    derived_id,
    encode,
    originate,
)
from pledge.events.status import IncidentEvent
from pledge.runtime.records import Message

# A Monday, 11:00 in Toronto: within office hours.
MONDAY = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
AGENT = Actor(kind="agent", id="ann", name="Ann")
SPACE = UUID("4c0a2e9e-6f0f-4c7e-8f11-0d8f6a3d2b11")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


class Story:
    """One ticket of the desk acme; each call adds its next event."""

    def __init__(self, number: int = 1, *, desk: str = "acme", start: datetime = MONDAY) -> None:
        self.ticket_id = uuid5(SPACE, f"{desk}-{number}")
        self.number = f"ACM-{number}"
        self.desk = desk
        self.start = start
        self.messages: list[Message] = []

    def opened(self, after: float = 0, **fields: Any) -> Story:
        event_data: dict[str, Any] = {
            "subject_line": "No mail flow",
            "channel": "email",
            "requester": Contact(name="Bea", email="bea@example.com"),
            "severity": "p1",
        }
        return self.add(TicketOpened, after, **(event_data | fields))

    def attempted(self, after: float, *, known_after: float | None = None) -> Story:
        """A technician tried to reach the customer; Pledge learnt of it at `known_after`."""
        return self.add(
            ContactAttempted,
            after,
            known_after=known_after,
            by=AGENT,
            channel="phone",
            reached=False,
        )

    def replied(self, after: float) -> Story:
        return self.add(AgentReplied, after, agent=AGENT, is_initial_response=True)

    def noted(self, after: float) -> Story:
        return self.add(Noted, after, by=AGENT, text="looked at it")

    def triaged(self, after: float, severity: str) -> Story:
        return self.add(Triaged, after, severity=severity, by=AGENT)

    def waiting(self, after: float) -> Story:
        return self.add(WaitingOnCustomer, after, by=AGENT)

    def resolved(self, after: float) -> Story:
        return self.add(Resolved, after, by=AGENT)

    def incident(self, event: type[IncidentEvent], after: float) -> Story:
        """An event of the incident that this story is about instead."""
        return self.add(
            event,
            after,
            incident_id=self.ticket_id,
            title="Mail is delayed",
            impact="critical",
            state="investigating",
            update_id=uuid5(SPACE, f"{self.number}-{after}"),
            by=AGENT,
        )

    def add(
        self, event: type[Event], after: float, *, known_after: float | None = None, **fields: Any
    ) -> Story:
        """Add an event that occurred `after` minutes from the start."""
        sequence = len(self.messages) + 1
        about = {"ticket_id": self.ticket_id, "number": self.number}
        event_data = event.model_validate(
            {
                "desk": self.desk,
                "occurred_at": self.start + minutes(after),
                "recorded_at": self.start + minutes(after if known_after is None else known_after),
                **about,
                **fields,
            }
        )
        envelope = originate(
            event_data,
            source="/intake",
            id=derived_id(str(self.ticket_id), sequence),
            sequence=sequence,
            correlation_id=derived_id(str(self.ticket_id), 0),
        )
        encoded = encode(event_data, envelope)
        self.messages.append(Message(encoded.topic, encoded.key, encoded.value, encoded.headers))
        return self

    @property
    def last(self) -> Message:
        return self.messages[-1]


def decoded(records: Iterable[Any]) -> list[Decoded]:
    """Records as events; fails for one that is none."""
    found = [decode(record.headers, record.value) for record in records]
    return [each for each in found if isinstance(each, Decoded)]
