"""Acknowledgement links in messages, made when a message is sent.

Such a link acts for its reader, and whoever reads the table of deliveries, or a copy of it, is not
its reader. So a place stands where the token is to be, and beside it what the token says.
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
_KEPT: Final = "late_link"


def place_of(draft_id: UUID) -> str:
    """What stands for the token in the delivery's words: no text of anybody else's is like it."""
    return f"link-{draft_id.hex}"


def with_late_link(content: dict[str, Any], link: AckLink) -> dict[str, Any]:
    """The content, with what the token in its places is to say."""
    kept = {
        "page": str(link.page_id),
        "responder": link.responder,
        "expires_at": link.expires_at.isoformat(),
    }
    return {**content, _KEPT: kept}


@dataclass(frozen=True, slots=True)
class LateLinks:
    """A channel whose messages get their links on the way out. The same delivery gets the same in
    every attempt."""

    channel: Channel
    signer: LinkSigner

    async def send(self, delivery: Delivery) -> Outcome:
        """Try once, with the link in its places."""
        return await self.channel.send(self._filled(delivery))

    async def close(self) -> None:
        """Give connections back."""
        await self.channel.close()

    def _filled(self, delivery: Delivery) -> Delivery:
        kept = delivery.content.get(_KEPT)
        if kept is None:
            return delivery
        expires_at = datetime.fromisoformat(kept["expires_at"])
        token = make_token(self.signer, AckLink(UUID(kept["page"]), kept["responder"], expires_at))
        place = place_of(delivery.id)
        content = {
            name: value.replace(place, token) if isinstance(value, str) else value
            for name, value in delivery.content.items()
            if name != _KEPT
        }
        return replace(delivery, content=content)


def ack_url(request: PageRequest) -> str:
    """The acknowledgement link of a page's message, with a placeholder for its token."""
    return f"{request.public_url}/a/{place_of(request.draft_id)}"


def with_ack_link(content: dict[str, Any], request: PageRequest) -> dict[str, Any]:
    """The content of a page's message, with what the token in `ack_url` is to say."""
    link = AckLink(request.record.id, request.method.responder, request.now + LINK_LIFE)
    return with_late_link(content, link)
