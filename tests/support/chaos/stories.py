"""Conversations, planned from a random source; their records are made when they are due.

Every text holds a unique token, by which the oracle finds the fact that it became.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from pledge.events import (
    Actor,
    AgentReplied,
    Authentication,
    ChatMessageReceived,
    Contact,
    ContactAttempted,
    EmailMessageReceived,
    Event,
    Noted,
    RequesterReplied,
    Resolved,
    TicketOpened,
    Triaged,
    derived_id,
    encode,
    originate,
)
from pledge.runtime.records import Message
from support.chaos.desk import ADDRESS, DESK, FIRST_RESPONSE, RESOLUTION
from support.chaos.random_source import RandomSource

AGENT = Actor(kind="agent", id="ann", name="Ann")


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _message(event: Event, **envelope: Any) -> Message:
    encoded = encode(event, originate(event, **envelope))
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


# -- tickets, published directly as intake would -------------------------------------------------


@dataclass(slots=True)
class Step:
    """One fact: what, when it happens, when it is published."""

    model: type[Event]
    occurred_at: datetime
    at: datetime
    fields: dict[str, Any]
    duplicates: int = 0
    """How many of the last events, this one included, are published a second time."""


@dataclass(slots=True)
class TicketStory:
    """One ticket's facts in the order in which they are published."""

    ticket_id: UUID
    number: str
    steps: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def message(self, step: Step, now: datetime) -> Message:
        """The next record of the ticket; its sequence is the order of publication."""
        sequence = len(self.messages) + 1
        event = step.model.model_validate(
            {
                "desk": DESK,
                "occurred_at": min(step.occurred_at, now),
                "recorded_at": now,
                "ticket_id": self.ticket_id,
                "number": self.number,
                **step.fields,
            }
        )
        message = _message(
            event,
            source="/intake",
            id=derived_id(str(self.ticket_id), sequence),
            sequence=sequence,
            correlation_id=str(self.ticket_id),
        )
        self.messages.append(message)
        return message

    def duplicates(self, step: Step) -> list[Message]:
        """Records of before that come once more, as after a crash of their relay."""
        return self.messages[-step.duplicates :] if step.duplicates else []


def plan_ticket(rng: RandomSource, begin: datetime, seconds: float) -> TicketStory:
    """A ticket that opens within `seconds` and is answered in time, late, or never."""
    ticket_id = rng.id()
    story = TicketStory(ticket_id, f"DIRECT-{ticket_id.hex[-12:]}")
    opened = begin + _seconds(rng.between(0, seconds))
    fields = {
        "subject_line": "Nothing works",
        "channel": "email",
        "requester": Contact(name="Bea", email="bea@customer.example"),
        "severity": "normal",
    }
    steps = [Step(TicketOpened, opened, opened, fields)]
    steps += _noise(rng, opened)
    steps += _answer(rng, opened)
    if rng.chance(0.5):
        at = opened + rng.between(0.2, 1.4) * RESOLUTION
        steps.append(Step(Resolved, at, at, {"by": AGENT}))
    if rng.chance(0.15):
        at = opened + _seconds(rng.between(0, 1))
        confirmed = {"severity": "critical", "by": AGENT, "known_incident": True}
        steps.append(Step(Triaged, at, at, confirmed))
    story.steps = sorted(steps, key=lambda step: step.at)
    for number, step in enumerate(story.steps, 1):
        if rng.chance(0.25):
            step.duplicates = rng.number(1, number)
    return story


def _answer(rng: RandomSource, opened: datetime) -> list[Step]:
    """What meets the first response, if anything does."""
    outcome = rng.number(1, 4)
    if outcome == 1:
        return []
    fields: dict[str, Any] = {"agent": AGENT, "text": "We are on it"}
    model: type[Event] = AgentReplied
    if rng.chance(0.3):
        model, fields = ContactAttempted, {"by": AGENT, "channel": "phone", "reached": False}
    in_time = opened + rng.between(0.05, 0.85) * FIRST_RESPONSE
    match outcome:
        case 2:
            return [Step(model, in_time, in_time, fields)]
        case 3:
            # Happened in time, known after the breach: the breach is to be retracted.
            known = opened + FIRST_RESPONSE + _seconds(rng.between(0.3, 1.5))
            return [Step(model, in_time, known, fields)]
        case _:
            late = opened + FIRST_RESPONSE + _seconds(rng.between(0.3, 1.5))
            return [Step(model, late, late, fields)]


def _noise(rng: RandomSource, opened: datetime) -> list[Step]:
    steps = []
    for _ in range(rng.number(0, 3)):
        at = opened + _seconds(rng.between(0, 3))
        if rng.chance(0.5):
            steps.append(Step(Noted, at, at, {"by": AGENT, "text": "looked at it"}))
        else:
            by = Contact(name="Bea", email="bea@customer.example")
            steps.append(Step(RequesterReplied, at, at, {"by": by, "channel": "email"}))
    return steps


# -- conversations, by way of intake --------------------------------------------------------------


class Channel(Enum):
    """By which gateway a conversation comes in."""

    CHAT = auto()
    EMAIL = auto()
    HTTP = auto()
    SMTP = auto()


@dataclass(slots=True)
class Delivery:
    """One delivery of a conversation."""

    token: str
    at: datetime
    occurred_at: datetime
    is_agent: bool = False
    answers: str | None = None
    """The token of the mail that this one answers."""
    copies: int = 0
    """How often it is delivered again, under the same key."""
    was_acknowledged: bool = False

    @property
    def text(self) -> str:
        """Its words."""
        return f"It does not work. ref:{self.token}:"


@dataclass(slots=True)
class Conversation:
    """Deliveries in the order of their publication, which need not be that of their occurrence."""

    id: str
    channel: Channel
    deliveries: list[Delivery]

    def message(self, delivery: Delivery, copy: int, now: datetime) -> Message:
        """The record of a gateway; each copy has an id of its own, as retries of gateways have."""
        common = {
            "desk": DESK,
            "occurred_at": min(delivery.occurred_at, now),
            "recorded_at": now,
            "delivery": delivery.token,
            "conversation": self.id,
            "authentication": Authentication(result="none"),
            "text": delivery.text,
        }
        event: Event
        if self.channel is Channel.CHAT:
            event = ChatMessageReceived(
                **common,
                sender=Contact(name="Bea", chat=f"widget:{self.id}"),
                sender_kind="agent" if delivery.is_agent else "requester",
            )
        else:
            event = EmailMessageReceived(
                **common,
                message_id=_message_id(delivery.token),
                in_reply_to=_message_id(delivery.answers) if delivery.answers else None,
                sender=Contact(name="Bea", email=f"{self.id}@customer.example"),
                recipients=(ADDRESS,),
                subject_line="Nothing works",
            )
        return _message(event, source="/gateways/chaos", id=derived_id(delivery.token, copy))


def _message_id(token: str) -> str:
    return f"<{token}@customer.example>"


def plan_conversation(
    rng: RandomSource, channel: Channel, begin: datetime, seconds: float
) -> Conversation:
    """A conversation that begins within `seconds`."""
    conversation = rng.id().hex
    at = begin + _seconds(rng.between(0, seconds))

    def delivery(at: datetime, **fields: Any) -> Delivery:
        copies = rng.number(1, 2) if rng.chance(0.25) else 0
        return Delivery(rng.id().hex, at, at, copies=copies, **fields)

    deliveries = [delivery(at)]
    if channel is Channel.CHAT:
        deliveries += [delivery(at + _seconds(rng.between(0, 2))) for _ in range(rng.number(0, 2))]
    if channel is Channel.EMAIL and rng.chance(0.6):
        deliveries.append(delivery(at + _seconds(rng.between(0.1, 1)), answers=deliveries[0].token))
    if len(deliveries) > 1 and rng.chance(0.3):
        # The words of the requester overtake each other.
        deliveries[0].at, deliveries[1].at = deliveries[1].at, deliveries[0].at
    if channel is Channel.CHAT and rng.chance(0.6):
        first = min(each.at for each in deliveries)
        deliveries.append(delivery(first + rng.between(0.1, 1.3) * FIRST_RESPONSE, is_agent=True))
    deliveries.sort(key=lambda each: each.at)
    return Conversation(conversation, channel, deliveries)
