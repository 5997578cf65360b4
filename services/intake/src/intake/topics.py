"""The topics that intake reads and writes."""

from typing import Final

from pledge.events import CHANNEL_TOPICS, Topic
from pledge.runtime.service.topics import ServiceTopics

# Its gateways write the channel topics that its consumer reads.
TOPICS: Final = ServiceTopics(
    reads=(*CHANNEL_TOPICS, Topic.SLA_EVENTS, Topic.SLA_BREACHES, Topic.NOTIFY_EVENTS),
    writes=(*CHANNEL_TOPICS, Topic.TICKET_EVENTS),
)
