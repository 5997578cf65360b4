"""The words and the files of a mail: every part counts.

Text parts in any number, order and subtype are the writer's words; of alternatives that say the
same the plain one is read. All else is a file, a message within the mail byte for byte as it came.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from intake.domain.text import one_line, storable
from intake.mail.charsets import decode_bytes
from intake.mail.fields import Fields, Structured, first, read_head, structured
from intake.mail.flowed import unflowed
from intake.mail.headers import decode_words
from intake.mail.html_text import html_to_text
from intake.mail.structure import Part
from intake.mail.tnef import read_tnef
from intake.mail.transfer import decoded
from intake.mail.uuencode import take_files

MAX_FILE_NAME: Final = 200

_MEDIA_TYPE: Final = re.compile(r"^[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}$")
# Text for programs: kept as a file, not mixed into what the person wrote.
_TEXT_FILES: Final = frozenset(
    ("text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/rtf", "text/css",
     "text/csv", "text/javascript", "text/xml", "text/rfc822-headers", "text/x-amp-html",
     "text/watch-html")
)  # fmt: skip
_MESSAGES: Final = frozenset(("message/rfc822", "message/global", "message/news"))
_EXTENSIONS: Final[Mapping[str, str]] = {
    "text/plain": "txt", "text/calendar": "ics", "text/vcard": "vcf", "text/x-vcard": "vcf",
    "text/rfc822-headers": "txt", "image/jpeg": "jpg", "image/svg+xml": "svg",
    "application/octet-stream": "bin", "application/pkcs7-mime": "p7m",
    "application/x-pkcs7-mime": "p7m", "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s", "application/pgp-signature": "asc",
    "audio/mpeg": "mp3", "application/ms-tnef": "dat",
}  # fmt: skip
# Of a name no part may lead out of a folder, end a line or turn what follows around.
_NOT_IN_NAMES: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_PGP: Final = "-----BEGIN PGP MESSAGE-----"


@dataclass(frozen=True)
class Attachment:
    """One part of a mail that is not its text. ``is_inline``: shown within the text, such as a
    picture, which HTML names by its ``content_id``."""

    name: str
    content_type: str
    content: bytes
    is_inline: bool = False
    content_id: str | None = None

    @cached_property
    def sha256(self) -> str:
        """Of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Words:
    """One text part: its text, or its HTML."""

    text: str
    is_html: bool

    def plain(self) -> str:
        """As plain text."""
        return html_to_text(self.text) if self.is_html else self.text


@dataclass(slots=True)
class Body:
    """What was found: ``shown`` is the text in order, ``html`` the HTML parts."""

    shown: list[Words] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def read_body(raw: bytes, root: Part, defects: list[str]) -> Body:
    """The words and files of the mail whose structure is ``root``."""
    reader = _Reader(raw)
    body = reader.body
    body.defects += defects
    shown = reader.collect(root, is_alternative=False, parent="")
    if not any(each.text.strip() for each in shown):
        shown = reader.substitute()
    body.shown = shown
    return body


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.body = Body()
        self._named_texts: list[Words] = []
        """Texts that came as files, the words of a mail that has no other."""
        self._tnef_texts: list[Words] = []

    def substitute(self) -> list[Words]:
        """The words of a mail that has none in its own text parts."""
        found = self._tnef_texts or self._named_texts[:1]
        self.body.html += [each.text for each in found if each.is_html]
        return found

    def collect(self, part: Part, *, is_alternative: bool, parent: str) -> list[Words]:
        """The words of a part and of those in it; its files go to the body."""
        if not part.parts:
            return self._leaf(part, is_alternative=is_alternative, parent=parent)
        kind = part.kind
        self._note_shell(kind, part.content_type)
        is_choice = kind == "multipart/alternative"
        found = [self.collect(each, is_alternative=is_choice, parent=kind) for each in part.parts]
        return _chosen(found) if is_choice else [words for each in found for words in each]

    def _note_shell(self, kind: str, content_type: Structured) -> None:
        protocol = content_type.parameters.get("protocol", "").lower()
        how = "pgp" if "pgp" in protocol else "smime" if "pkcs7" in protocol else "unknown"
        if kind == "multipart/encrypted":
            self.body.defects.append(f"encrypted_{how}")
        elif kind == "multipart/signed":
            self.body.defects.append(f"signed_{how}")

    def _leaf(self, part: Part, *, is_alternative: bool, parent: str) -> list[Words]:
        kind, fields = part.kind, part.fields
        disposition = structured(first(fields, "content-disposition"))
        if part.content_type.is_cut or disposition.is_cut:
            self.body.defects.append("parameters_too_long")
        content, behind, defect = decoded(
            self._raw[part.start : part.end], first(fields, "content-transfer-encoding")
        )
        if defect:
            self.body.defects.append(defect)
        name = _file_name(part.content_type, disposition)
        is_text = kind.startswith("text/") and kind not in _TEXT_FILES
        is_broken = kind.startswith("multipart/")  # no usable boundary: its text is all there is
        if (is_text or is_broken) and not name and disposition.value != "attachment":
            return self._text(part, content, behind, is_alternative=is_alternative)
        if content or name:
            self._file(part, disposition, name, content, parent)
        return [Words(decode_bytes(behind, None), is_html=False)] if behind else []

    def _text(
        self, part: Part, content: bytes, behind: bytes, *, is_alternative: bool
    ) -> list[Words]:
        kind = part.kind
        text = _decoded_text(content, part.content_type)
        if kind == "text/html":
            self.body.html.append(storable(text))
            words = [Words(text, is_html=True)]
        elif is_alternative and kind != "text/plain" and not kind.startswith("multipart/"):
            self._file(part, structured(""), "", content, "multipart/alternative")
            return []  # a form of the same words for other programs
        else:
            words = [Words(self._without_files(text), is_html=False)]
        return [*words, Words(decode_bytes(behind, None), is_html=False)] if behind else words

    def _without_files(self, text: str) -> str:
        if _PGP in text:
            self.body.defects.append("encrypted_pgp")
        text, files = take_files(text)
        for each in files:
            name = clean_name(each.name)
            self.body.files.append(
                Attachment(name or "unnamed.bin", "application/octet-stream", each.content)
            )
        return text

    def _file(
        self, part: Part, disposition: Structured, name: str, content: bytes, parent: str
    ) -> None:
        kind = part.kind
        media_type = kind if _MEDIA_TYPE.match(kind) else "application/octet-stream"
        if media_type.endswith(("/ms-tnef", "/vnd.ms-tnef")):
            if self._take_tnef(content):
                return
        elif media_type.endswith("pkcs7-mime"):
            self._note_smime(part.content_type)
        elif media_type in {"text/plain", "text/html"}:
            text = _decoded_text(content, part.content_type)
            self._named_texts.append(Words(text, is_html=media_type == "text/html"))
        elif media_type in _MESSAGES and not name:
            name = _message_name(content)
        content_id = one_line(first(part.fields, "content-id").strip().strip("<>"), 300) or None
        is_inline = disposition.value != "attachment" and (
            disposition.value == "inline" or parent == "multipart/related" or content_id is not None
        )
        self.body.files.append(
            Attachment(name or unnamed(media_type), media_type, content, is_inline, content_id)
        )

    def _note_smime(self, content_type: Structured) -> None:
        what = content_type.parameters.get("smime-type", "").lower()
        self.body.defects.append("wrapped_smime" if "signed" in what else "encrypted_smime")

    def _take_tnef(self, content: bytes) -> bool:
        """Take the files and words out of a winmail.dat; False: it is kept whole."""
        found = read_tnef(content)
        if found is None or not found.is_whole:
            self.body.defects.append("undecodable_tnef")
            return False
        for each in found.files:
            kind = each.content_type
            media_type = kind if _MEDIA_TYPE.match(kind) else "application/octet-stream"
            content_id = one_line(each.content_id.strip("<>"), 300) or None
            self.body.files.append(
                Attachment(
                    clean_name(each.name) or unnamed(media_type),
                    media_type,
                    each.content,
                    content_id is not None,
                    content_id,
                )
            )
        if found.html.strip():
            self._tnef_texts.append(Words(storable(found.html), is_html=True))
        elif found.text.strip():
            self._tnef_texts.append(Words(found.text, is_html=False))
        return bool(found.files or self._tnef_texts)


def _chosen(found: list[list[Words]]) -> list[Words]:
    """Of alternatives those that are plain text, if they say anything; else the last that does."""
    plain = [each for each in found if each and not any(words.is_html for words in each)]
    words = [each for group in plain for each in group]
    if any(each.text.strip() for each in words):
        return words
    for group in reversed(found):
        if any(each.text.strip() for each in group):
            return group
    return []


def _decoded_text(content: bytes, content_type: Structured) -> str:
    charset = content_type.parameters.get("charset", "").partition("*")[0]
    text = decode_bytes(content, charset)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    parameters = content_type.parameters
    if parameters.get("format", "").lower() == "flowed" and content_type.value == "text/plain":
        is_deleted = parameters.get("delsp", "").lower() == "yes"
        return unflowed(text, is_space_deleted=is_deleted)
    return text


def _file_name(content_type: Structured, disposition: Structured) -> str:
    for parameters, key in (
        (disposition.parameters, "filename"),
        (content_type.parameters, "name"),
    ):
        if raw := parameters.get(key):
            charset = content_type.parameters.get("charset")
            if name := clean_name(decode_words(raw, charset)):
                return name
    return ""


def clean_name(name: str) -> str:
    """A file's name without folders and without what would deceive or break a line."""
    bare = _NOT_IN_NAMES.sub("", name).replace("\\", "/").rpartition("/")[2]
    return one_line(bare, MAX_FILE_NAME)


def unnamed(media_type: str) -> str:
    """The name of a file that has none."""
    extension = _EXTENSIONS.get(media_type) or media_type.partition("/")[2]
    return one_line(f"unnamed.{extension}", 80)


def _message_name(content: bytes) -> str:
    """A message within the mail is named by its subject."""
    fields: Fields = read_head(content[:100_000]).fields
    subject = one_line(decode_words(first(fields, "subject")), MAX_FILE_NAME)
    bare = _NOT_IN_NAMES.sub("", subject).replace("/", "-").replace("\\", "-").strip(" .")
    return f"{bare[: MAX_FILE_NAME - 4]}.eml" if bare else "message.eml"
