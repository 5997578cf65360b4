"""Conversations as they will be told: planned from the dice, made into records in their time.

Every text holds a token of its own. Where the token ends up tells the oracle what became of it.
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
from support.chaos.dice import Dice

AGENT = Actor(kind="agent", id="ann", name="Ann")


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _message(event: Event, **envelope: Any) -> Message:
    encoded = encode(event, originate(event, **envelope))
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


# -- tickets, told straight to the bus as intake would -------------------------------------------


@dataclass(slots=True)
class Step:
    """One fact: what, when it happens in the world, when it is told."""

    model: type[Event]
    occurred_at: datetime
    at: datetime
    fields: dict[str, Any]
    doubles: int = 0
    """How many of the last events, this one included, are told a second time."""


@dataclass(slots=True)
class TicketStory:
    """One ticket's facts in the order in which they are told."""

    ticket_id: UUID
    number: str
    steps: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def message(self, step: Step, now: datetime) -> Message:
        """The next record of the ticket; its sequence is the order of telling."""
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

    def doubles(self, step: Step) -> list[Message]:
        """Records of before that come once more, as after a crash of their relay."""
        return self.messages[-step.doubles :] if step.doubles else []


def plan_ticket(dice: Dice, begin: datetime, seconds: float) -> TicketStory:
    """A ticket that opens within `seconds` and is answered in time, late, or never."""
    ticket_id = dice.id()
    story = TicketStory(ticket_id, f"DIRECT-{ticket_id.hex[-12:]}")
    opened = begin + _seconds(dice.between(0, seconds))
    told = {
        "subject_line": "Nothing works",
        "channel": "email",
        "requester": Contact(name="Bea", email="bea@customer.example"),
        "severity": "normal",
    }
    steps = [Step(TicketOpened, opened, opened, told)]
    steps += _noise(dice, opened)
    steps += _answer(dice, opened)
    if dice.chance(0.5):
        at = opened + dice.between(0.2, 1.4) * RESOLUTION
        steps.append(Step(Resolved, at, at, {"by": AGENT}))
    if dice.chance(0.15):
        at = opened + _seconds(dice.between(0, 1))
        confirmed = {"severity": "critical", "by": AGENT, "known_incident": True}
        steps.append(Step(Triaged, at, at, confirmed))
    story.steps = sorted(steps, key=lambda step: step.at)
    for number, step in enumerate(story.steps, 1):
        if dice.chance(0.25):
            step.doubles = dice.number(1, number)
    return story


def _answer(dice: Dice, opened: datetime) -> list[Step]:
    """What meets the first response, if anything does."""
    fate = dice.number(1, 4)
    if fate == 1:
        return []
    fields: dict[str, Any] = {"agent": AGENT, "text": "We are on it"}
    model: type[Event] = AgentReplied
    if dice.chance(0.3):
        model, fields = ContactAttempted, {"by": AGENT, "channel": "phone", "reached": False}
    in_time = opened + dice.between(0.05, 0.85) * FIRST_RESPONSE
    match fate:
        case 2:
            return [Step(model, in_time, in_time, fields)]
        case 3:
            # Happened in time, learnt of after the breach: it is to be taken back.
            known = opened + FIRST_RESPONSE + _seconds(dice.between(0.3, 1.5))
            return [Step(model, in_time, known, fields)]
        case _:
            late = opened + FIRST_RESPONSE + _seconds(dice.between(0.3, 1.5))
            return [Step(model, late, late, fields)]


def _noise(dice: Dice, opened: datetime) -> list[Step]:
    steps = []
    for _ in range(dice.number(0, 3)):
        at = opened + _seconds(dice.between(0, 3))
        if dice.chance(0.5):
            steps.append(Step(Noted, at, at, {"by": AGENT, "text": "looked at it"}))
        else:
            by = Contact(name="Bea", email="bea@customer.example")
            steps.append(Step(RequesterReplied, at, at, {"by": by, "channel": "email"}))
    return steps


# -- conversations, by way of intake --------------------------------------------------------------


class Channel(Enum):
    """By which door a conversation comes in."""

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
    was_taken: bool = False

    @property
    def text(self) -> str:
        """Its words."""
        return f"It does not work. ref:{self.token}:"


@dataclass(slots=True)
class Conversation:
    """Deliveries in the order of their telling, which need not be that of their happening."""

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
    dice: Dice, channel: Channel, begin: datetime, seconds: float
) -> Conversation:
    """A conversation that begins within `seconds`."""
    conversation = dice.id().hex
    at = begin + _seconds(dice.between(0, seconds))

    def delivery(at: datetime, **fields: Any) -> Delivery:
        copies = dice.number(1, 2) if dice.chance(0.25) else 0
        return Delivery(dice.id().hex, at, at, copies=copies, **fields)

    told = [delivery(at)]
    if channel is Channel.CHAT:
        told += [delivery(at + _seconds(dice.between(0, 2))) for _ in range(dice.number(0, 2))]
    if channel is Channel.EMAIL and dice.chance(0.6):
        told.append(delivery(at + _seconds(dice.between(0.1, 1)), answers=told[0].token))
    if len(told) > 1 and dice.chance(0.3):
        # The words of the requester overtake each other.
        told[0].at, told[1].at = told[1].at, told[0].at
    if channel is Channel.CHAT and dice.chance(0.6):
        first = min(each.at for each in told)
        told.append(delivery(first + dice.between(0.1, 1.3) * FIRST_RESPONSE, is_agent=True))
    told.sort(key=lambda each: each.at)
    return Conversation(conversation, channel, told)
