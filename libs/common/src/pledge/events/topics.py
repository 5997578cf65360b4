"""The topics of the bus, by their logical names (a deployment may put a prefix before them)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Topic(StrEnum):
    """Every topic that carries events: its name, who alone publishes to it and counts its
    sequences, and what it is for. Partitions and retention stand in `deploy/topics.yaml`."""

    owner: str
    purpose: str

    def __new__(cls, name: str, owner: str = "", purpose: str = "") -> Self:
        """A topic is its name; `Topic("sla.events.v1")` finds it, and takes nothing else."""
        topic = str.__new__(cls, name)
        topic._value_, topic.owner, topic.purpose = name, owner, purpose
        return topic

    CHANNEL_EMAIL = "channel.email.v1", "gateways", "Mails that reached the desks."
    CHANNEL_CHAT = "channel.chat.v1", "gateways", "Chats with the desks."
    CHANNEL_PHONE = "channel.phone.v1", "gateways", "Calls and voicemails to the desks."
    CHANNEL_PORTAL = (
        "channel.portal.v1", "gateways", "Forms of the desks' portals and help centres.",
    )  # fmt: skip
    TICKET_EVENTS = "ticket.events.v1", "intake", "The facts of every ticket, in order."
    SLA_EVENTS = "sla.events.v1", "sla", "The timers of every promise, and silences."
    SLA_BREACHES = (
        "sla.breaches.v1",
        "sla",
        "Promises broken, and breaches taken back: for downstream systems.",
    )
    NOTIFY_EVENTS = "notify.events.v1", "notify", "How pages, mails and messages went."
    STATUS_EVENTS = (
        "status.events.v1", "status", "Incidents, components, maintenance, updates to subscribers.",
    )  # fmt: skip


CHANNEL_TOPICS: tuple[Topic, ...] = tuple(each for each in Topic if each.owner == "gateways")
"""What reaches the desks, a topic per channel."""

OWNERS: Mapping[Topic, str] = MappingProxyType({each: each.owner for each in Topic})
"""Who alone publishes to a topic and counts its sequences."""


def dead_letter(topic: str) -> str:
    """The topic that keeps the records of `topic` that nobody could read."""
    return f"{topic}.dlq"
