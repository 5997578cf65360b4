"""The topics that sla reads and writes."""

from typing import Final

from pledge.events import Topic
from pledge.runtime.service.topics import ServiceTopics

TOPICS: Final = ServiceTopics(
    reads=(Topic.TICKET_EVENTS.value, Topic.STATUS_EVENTS.value),
    writes=(Topic.SLA_EVENTS.value, Topic.SLA_BREACHES.value),
)
