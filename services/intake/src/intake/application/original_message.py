"""What a ticket's facts do not say of a mail, read again from the message as it came."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from intake.application.file_store import FileStore
from intake.domain.ticket import Ticket
from intake.mail.html_safe import SafeHtml, safe_html
from intake.mail.parse import UNKNOWN, Delivery, Mail
from pledge.runtime.http.app import HttpProblem

_LATER: Final = {"retry-after": "15"}


class CannotReadNow(Exception):
    """Nothing was free to read a mail; it may be tried again later."""


@dataclass(frozen=True, slots=True)
class OriginalMessages:
    """Reads kept messages by ``read``, which does it beside the event loop."""

    files: FileStore
    read: Callable[[bytes, Delivery], Awaitable[Mail]]

    async def html_of(self, ticket: Ticket, sequence: int) -> str | None:
        """The HTML of the mail that the fact came in, as it was sent: to be made safe before it is
        shown. None: it has none. Raises HttpProblem: there is no message, it is not kept any more,
        the virus scanner is still to see it or found something."""
        message = await self.files.find(ticket, f"{sequence}-message")
        content = await self.files.content(message)
        try:
            return (await self.read(content, UNKNOWN)).html
        except CannotReadNow as error:
            said = "the message can't be read at the moment; try again soon"
            raise HttpProblem(503, said, headers=_LATER) from error

    async def safe_html_of(
        self, ticket: Ticket, sequence: int, place: str, *, shows_remote: bool
    ) -> SafeHtml | None:
        """That HTML made safe to be shown; its pictures are previews below ``place``. None: it has
        none, or it is too large: then the text is shown. Raises HttpProblem as `html_of` does."""
        markup = await self.html_of(ticket, sequence)
        if markup is None:
            return None
        pictures = await self.inline_files(ticket, sequence)
        files = {id_: f"{place}{file}/preview" for id_, file in pictures.items()}
        return await asyncio.to_thread(safe_html, markup, files=files, shows_remote=shows_remote)

    async def inline_files(self, ticket: Ticket, sequence: int) -> dict[str, str]:
        """The pictures of the fact that its HTML names, by their Content-ID: the id of each file,
        for its preview."""
        views = [self.files.view(each) for each in await self.files.list(ticket)]
        return {
            each.content_id: each.id
            for each in views
            if each.sequence == sequence and each.has_preview and each.content_id
        }
