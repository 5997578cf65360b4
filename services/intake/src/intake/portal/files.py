"""Files for requesters: of tickets that they may see, and by the links of mails."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from intake.application.file_store import FileStore
from intake.domain.file_links import FileLinks
from intake.domain.history import TYPES
from intake.domain.ticket import Ticket
from intake.portal.access import PortalAccess
from intake.storage import queries
from intake.storage.files import FileRow
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem


class PortalFiles:
    """The routes of files under /my/<desk> and /shared/<desk>."""

    def __init__(
        self, access: PortalAccess, files: FileStore, links: FileLinks | None, clock: Clock
    ) -> None:
        self._access = access
        self._files = files
        self._links = links
        self._clock = clock
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/my/{desk}/{number}/files/{file}", self.download, methods=["GET"])
        add("/my/{desk}/{number}/files/{file}/preview", self.preview, methods=["GET"])
        add("/shared/{desk}/{token}", self.shared, methods=["GET"])

    async def download(self, request: Request, desk: str, number: str, file: str) -> Response:
        """A file of what was said to the requester or by them; files of notes are not theirs."""
        ticket, found = await self._find(request, desk, number, file)
        return await self._files.download(found, ticket.number)

    async def preview(self, request: Request, desk: str, number: str, file: str) -> Response:
        """The file as a picture on their page."""
        _, found = await self._find(request, desk, number, file)
        return await self._files.picture(found)

    async def shared(self, desk: str, token: str) -> Response:
        """A file of an agent's reply, by the link of its mail: whoever has that needs no more."""
        named = self._links.read(desk, token, self._clock.now()) if self._links else None
        if named is None:
            said = "this link is too old or not whole; the file is on your request in the portal"
            raise HttpProblem(404, said)
        ticket_id, sequence, position = named
        async with self._access.pool.acquire() as connection:
            tickets = await queries.by_id(connection, ticket_id)
        if not tickets or tickets[0].desk != desk:
            raise HttpProblem(404, "there is no such file any more")
        found = await self._files.find(tickets[0], f"{sequence}-{position}", TYPES)
        return await self._files.download(found, tickets[0].number)

    async def _find(
        self, request: Request, desk: str, number: str, file: str
    ) -> tuple[Ticket, FileRow]:
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        ticket = await self._access.find(known, person, number)
        return ticket, await self._files.find(ticket, file, TYPES)
