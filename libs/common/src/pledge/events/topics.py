"""The topics of the bus, by their logical names (a deployment may put a prefix before them)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Topic(StrEnum):
    """Every topic that carries events. Partitions and retention stand in `deploy/topics.yaml`."""

    CHANNEL_EMAIL = "channel.email.v1"
    CHANNEL_CHAT = "channel.chat.v1"
    CHANNEL_PHONE = "channel.phone.v1"
    CHANNEL_PORTAL = "channel.portal.v1"
    TICKET_EVENTS = "ticket.events.v1"
    SLA_EVENTS = "sla.events.v1"
    SLA_BREACHES = "sla.breaches.v1"
    NOTIFY_EVENTS = "notify.events.v1"
    STATUS_EVENTS = "status.events.v1"


CHANNEL_TOPICS: tuple[Topic, ...] = (
    Topic.CHANNEL_EMAIL,
    Topic.CHANNEL_CHAT,
    Topic.CHANNEL_PHONE,
    Topic.CHANNEL_PORTAL,
)


OWNERS: Mapping[Topic, str] = MappingProxyType(
    {
        **dict.fromkeys(CHANNEL_TOPICS, "gateways"),
        Topic.TICKET_EVENTS: "intake",
        Topic.SLA_EVENTS: "sla",
        Topic.SLA_BREACHES: "sla",
        Topic.NOTIFY_EVENTS: "notify",
        Topic.STATUS_EVENTS: "status",
    }
)
"""Who alone publishes to a topic and counts its sequences."""


def dead_letter(topic: str) -> str:
    """The topic that keeps the records of `topic` that nobody could read."""
    return f"{topic}.dlq"
