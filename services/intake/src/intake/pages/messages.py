"""A mail's HTML as it was sent, made safe, on a page of its own that runs no script.

Nothing comes from elsewhere until the reader asks for it: pictures tell their owner that the mail
is read.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from markupsafe import Markup

from intake.application.original_message import OriginalMessages
from intake.application.ticket_search import TicketSearch
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.web import Web

Reader = Annotated[Principal, Depends(require(Role.READER))]
Sequence = Annotated[int, Path(ge=1, le=2**31 - 1)]

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:{remote}; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
"""Cookies are sent for the previews of the mail's own pictures, so the origin stays; without
scripts and forms nothing of the mail can use it. Links open in a tab of their own."""


class MessagePages:
    """The route of a message's page."""

    def __init__(self, web: Web, tickets: TicketSearch, originals: OriginalMessages) -> None:
        self._web = web
        self._tickets = tickets
        self._originals = originals
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/ticket/{ref}/message/{sequence}", self.page, methods=["GET"])

    async def page(
        self,
        request: Request,
        ref: str,
        sequence: Sequence,
        principal: Reader,
        remote: bool = False,
    ) -> Response:
        """The HTML of the mail that the fact came in; where it has none, that is said."""
        ticket = await self._tickets.find(ref, principal)
        place = f"/tickets/{ticket.id}/files/"
        found = await self._originals.safe_html_of(ticket, sequence, place, shows_remote=remote)
        response = self._web.page(
            request,
            "message.html",
            desk=ticket.desk,
            ticket=ticket,
            sequence=sequence,
            markup=Markup(found.markup) if found else None,  # noqa: S704 - made safe
            remote_pictures=found.remote_pictures if found else 0,
            shows_remote=remote,
        )
        sources = " https: http:" if remote else ""
        response.headers["content-security-policy"] = _POLICY.format(remote=sources)
        return response
