"""The files of tickets for people: which there are, taking new ones, giving them out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote
from uuid import UUID

import asyncpg
from fastapi import Response
from starlette.datastructures import FormData, UploadFile

from intake.application.desk_scope import reading
from intake.application.virus_scan import ScannerAway, VirusScan
from intake.domain.desk import Desk
from intake.domain.files import PICTURE_TYPES, picture_type, safe_name, size_in_words
from intake.domain.text import one_line
from intake.domain.ticket import Ticket
from intake.schemas import FileView
from intake.storage import files, store
from intake.storage.blobs import Blobs, BlobsUnavailable, BlobUnknown, Kind
from intake.storage.files import MESSAGE_POSITION, FileRow, Upload
from pledge.events import AttachmentRef
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids

LARGEST_PREVIEW: Final = 5_000_000
"""Bytes of a picture that a page shows; a larger one is a link."""
FIELD: Final = "files"
"""The field of a form that holds files."""
KEPT: Final = "kept"
"""The field that names uploads of the form's earlier rounds."""
_FILE_ID: Final = re.compile(r"([0-9]{1,9})-(message|[0-9]{1,4})|([0-9a-f]{64})")
_LATER: Final = {"retry-after": "15"}
# Whatever it is: it is saved, not opened here, and nothing in it runs in our name.
_ALONE: Final = {"content-security-policy": "sandbox; default-src 'none'"}


@dataclass(frozen=True, slots=True)
class FileStore:
    """Takes and gives files. ``scan`` None: there is no virus scanner."""

    blobs: Blobs
    pool: asyncpg.Pool
    clock: Clock
    ids: Ids
    most_files: int
    scan: VirusScan | None = None

    # ---- taking ----

    async def from_form(
        self, form: FormData, desk: Desk, ticket_id: UUID | None, uploader: str
    ) -> list[Upload]:
        """The files that a form brings now and named from earlier rounds of it, kept for words of
        the ticket, or (None) of one to come. Raises HttpProblem for what the desk does not take, or
        while the store is away."""
        earlier = await self.uploaded(desk.id, ticket_id, _ids(form.getlist(KEPT)), uploader)
        # A field of files that is left empty comes as one file without a name.
        given = form.getlist(FIELD)
        new = [each for each in given if isinstance(each, UploadFile) and each.filename]
        if not new:
            return earlier
        files_of_all = [(each.ref.name, each.ref.size) for each in earlier]
        files_of_all += [(each.filename or "", each.size or 0) for each in new]
        if len(files_of_all) > self.most_files:
            said = f"{len(files_of_all)} files are too many: send up to {self.most_files} at once"
            raise HttpProblem(413, said)
        if (refusal := desk.files.refusal(files_of_all)) is not None:
            raise HttpProblem(413, refusal)
        now = self.clock.now()
        found = [
            Upload(self.ids.new(), desk.id, ticket_id, uploader, await self._take(desk, each))
            for each in new
        ]
        async with self.pool.acquire() as connection:
            await files.add_uploads(connection, found, now)
        return [*earlier, *found]

    async def _take(self, desk: Desk, file: UploadFile) -> AttachmentRef:
        content = await file.read()
        try:
            key, digest = await self.blobs.put(desk.id, Kind.FILES, content, self.clock.now())
        except BlobsUnavailable as error:
            raise _away() from error
        return AttachmentRef(
            name=safe_name(file.filename or ""),
            content_type=one_line(file.content_type or "application/octet-stream", 200),
            size=len(content),
            sha256=digest,
            key=key,
        )

    async def uploaded(
        self, desk: str, ticket_id: UUID | None, ids: Sequence[UUID], uploader: str
    ) -> list[Upload]:
        """What this person uploaded for words on the ticket. Raises HttpProblem for another id."""
        if not ids:
            return []
        async with self.pool.acquire() as connection:
            known = await files.uploads_of(connection, desk, ids)
        found = []
        for each in dict.fromkeys(ids):
            upload = known.get(each)
            if upload is None or (upload.ticket_id, upload.uploader) != (ticket_id, uploader):
                raise HttpProblem(422, f"there is no file {each} any more; attach it again")
            found.append(upload)
        return found

    # ---- giving ----

    async def list(self, ticket: Ticket) -> list[FileRow]:
        """The ticket's files and messages, in the order of its facts."""
        async with reading(self.pool, frozenset((ticket.desk,))) as connection:
            return await files.of_ticket(connection, ticket.id)

    async def find(self, ticket: Ticket, file: str, types: Sequence[str] | None = None) -> FileRow:
        """A file of the ticket by its id or SHA-256; with ``types`` no message, and only one of
        such a fact. Raises HttpProblem: 404."""
        found = None
        if (match := _FILE_ID.fullmatch(file)) is not None:
            is_message = match[2] == "message"
            place = match[3] or (int(match[1]), MESSAGE_POSITION if is_message else int(match[2]))
            async with reading(self.pool, frozenset((ticket.desk,))) as connection:
                found = await files.find(connection, ticket.id, place, types)
        if found is None:
            raise HttpProblem(404, f"there is no file {file[:40]} on {ticket.number}")
        return found

    async def download(self, file: FileRow, number: str) -> Response:
        """The file as a download, whatever it says that it is. Raises HttpProblem where it can't be
        given out."""
        content = await self.content(file)
        is_message = file.kind == Kind.MESSAGES
        name = f"{number}-{file.sequence}.eml" if is_message else safe_name(file.name)
        kind = "message/rfc822" if is_message else "application/octet-stream"
        headers = {"content-disposition": disposition(name), **_ALONE}
        return Response(content, media_type=kind, headers=headers)

    async def picture(self, file: FileRow) -> Response:
        """The file for a page to show, if its bytes are a picture's. Raises HttpProblem."""
        content = b"" if file.size > LARGEST_PREVIEW else await self.content(file)
        kind = picture_type(content)
        if kind is None:
            raise HttpProblem(415, "this is no picture that can be shown; download it instead")
        headers = {
            "content-disposition": "inline",
            "cross-origin-resource-policy": "same-origin",
            **_ALONE,
        }
        return Response(content, media_type=kind, headers=headers)

    async def by_hash(self, desk: str, sha256: str, name: str) -> Response:
        """A file of the desk by its content, as a download under the name, or its own. Raises
        HttpProblem."""
        async with reading(self.pool, frozenset((desk,))) as connection:
            found = await files.by_hash(connection, desk, sha256)
            old = None if found else await store.find_attachment(connection, desk, sha256)
        if found is None and old is None:
            raise HttpProblem(404, "there is no such file")
        if found is None:
            found = FileRow(
                UUID(int=0), 0, 0, desk, Kind.FILES, sha256[:16], "", 0, sha256, sha256,
                is_inline=False,
            )  # fmt: skip
        return await self.download(replace(found, name=name) if name else found, desk)

    async def content(self, file: FileRow) -> bytes:
        """The file's bytes, once the virus scanner has seen them. Raises HttpProblem."""
        if file.finding and self.scan is not None:
            raise _infected(file.finding)
        content = await self._bytes(file)
        if file.finding is None and self.scan is not None:
            try:
                finding = await self.scan.scan(file.desk, file.key, content)
            except ScannerAway as error:
                said = "this file is still to be checked for viruses; try again in a moment"
                raise HttpProblem(503, said, headers=_LATER) from error
            if finding is not None:
                raise _infected(finding)
        return content

    async def _bytes(self, file: FileRow) -> bytes:
        try:
            return await self.blobs.get(file.desk, file.key)
        except BlobsUnavailable as error:
            raise _away() from error
        except BlobUnknown as error:
            # What came before there was a store stands in the database.
            async with reading(self.pool, frozenset((file.desk,))) as connection:
                old = await store.find_attachment(connection, file.desk, file.sha256)
            if old is None:
                said = "this file is not kept any more: its time is over, or it was erased"
                raise HttpProblem(410, said) from error
            return old[1]

    def view(self, file: FileRow) -> FileView:
        """The file as the API and the pages show it."""
        is_picture = file.content_type.lower() in PICTURE_TYPES and file.size <= LARGEST_PREVIEW
        is_free = self.scan is None or file.finding == ""
        return FileView(
            id=file.id,
            sequence=file.sequence,
            is_message=file.kind == Kind.MESSAGES,
            name=safe_name(file.name),
            content_type=file.content_type,
            size=file.size,
            size_in_words=size_in_words(file.size),
            sha256=file.sha256,
            is_inline=file.is_inline,
            content_id=file.content_id,
            has_preview=is_picture and is_free and file.kind == Kind.FILES,
            infected_with=file.finding or None if self.scan is not None else None,
        )


def by_fact(found: Sequence[FileView]) -> dict[int, list[FileView]]:
    """The files by the sequence of the fact that they came with."""
    facts: dict[int, list[FileView]] = {}
    for each in found:
        facts.setdefault(each.sequence, []).append(each)
    return facts


def _ids(given: Sequence[object]) -> list[UUID]:
    try:
        return [UUID(str(each)) for each in given]
    except ValueError:
        raise HttpProblem(422, f"`{KEPT}` holds ids of files that were uploaded") from None


def disposition(name: str) -> str:
    """The header by which a browser saves the file under this name (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _infected(finding: str) -> HttpProblem:
    return HttpProblem(
        403, f"this file is kept aside and given to nobody: the virus scanner found {finding}"
    )


def _away() -> HttpProblem:
    return HttpProblem(503, "files can't be reached at the moment; try again soon", headers=_LATER)
