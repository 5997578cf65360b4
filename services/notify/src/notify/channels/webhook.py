"""Signed webhooks (Standard Webhooks 1.0): pages and chat messages to a desk's receivers."""

import json
from collections.abc import Callable
from datetime import timedelta

from standardwebhooks import Webhook

from notify.channels import Delivered, Delivery, Failed, Outcome, Reason
from notify.channels.posting import Answered, Poster
from notify.domain.desk import Receiver
from pledge.runtime.clock import Clock

TIMEOUT = timedelta(seconds=15)  # the least a sender should grant, Standard Webhooks 1.0

Directory = Callable[[str, str], tuple[Receiver, frozenset[str]] | None]
"""(desk, receiver's name) -> the receiver and the private hosts it may be on; None if unknown."""


class WebhookChannel:
    """POSTs a delivery's content as JSON; 2xx is accepted, a redirect is a failure."""

    def __init__(
        self, directory: Directory, clock: Clock, *, timeout: timedelta = TIMEOUT, connections: int
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._poster = Poster(clock, timeout=timeout, connections=connections)

    async def send(self, delivery: Delivery) -> Outcome:
        """One POST, with the delivery's id as `webhook-id` in every attempt."""
        found = self._directory(delivery.desk, delivery.target)
        if found is None:
            return Failed(Reason.RECEIVER_UNKNOWN, f"the desk has no receiver {delivery.target}")
        receiver, reachable = found
        # Sorted, because the database does not keep the order: every attempt has the same bytes.
        body = json.dumps(
            delivery.content, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        headers = self._headers(delivery, receiver.secret, body)
        place = f"{delivery.desk}/{delivery.target}"
        answer = await self._poster.post(place, reachable, receiver.url, headers, body.encode())
        return Delivered(f"HTTP {answer.status}") if isinstance(answer, Answered) else answer

    async def close(self) -> None:
        """Close every connection."""
        await self._poster.close()

    def _headers(
        self, delivery: Delivery, secret: str, body: str
    ) -> list[tuple[str | bytes, str | bytes]]:
        now = self._clock.now()
        return [
            ("content-type", "application/json; charset=utf-8"),
            ("user-agent", "pledge-notify"),
            ("webhook-id", str(delivery.id)),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", Webhook(secret).sign(str(delivery.id), now, body)),
        ]
