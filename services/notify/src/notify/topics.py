"""The topics that notify reads and writes."""

from typing import Final

from pledge.events import Topic
from pledge.runtime.service.topics import ServiceTopics

TOPICS: Final = ServiceTopics(
    reads=(Topic.TICKET_EVENTS, Topic.SLA_EVENTS, Topic.SLA_BREACHES, Topic.STATUS_EVENTS),
    writes=(Topic.NOTIFY_EVENTS,),
)
