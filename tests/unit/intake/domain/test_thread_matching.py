"""Which ticket a channel event belongs to: the rules are laws, in `tests/property/intake`."""

from intake.domain.thread_matching import CHANNELS
from pledge.events import CHANNEL_TOPICS


def test_every_topic_of_a_channel_has_the_channels_name() -> None:
    assert list(CHANNELS) == list(CHANNEL_TOPICS)
    assert list(CHANNELS.values()) == ["email", "chat", "phone", "portal"]
