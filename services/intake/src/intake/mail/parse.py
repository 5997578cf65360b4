"""A mail's bytes as what intake needs of them.

``read_mail`` is total: any bytes give a Mail. What was wrong with them stands in ``Mail.defects``.
The mail is taken apart by our own splitter, which rewrites nothing and is bounded in each
dimension; header fields are read without the decoding that lets a name pose as an address.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from intake.domain.text import one_line, paragraphs
from intake.mail.authentication import border_finding
from intake.mail.body import Attachment, Body, read_body
from intake.mail.charsets import decode_bytes
from intake.mail.common_fields import content_key, kept, language, readable, sent_at
from intake.mail.correspondents import Correspondents, correspondents
from intake.mail.fields import Fields, first, read_head, structured
from intake.mail.forwarded import Forwarded, forwarded_message, forwarded_text
from intake.mail.headers import Mailbox, decode_words, mailboxes, message_ids, raw_text
from intake.mail.machine import Kind, Signs, judge
from intake.mail.meeting_answer import meeting_answer
from intake.mail.reply_text import SplitReply, split_reply
from intake.mail.report import delivery_reports
from intake.mail.structure import Part, read_structure
from intake.mail.thanks import is_thanks
from pledge.events import Authentication, DeliveryReport, MeetingAnswer
from pledge.events.addresses import parse_address

__all__ = [
    "MAX_SUBJECT",
    "MAX_TEXT",
    "Attachment",
    "Delivery",
    "Mail",
    "read_mail",
    "read_mail_and_fields",
    "unread_mail",
    "untouched_mail",
]

MAX_SUBJECT: Final = 8_000
"""Characters of a subject, which is kept in full: RFC 5322 limits lines, not fields."""
MAX_TEXT: Final = 60_000
"""Characters of text kept. With JSON escapes an event stays under its 900 kB."""
MAX_HTML_BYTES: Final = 200_000
"""Bytes of HTML in an event, as JSON; more stays in the raw message alone."""

_NOT_CHECKED: Final = Authentication(result="none")
_UNDECODED: Final = frozenset(("too_many_lines",))
_REPORTING: Final = frozenset((Kind.BOUNCE, Kind.FEEDBACK_LOOP))
_CALENDARS: Final = frozenset(("text/calendar", "application/ics"))
_MAX_FORWARDED: Final = 1_048_576
"""Bytes of an attached message that is read for its writer; a larger one stays a file alone."""
_JUDGED_BYTES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. ``sent_at`` is its Date field (UTC), ``content_key`` the same for each copy
    of one mail whichever way it came, ``machine_reason`` the sign of a machine, or None.
    ``sender`` is who wrote, ``submitted_by`` who sent it for them; ``html`` is as sent: sanitise it
    before it is shown. ``origin`` is the mailbox of From, ``parts`` the text taken apart;
    ``is_thanks`` says that the mail thanks for what it answers, and no more; ``forwarded`` is
    somebody else's mail that it passes on."""

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    sender: Mailbox | None
    submitted_by: Mailbox | None
    reply_to: Mailbox | None
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
    kind: Kind
    machine_reason: str | None
    reports: tuple[DeliveryReport, ...]
    meeting_answer: MeetingAnswer | None
    authentication: Authentication
    origin: Mailbox | None
    parts: SplitReply
    is_thanks: bool
    forwarded: Forwarded | None
    defects: tuple[str, ...]

    @property
    def root(self) -> str:
        """What names the conversation: the oldest message id known, else the content."""
        known = (*self.references, self.in_reply_to, self.message_id)
        return next((each for each in known if each), self.content_key)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of a mail besides its bytes. ``envelope_sender`` is MAIL FROM, ``""`` if null,
    None if not known; ``recipients`` are those of the envelope; ``authserv_ids`` the names under
    which our own border writes what it found out; ``is_within``: it came in another mail."""

    envelope_sender: str | None = None
    recipients: tuple[str, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    is_within: bool = False


@dataclass(frozen=True, slots=True)
class _Taken:
    """A mail taken apart."""

    raw: bytes
    fields: Fields
    start: int
    root: Part
    body: Body
    text: str


UNKNOWN: Final = Delivery()


def read_mail(raw: bytes, delivery: Delivery = UNKNOWN) -> Mail:
    """The mail in ``raw``."""
    return read_mail_and_fields(raw, delivery)[0]


def read_mail_and_fields(raw: bytes, delivery: Delivery = UNKNOWN) -> tuple[Mail, Fields]:
    """The mail in ``raw``, and its fields as they stand."""
    head = read_head(raw)
    root, defects = read_structure(raw, head.fields, head.body)
    defects = [*head.defects, *defects]
    if _UNDECODED.intersection(defects):  # the raw text is better than nothing
        body = Body(defects=defects)
        text = decode_bytes(raw[head.body : head.body + MAX_TEXT], None)
    else:
        body = read_body(raw, root, defects)
        text = "\n".join(each.plain() for each in body.shown if each.text.strip())
    taken = _Taken(raw, head.fields, head.body, root, body, text)
    return _mail(taken, delivery), head.fields


def unread_mail(raw: bytes, reason: str, delivery: Delivery = UNKNOWN) -> Mail:
    """A mail that could not be taken apart, for that reason: its fields, the beginning of it as
    text, and all of it as a file."""
    head = read_head(raw)
    root = Part(head.fields, structured(first(head.fields, "content-type")), head.body, len(raw))
    whole = Attachment("message.eml", "message/rfc822", raw)
    body = Body(files=[whole], defects=[*head.defects, reason])
    text = decode_bytes(raw[head.body : head.body + MAX_TEXT], None)
    taken = _Taken(raw, head.fields, head.body, root, body, text)
    return _mail(taken, delivery)


def untouched_mail(raw: bytes, reason: str, delivery: Delivery = UNKNOWN) -> Mail:
    """A mail of which nothing is read, for that reason: all of it is a file, and the envelope says
    whom it is from."""
    nothing = _Taken(b"", {}, 0, Part({}, structured(""), 0, 0), Body(defects=[reason]), "")
    whole = Attachment("message.eml", "message/rfc822", raw)
    return replace(_mail(nothing, delivery), attachments=(whole,), content_key=content_key({}, raw))


def _mail(taken: _Taken, delivery: Delivery) -> Mail:
    headers = readable(taken.fields, taken.root)
    subject = one_line(decode_words(first(headers, "subject")), MAX_SUBJECT)
    people = correspondents(headers, delivery.envelope_sender)
    ids = message_ids(headers.get("message-id", ()))
    replied = message_ids(headers.get("in-reply-to", ()))
    in_reply_to = replied[0] if replied else None
    judgement = judge(_signs(taken, headers, people, delivery, subject))
    is_report = judgement.kind in _REPORTING
    text = paragraphs(taken.text, MAX_TEXT)
    parts = SplitReply(text, "", "") if is_report else split_reply(text)
    is_answer = judgement.kind is Kind.HUMAN and bool(replied or headers.get("references"))
    return Mail(
        message_id=ids[0] if ids else None,
        in_reply_to=in_reply_to,
        references=message_ids(headers.get("references", ())),
        sender=people.author,
        submitted_by=people.submitted_by,
        reply_to=people.reply_to,
        to=mailboxes(headers.get("to", ())),
        cc=mailboxes(headers.get("cc", ())),
        subject=subject,
        text=text,
        html=_html(taken.body),
        sent_at=sent_at(headers.get("date", ())),
        language=language(headers),
        attachments=tuple(taken.body.files),
        headers=kept(headers),
        content_key=content_key(taken.fields, taken.raw[taken.start :]),
        kind=judgement.kind,
        machine_reason=judgement.reason or None,
        reports=_reports(taken, headers, delivery, in_reply_to) if is_report else (),
        meeting_answer=_meeting_answer(taken.body, people),
        authentication=_authentication(headers, people, delivery.authserv_ids),
        origin=people.origin,
        parts=parts,
        forwarded=_forwarded(subject, text, parts, taken.body, judgement.kind, delivery),
        is_thanks=is_answer and not taken.body.files and _thanks(parts, people),
        defects=tuple(dict.fromkeys(taken.body.defects)),
    )


def _forwarded(
    subject: str, text: str, parts: SplitReply, body: Body, kind: Kind, delivery: Delivery
) -> Forwarded | None:
    """What a person's mail passes on; what is within that is not looked into."""
    if kind is not Kind.HUMAN or delivery.is_within:
        return None
    messages = [each.content for each in body.files if each.content_type == "message/rfc822"]
    if len(messages) == 1 and len(messages[0]) <= _MAX_FORWARDED:
        inner = read_mail(messages[0], Delivery(is_within=True))
        if inner.sender is not None:
            said = Forwarded(inner.sender, inner.subject, inner.text, "")
            if (found := forwarded_message(subject, parts.visible, said)) is not None:
                return found
    return forwarded_text(subject, text)


def _thanks(parts: SplitReply, people: Correspondents) -> bool:
    return is_thanks(parts.visible, people.author.name if people.author else None)


def _signs(
    taken: _Taken, headers: Fields, people: Correspondents, delivery: Delivery, subject: str
) -> Signs:
    return Signs(
        headers,
        people.author.address if people.author else None,
        delivery.envelope_sender,
        subject,
        taken.raw[taken.start : taken.start + _JUDGED_BYTES],
    )


def _reports(
    taken: _Taken, headers: Fields, delivery: Delivery, in_reply_to: str | None
) -> tuple[DeliveryReport, ...]:
    return delivery_reports(
        taken.raw[taken.start :],
        failed_recipients=first(headers, "x-failed-recipients"),
        delivered_to=delivery.recipients,
        answers=in_reply_to,
    )


def _meeting_answer(body: Body, people: Correspondents) -> MeetingAnswer | None:
    sender = people.author.address if people.author else None
    calendars = (each.content for each in body.files if each.content_type in _CALENDARS)
    return next((found for each in calendars if (found := meeting_answer(each, sender))), None)


def _authentication(
    headers: Fields, people: Correspondents, authserv_ids: Collection[str]
) -> Authentication:
    """What our border says of the author; it knows nothing of one who is not in From."""
    origin = people.origin
    if not authserv_ids or origin is None or origin != people.author:
        return _NOT_CHECKED
    address = parse_address(origin.address)
    fields = [raw_text(each) for each in headers.get("authentication-results", ())]
    return border_finding(fields, authserv_ids, from_domain=address.domain if address else None)


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
