"""A mail as JSON describes it, for people and programs who want to see how it is read."""

import re
from typing import Any, Final, TypeAlias

from intake.domain.text import one_line
from intake.mail.fields import Fields, first
from intake.mail.headers import Mailbox, decode_words, mailboxes
from intake.mail.parse import Delivery, Mail, read_mail_and_fields

Described: TypeAlias = dict[str, Any]

_IN_BRACKETS: Final = re.compile(r"^(.*?)\s*<([^<>]*)>\s*$", re.DOTALL)


def describe(raw: bytes, file: str, delivery: Delivery) -> Described:
    """What the mail in `raw` says. Addresses are `{name, address}`; one without an address of
    mail has what stands there."""
    mail, fields = read_mail_and_fields(raw, delivery)
    reports = [each.model_dump(mode="json") for each in mail.reports]
    return {
        "file": file,
        "from": _from(fields, mail),
        "to": [_box(each) for each in mail.to] or _as_written(fields, "to"),
        "cc": [_box(each) for each in mail.cc] or _as_written(fields, "cc"),
        "reply_to": [_box(each) for each in mailboxes(fields.get("reply-to", ()))],
        "subject": mail.subject,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": list(mail.references),
        "date": mail.sent_at.isoformat() if mail.sent_at else None,
        "text": mail.text,
        "visible_text": mail.parts.visible,
        "quoted_text": mail.parts.quoted,
        "signature": mail.parts.signature,
        "html": mail.html,
        "attachments": [
            {
                "filename": each.name,
                "content_type": each.content_type,
                "size": len(each.content),
                "sha256": each.sha256,
            }
            for each in mail.attachments
        ],
        "kind": mail.kind.value,
        "bounce": reports or None,
        "authentication": mail.authentication.model_dump(mode="json"),
    }


def _from(fields: Fields, mail: Mail) -> Described | None:
    """The mailbox of From; of a mail without one whoever it is taken to be from."""
    if mail.origin:
        return _box(mail.origin)
    written = _as_written(fields, "from")
    if written:
        return written[0]
    return _box(mail.sender) if mail.sender else None


def _box(box: Mailbox) -> Described:
    return {"name": box.name, "address": box.address}


def _as_written(fields: Fields, name: str) -> list[Described]:
    """A field in which no address can be found, such as `Moderator <moderator>`."""
    value = first(fields, name).strip()
    if not value or value.endswith(";"):  # an empty group names nobody
        return []
    bracketed = _IN_BRACKETS.match(value[:1_000])
    words, address = (bracketed[1], bracketed[2]) if bracketed else (value, "")
    shown = one_line(decode_words(words), 200).strip('"')
    return [{"name": shown or None, "address": one_line(address, 254) or None}]
