"""A mail's bytes as what intake needs of them.

``read_mail`` is total: any bytes give a Mail. What was wrong with them stands in ``Mail.defects``.
It parses with the ``compat32`` policy, which alone raises on none of the public suites' messages,
and reads header fields itself (see ``mail_headers``).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

from intake.domain.text import one_line, paragraphs
from intake.mail.auto_reply import NULL_SENDERS, machine_reason
from intake.mail.headers import (
    Mailbox,
    decode_bytes,
    decode_words,
    mailboxes,
    message_ids,
    raw_text,
)
from intake.mail.html_text import html_to_text
from pledge.events import normal_address

MAX_SUBJECT: Final = 300
MAX_TEXT: Final = 60_000
"""Characters of text kept. With JSON escapes an event stays under its 900 kB."""
MAX_HEADER_BLOCK: Final = 262_144
MAX_PARTS: Final = 200
MAX_BOUNDARIES: Final = 100
"""Nested multiparts above which the body is not taken apart: each costs a pass over every line."""
MAX_LINES: Final = 600_000
"""Lines above which the body is not taken apart: base64 of the largest mail has half as many."""
MAX_DELIMITERS: Final = 10_000
"""Lines that may begin a part; a mail made of them costs tens of seconds to take apart."""
MAX_FILE_NAME: Final = 200

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_MEDIA_TYPE: Final = re.compile(r"^[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}$")
_LANGUAGE_TAG: Final = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")
_KEPT_HEADERS: Final = (
    "importance", "x-priority", "list-id", "content-language", "authentication-results",
    "auto-submitted", "precedence",
)  # fmt: skip

_Message: TypeAlias = "Message[str, str]"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of a mail that is not its text."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. ``sent_at`` is its Date field (UTC), ``content_key`` the same for each copy
    of one mail whichever way it came, ``machine_reason`` why a machine wrote it, or None."""

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    sender: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    text: str
    sent_at: datetime | None
    language: str | None
    attachments: tuple[Attachment, ...]
    headers: Mapping[str, str]
    content_key: str
    machine_reason: str | None
    defects: tuple[str, ...]

    @property
    def root(self) -> str:
        """What names the conversation: the oldest message id known, else the content."""
        known = (*self.references, self.in_reply_to, self.message_id)
        return next((each for each in known if each), self.content_key)


@dataclass(slots=True)
class _Body:
    plain: list[str]
    html: list[str]
    attachments: list[Attachment]
    defects: list[str]


def read_mail(raw: bytes, *, envelope_sender: str | None = None) -> Mail:
    """The mail in ``raw``; ``envelope_sender`` is MAIL FROM, ``""`` if null, None if not known."""
    head, content = _split(raw)
    message, defects = _parse(head, content)
    headers = _headers(message)
    body = _body(message, content, defects)
    subject = one_line(decode_words(_first(headers, "subject")), MAX_SUBJECT)
    sender = _sender(headers, envelope_sender)
    machine = machine_reason(
        headers,
        sender=sender.address if sender else None,
        envelope_sender=envelope_sender,
        subject=subject,
        body=content,
    )
    ids = message_ids(headers.get("message-id", ()))
    replied = message_ids(headers.get("in-reply-to", ()))
    return Mail(
        message_id=ids[0] if ids else None,
        in_reply_to=replied[0] if replied else None,
        references=message_ids(headers.get("references", ())),
        sender=sender,
        to=mailboxes(headers.get("to", ())),
        cc=mailboxes(headers.get("cc", ())),
        subject=subject,
        text=_text(body),
        sent_at=_sent_at(_first(headers, "date")),
        language=_language(_first(headers, "content-language")),
        attachments=tuple(body.attachments),
        headers=_kept(headers),
        content_key=_content_key(headers, content),
        machine_reason=machine,
        defects=tuple(dict.fromkeys(body.defects)),
    )


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """The header block, at most ``MAX_HEADER_BLOCK`` bytes, and what follows it."""
    if raw.startswith((b"\r\n", b"\n")):
        return b"", raw[2 if raw.startswith(b"\r") else 1 :]
    end = _BLANK_LINE.search(raw)
    if end is None:
        return raw[:MAX_HEADER_BLOCK], raw[MAX_HEADER_BLOCK:]
    return raw[: min(end.start(), MAX_HEADER_BLOCK)], raw[end.end() :]


def _parse(head: bytes, content: bytes) -> tuple[_Message, list[str]]:
    parser = BytesParser(policy=policy.compat32)
    bare = head + b"\r\n\r\n"
    whole = bare + content
    lowered = whole.lower()
    if lowered.count(b"boundary") + lowered.count(b"message/rfc822") > MAX_BOUNDARIES:
        return parser.parsebytes(bare, headersonly=True), ["too_deep"]
    if content.count(b"\n") > MAX_LINES or content.count(b"\n--") > MAX_DELIMITERS:
        return parser.parsebytes(bare, headersonly=True), ["too_many_lines"]
    try:
        return parser.parsebytes(whole), []
    except (MessageError, RecursionError, LookupError, ValueError, TypeError, AttributeError):
        return parser.parsebytes(bare, headersonly=True), ["unparsable"]


def _headers(message: _Message) -> dict[str, list[str]]:
    """Raw values by lower-case name; compat32's accessors would wrap 8-bit values in objects."""
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        values = headers.setdefault(name.lower(), [])
        if len(values) < 20:
            values.append(str(value))
    return headers


def _first(headers: Mapping[str, Sequence[str]], name: str) -> str:
    values = headers.get(name)
    return values[0] if values else ""


def _kept(headers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {
        name: one_line(raw_text(headers[name][0]), 500) for name in _KEPT_HEADERS if name in headers
    }


def _sender(headers: Mapping[str, Sequence[str]], envelope_sender: str | None) -> Mailbox | None:
    """Who wrote: From, else Reply-To, else Sender, else the envelope."""
    for name in ("from", "reply-to", "sender", "return-path"):
        found = mailboxes(headers.get(name, ())[:1])
        if found:
            return found[0]
    if envelope_sender is None or envelope_sender in NULL_SENDERS:
        return None
    address = normal_address(envelope_sender)
    return Mailbox(address, None) if address else None


def _language(value: str) -> str | None:
    tag = value.partition(",")[0].strip()
    return tag if _LANGUAGE_TAG.match(tag) else None


def _sent_at(value: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(value[:100])
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _content_key(headers: Mapping[str, Sequence[str]], content: bytes) -> str:
    """A hash of what its writer sent: fields that relays add are left out, so that a mail resent by
    another route is the same, and two mails that share a Message-ID are not."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("message-id", "date", "from", "subject"):
        digest.update(_first(headers, name).strip().encode("utf-8", "surrogateescape") + b"\0")
    digest.update(content.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


# ---- body ----


def _body(message: _Message, content: bytes, defects: list[str]) -> _Body:
    body = _Body([], [], [], defects)
    if defects:  # not taken apart: the raw text is better than nothing
        body.plain.append(decode_bytes(content[:MAX_TEXT], None))
        return body
    for count, part in enumerate(_leaves(message)):
        if count >= MAX_PARTS:
            defects.append("too_many_parts")
            break
        _take_part(part, body)
    return body


def _leaves(message: _Message) -> Iterator[_Message]:
    """The parts that hold content, in order; a forwarded message is one part."""
    pending = [message]
    while pending:
        part = pending.pop()
        children = part.get_payload()
        if isinstance(children, list) and part.get_content_maintype() == "multipart":
            pending.extend(each for each in reversed(children) if isinstance(each, Message))
        else:
            yield part


def _take_part(part: _Message, body: _Body) -> None:
    kind = part.get_content_type()
    name = _file_name(part)
    is_file = name is not None or _disposition(part) == "attachment"
    broken = kind.startswith("multipart/") and not part.is_multipart()  # no usable boundary
    if (kind in {"text/plain", "text/html"} and not is_file) or broken:
        text = decode_bytes(_payload(part, body.defects), _charset(part))
        (body.html if kind == "text/html" else body.plain).append(text)
        return
    content = _payload(part, body.defects)
    if content or name is not None:
        body.attachments.append(Attachment(name or _unnamed(kind), _media_type(kind), content))


def _unnamed(kind: str) -> str:
    return one_line(f"unnamed.{_media_type(kind).partition('/')[2]}", 60)


def _media_type(kind: str) -> str:
    return kind if _MEDIA_TYPE.match(kind) else "application/octet-stream"


def _payload(part: _Message, defects: list[str]) -> bytes:
    try:
        if part.is_multipart():  # message/rfc822 and its like: kept as they came
            return b"".join(
                each.as_bytes() for each in part.get_payload() if isinstance(each, Message)
            )
        payload = part.get_payload(decode=True)
    except (MessageError, RecursionError, LookupError, ValueError, TypeError, AttributeError):
        defects.append("undecodable_part")
        return b""
    return payload if isinstance(payload, bytes) else b""


def _charset(part: _Message) -> str | None:
    value = _parameter(part, "charset", "content-type")
    return value.partition("*")[0] if value else None


def _disposition(part: _Message) -> str:
    return _first(_headers(part), "content-disposition").partition(";")[0].strip().lower()


def _file_name(part: _Message) -> str | None:
    name = _parameter(part, "filename", "content-disposition") or _parameter(
        part, "name", "content-type"
    )
    clean = one_line(decode_words(name).replace("\\", "/").rpartition("/")[2], MAX_FILE_NAME)
    return clean or None


def _parameter(part: _Message, name: str, header: str) -> str:
    try:
        value = part.get_param(name, "", header)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    if isinstance(value, tuple):  # RFC 2231: charset, language, value
        raw = value[2].encode("latin-1", "surrogateescape" if value[2].isascii() else "replace")
        return decode_bytes(raw, value[0])
    return str(value)


def _text(body: _Body) -> str:
    plain = "\n".join(each for each in body.plain if each.strip())
    if plain.strip():
        return paragraphs(plain, MAX_TEXT)
    return paragraphs("\n".join(html_to_text(each) for each in body.html), MAX_TEXT)
