"""Files of tickets over HTTP: list them, fetch one, upload some for a reply or a note."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from intake.application.file_store import FIELD, FileStore
from intake.application.original_message import OriginalMessages
from intake.application.ticket_search import TicketSearch
from intake.domain.desk import Desks
from intake.schemas import FileList, MessageHtml, UploadList, UploadView
from pledge.events import AttachmentRef
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import HttpProblem

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]
Gateway = Annotated[Principal, Depends(require(Role.GATEWAY))]

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                    "required": [FIELD],
                }
            }
        },
    }
}


class TicketFiles:
    """The routes of files."""

    def __init__(
        self, tickets: TicketSearch, store: FileStore, originals: OriginalMessages, desks: Desks
    ) -> None:
        self._tickets = tickets
        self._store = store
        self._originals = originals
        self._desks = desks
        self.router = APIRouter(tags=["files"])
        add = self.router.add_api_route
        add("/tickets/{ref}/files", self.list_files, methods=["GET"])
        add("/tickets/{ref}/files/{file}", self.get_file, methods=["GET"])
        add("/tickets/{ref}/files/{file}/preview", self.get_preview, methods=["GET"])
        add("/tickets/{ref}/messages/{sequence}/html", self.get_html, methods=["GET"])
        add(
            "/uploads/tickets/{ref}", self.upload, methods=["POST"], status_code=201,
            openapi_extra=_FORM,
        )  # fmt: skip
        add(
            "/uploads/desks/{desk}", self.upload_for_delivery, methods=["POST"], status_code=201,
            openapi_extra=_FORM,
        )  # fmt: skip

    async def list_files(self, ref: str, principal: Reader) -> FileList:
        """The files of a ticket, and its messages as they came, in the order of its facts."""
        ticket = await self._tickets.find(ref, principal)
        found = await self._store.list(ticket)
        return FileList(items=[self._store.view(each) for each in found])

    async def get_file(self, ref: str, file: str, principal: Reader) -> Response:
        """A file, or a message as it came, as a download. 403: it is infected, 410:
        its time is over, 503: the virus scanner is still to see it."""
        ticket = await self._tickets.find(ref, principal)
        return await self._store.download(await self._store.find(ticket, file), ticket.number)

    async def get_preview(self, ref: str, file: str, principal: Reader) -> Response:
        """A picture for a page to show: PNG, JPEG, GIF or WebP by its bytes. 415: it is none."""
        ticket = await self._tickets.find(ref, principal)
        return await self._store.picture(await self._store.find(ticket, file))

    async def get_html(
        self,
        ref: str,
        sequence: Annotated[int, Path(ge=1, le=2**31 - 1)],
        principal: Reader,
        remote: bool = False,
    ) -> MessageHtml:
        """The HTML of the mail that a fact came in, made safe: without scripts, forms and styles;
        with `remote`, pictures from elsewhere are left in, which tell their owner that the mail is
        read. 404: there is none, or it is too large to be shown."""
        ticket = await self._tickets.find(ref, principal)
        place = f"/tickets/{ticket.id}/files/"
        found = await self._originals.safe_html_of(ticket, sequence, place, shows_remote=remote)
        if found is None:
            raise HttpProblem(404, "the message has no HTML that can be shown")
        return MessageHtml(markup=found.markup, remote_pictures=found.remote_pictures)

    async def upload(self, request: Request, ref: str, principal: Agent) -> UploadList:
        """Upload files for a reply or a note on the ticket, which names them by `files`."""
        ticket = await self._tickets.find(ref, principal)
        desk = self._desks.by_id.get(ticket.desk)
        if desk is None:
            raise HttpProblem(404, f"the desk {ticket.desk} is not configured here")
        form = await request.form()
        found = await self._store.from_form(form, desk, ticket.id, principal.subject)
        if not found:
            raise HttpProblem(422, f"send files in the field `{FIELD}` of a multipart form")
        items = [UploadView(id=each.id, name=each.ref.name, size=each.ref.size) for each in found]
        return UploadList(items=items)

    async def upload_for_delivery(
        self, request: Request, desk: str, principal: Gateway
    ) -> list[AttachmentRef]:
        """Upload files of a chat message or a case that is to follow, and get their references for
        its `attachments`. Needs the role gateway."""
        known = self._desks.by_id.get(desk) if principal.may(desk) else None
        if known is None:
            raise HttpProblem(404, f"there is no desk {desk[:63]}")
        form = await request.form()
        found = await self._store.from_form(form, known, None, principal.subject)
        return [each.ref for each in found]
