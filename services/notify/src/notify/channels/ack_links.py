"""Acknowledgement links in messages, filled in when a message is sent.

Such a link acts for its reader. A reader of the table of deliveries, or of a copy of it, must not
get one, so a stored message has a placeholder for the token, and next to it the token's content.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from notify.channels import Channel
from notify.channels.ack_tokens import AckLink, make_token
from notify.domain.delivery import Delivery, Outcome
from notify.messages.page_messages import PageRequest
from pledge.runtime.auth.link_signer import LinkSigner

LINK_LIFE = timedelta(days=7)
_STORED: Final = "late_link"
"""The key of the token's content in a stored message."""


def ack_url(request: PageRequest) -> str:
    """The acknowledgement link of a page's message, with a placeholder for its token."""
    return f"{request.public_url}/a/{_placeholder(request.draft_id)}"


def with_ack_link(content: dict[str, Any], request: PageRequest) -> dict[str, Any]:
    """The content of a page's message, and the content of the token in its `ack_url`."""
    stored = {
        "page": str(request.record.id),
        "responder": request.method.responder,
        "expires_at": (request.now + LINK_LIFE).isoformat(),
    }
    return {**content, _STORED: stored}


@dataclass(frozen=True, slots=True)
class LinkFiller:
    """A channel whose messages get their links when they are sent. Every attempt of a delivery
    gets the same link."""

    channel: Channel
    signer: LinkSigner

    async def send(self, delivery: Delivery) -> Outcome:
        """Try once, with the link filled in."""
        return await self.channel.send(self._filled(delivery))

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    def _filled(self, delivery: Delivery) -> Delivery:
        stored = delivery.content.get(_STORED)
        if stored is None:
            return delivery
        expires_at = datetime.fromisoformat(stored["expires_at"])
        link = AckLink(UUID(stored["page"]), stored["responder"], expires_at)
        token = make_token(self.signer, link)
        placeholder = _placeholder(delivery.id)
        content = {
            name: value.replace(placeholder, token) if isinstance(value, str) else value
            for name, value in delivery.content.items()
            if name != _STORED
        }
        return replace(delivery, content=content)


def _placeholder(draft_id: UUID) -> str:
    """Stands for the token in the stored message; unique, so that no other text contains it."""
    return f"link-{draft_id.hex}"
