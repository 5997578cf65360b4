"""The topics that intake reads and writes."""

from dataclasses import replace
from typing import Final

from pledge.events import CHANNEL_TOPICS, Topic
from pledge.runtime.service.topics import ServiceTopics

# What was written to the topic of tickets is read for webhooks alone.
# Its gateways write the channel topics that its consumer reads.
TOPICS: Final = ServiceTopics(
    reads=(
        *CHANNEL_TOPICS,
        Topic.SLA_EVENTS,
        Topic.SLA_BREACHES,
        Topic.NOTIFY_EVENTS,
        Topic.TICKET_EVENTS,
    ),
    writes=(*CHANNEL_TOPICS, Topic.TICKET_EVENTS),
)


def topics_for(*, has_webhooks: bool) -> ServiceTopics:
    """The topics of a service whose desks have webhooks, or none."""
    if has_webhooks:
        return TOPICS
    reads = tuple(each for each in TOPICS.reads if each != Topic.TICKET_EVENTS)
    return replace(TOPICS, reads=reads)
