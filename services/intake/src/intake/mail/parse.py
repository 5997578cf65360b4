"""A mail's bytes as what intake needs of them.

``read_mail`` is total: any bytes give a Mail. What was wrong with them stands in ``Mail.defects``.
The mail is taken apart by our own splitter, which rewrites nothing and is bounded in each
dimension; header fields are read without the decoding that lets a name pose as an address.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from intake.domain.text import one_line, paragraphs
from intake.mail.auto_reply import NULL_SENDERS, machine_reason
from intake.mail.body import Attachment, Body, read_body
from intake.mail.charsets import decode_bytes
from intake.mail.fields import Fields, first, read_head, structured
from intake.mail.headers import (
    Mailbox,
    decode_words,
    mailboxes,
    message_ids,
    raw_text,
)
from intake.mail.structure import Part, read_structure
from pledge.events import normal_address

__all__ = ["MAX_SUBJECT", "MAX_TEXT", "Attachment", "Mail", "read_mail", "unread_mail"]

MAX_SUBJECT: Final = 8_000
"""Characters of a subject, which is kept in full: RFC 5322 limits lines, not fields."""
MAX_TEXT: Final = 60_000
"""Characters of text kept. With JSON escapes an event stays under its 900 kB."""
MAX_HTML_BYTES: Final = 200_000
"""Bytes of HTML in an event, as JSON; more stays in the raw message alone."""

_LANGUAGE_TAG: Final = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")
_KEPT_HEADERS: Final = (
    "importance", "x-priority", "list-id", "content-language", "authentication-results",
    "auto-submitted", "precedence",
)  # fmt: skip
_UNDECODED: Final = frozenset(("too_many_lines", "too_slow"))


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. ``sent_at`` is its Date field (UTC), ``content_key`` the same for each copy
    of one mail whichever way it came, ``machine_reason`` why a machine wrote it, or None.
    ``sender`` is who wrote, ``submitted_by`` who sent it for them; ``html`` is as sent: sanitise it
    before it is shown."""

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    sender: Mailbox | None
    submitted_by: Mailbox | None
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    text: str
    html: str | None
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


def read_mail(raw: bytes, *, envelope_sender: str | None = None) -> Mail:
    """The mail in ``raw``; ``envelope_sender`` is MAIL FROM, ``""`` if null, None if not known."""
    head = read_head(raw)
    root, defects = read_structure(raw, head.fields, head.body)
    defects = [*head.defects, *defects]
    if _UNDECODED.intersection(defects):  # the raw text is better than nothing
        body = Body(defects=defects)
        text = decode_bytes(raw[head.body : head.body + MAX_TEXT], None)
    else:
        body = read_body(raw, root, defects)
        text = "\n".join(each.plain() for each in body.shown if each.text.strip())
    return _mail(raw, head.fields, head.body, root, body, text, envelope_sender)


def unread_mail(raw: bytes, reason: str, *, envelope_sender: str | None = None) -> Mail:
    """A mail that could not be taken apart, for that reason: its fields, the beginning of it as
    text, and all of it as a file."""
    head = read_head(raw)
    root = Part(head.fields, structured(first(head.fields, "content-type")), head.body, len(raw))
    whole = Attachment("message.eml", "message/rfc822", raw)
    body = Body(files=[whole], defects=[*head.defects, reason])
    text = decode_bytes(raw[head.body : head.body + MAX_TEXT], None)
    return _mail(raw, head.fields, head.body, root, body, text, envelope_sender)


def _mail(
    raw: bytes,
    fields: Fields,
    start: int,
    root: Part,
    body: Body,
    text: str,
    envelope_sender: str | None,
) -> Mail:
    headers = _readable(fields, root)
    subject = one_line(decode_words(first(headers, "subject")), MAX_SUBJECT)
    sender = _sender(headers, envelope_sender)
    ids = message_ids(headers.get("message-id", ()))
    replied = message_ids(headers.get("in-reply-to", ()))
    submitters = mailboxes(headers.get("sender", ())[:1])
    return Mail(
        message_id=ids[0] if ids else None,
        in_reply_to=replied[0] if replied else None,
        references=message_ids(headers.get("references", ())),
        sender=sender,
        submitted_by=submitters[0] if submitters and submitters[0] != sender else None,
        reply_to=mailboxes(headers.get("reply-to", ())),
        to=mailboxes(headers.get("to", ())),
        cc=mailboxes(headers.get("cc", ())),
        subject=subject,
        text=paragraphs(text, MAX_TEXT),
        html=_html(body),
        sent_at=_sent_at(headers.get("date", ())),
        language=_language(first(headers, "content-language")),
        attachments=tuple(body.files),
        headers=_kept(headers),
        content_key=_content_key(fields, raw, start),
        machine_reason=machine_reason(
            headers,
            sender=sender.address if sender else None,
            envelope_sender=envelope_sender,
            subject=subject,
            body=raw[start : start + 20_000],
        ),
        defects=tuple(dict.fromkeys(body.defects)),
    )


def _readable(fields: Fields, root: Part) -> Fields:
    """The fields with raw bytes beyond ASCII read: as UTF-8, else in the charset of the mail's
    text, as mail programs of China and Russia mean them."""
    if all(value.isascii() for values in fields.values() for value in values):
        return fields
    charset = next((each for part in _leaves(root) if (each := _charset(part))), None)
    return {
        name: [
            value
            if value.isascii()
            else decode_bytes(value.encode("ascii", "surrogateescape"), None, charset)
            for value in values
        ]
        for name, values in fields.items()
    }


def _leaves(part: Part) -> Iterator[Part]:
    pending = [part]
    while pending:
        each = pending.pop()
        yield each
        pending.extend(reversed(each.parts))


def _charset(part: Part) -> str | None:
    is_text = part.kind.startswith("text/")
    return part.content_type.parameters.get("charset") if is_text else None


def _kept(headers: Fields) -> dict[str, str]:
    return {
        name: one_line(raw_text(headers[name][0]), 500) for name in _KEPT_HEADERS if name in headers
    }


def _sender(headers: Fields, envelope_sender: str | None) -> Mailbox | None:
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


def _sent_at(values: Sequence[str]) -> datetime | None:
    for value in values:
        try:
            instant = parsedate_to_datetime(value[:100])
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _html(body: Body) -> str | None:
    html = "\n".join(body.html)
    if not html.strip():
        return None
    if len(html) > MAX_HTML_BYTES or len(json.dumps(html, ensure_ascii=False).encode()) > (
        MAX_HTML_BYTES
    ):
        body.defects.append("html_too_long")
        return None
    return html


def _content_key(fields: Fields, raw: bytes, start: int) -> str:
    """A hash of what its writer sent: fields that relays add are left out, so that a mail resent by
    another route is the same, and two mails that share a Message-ID are not."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("message-id", "date", "from", "subject"):
        digest.update(first(fields, name).strip().encode("utf-8", "surrogateescape") + b"\0")
    digest.update(raw[start:].replace(b"\r\n", b"\n").strip())
    return digest.hexdigest()
