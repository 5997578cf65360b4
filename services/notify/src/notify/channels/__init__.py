"""Channels send deliveries: each is one class with one method, `send`."""

from typing import Protocol

from notify.domain.delivery import Delivery, Outcome

LANE_SENDERS = 4
"""How many deliveries of one lane are sent at a time."""


class Channel(Protocol):
    """Sends the deliveries that name it."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Try once. Raises nothing for what a receiver or a network can do."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
