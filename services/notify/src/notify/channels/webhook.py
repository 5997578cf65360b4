"""Signed webhooks (Standard Webhooks 1.0): pages and chat messages to a desk's receivers."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from notify.channels.ack_links import ack_url, with_ack_link
from notify.channels.posting import outcome_of
from notify.domain.delivery import Delivery, Failed, Outcome, Reason
from notify.domain.desk import Receiver
from notify.messages.page_messages import PageContent, PageRequest
from pledge.runtime.clock import Clock
from pledge.runtime.http.posting import Headers, Poster
from pledge.runtime.http.webhook_signing import signed_headers
from pledge.runtime.instants import utc_text

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
        return outcome_of(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._poster.close()

    def _headers(self, delivery: Delivery, secret: str, body: str) -> Headers:
        return [
            ("content-type", "application/json; charset=utf-8"),
            ("user-agent", "pledge-notify"),
            *signed_headers(str(delivery.id), self._clock.now(), body, [secret]),
        ]


def write_page(request: PageRequest) -> PageContent:
    """A page as a receiver gets it."""
    lane = f"{request.desk.name}/webhook/{request.method.target}/page"
    return PageContent(lane, with_ack_link(_page_body(request), request))


def _page_body(request: PageRequest) -> dict[str, Any]:
    """The JSON of a page. Documented in the service's README; fields are only added."""
    facts, person = request.record.facts, request.method.person
    return {
        "type": "pledge.page.v1",
        "timestamp": utc_text(request.now),
        "page_id": request.record.page.id,
        "desk": request.desk.name,
        "ticket_id": str(facts.about.ticket_id) if facts.about.ticket_id else None,
        "incident_id": str(facts.about.incident_id) if facts.about.incident_id else None,
        "ticket_number": facts.about.number,
        "breach_id": str(facts.breach_id) if facts.breach_id else None,
        "summary": facts.summary,
        "severity": facts.severity,
        "metric": facts.metric,
        "due_at": utc_text(facts.due_at),
        "occurred_at": utc_text(facts.occurred_at),
        "detected_at": utc_text(facts.detected_at),
        "raised_at": utc_text(request.record.page.raised_at),
        "is_late": request.record.page.is_late,
        "escalation": {
            "policy": request.record.page.policy.name,
            "step": request.step.step,
            "round": request.step.round,
        },
        "responder": person.full_name if person else None,
        "acknowledge_url": ack_url(request),
        "page_url": f"{request.public_url}/pages/{request.record.page.id}",
    }
