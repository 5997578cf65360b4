"""What kind of a mail it is: written by a person, or by which kind of machine.

``Auto-Submitted`` alone marks under half of real bounces, so the signs of RFC 3834, RFC 3464,
RFC 5965, null senders and vendors' fields are joined. Words in a subject decide only together with
another sign: people write such subjects too. A person who writes through a mailing list is a
person: ``List-*`` fields and ``Precedence: list`` alone say nothing here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from intake.mail.absence_words import says_absence


class Kind(StrEnum):
    """What wrote a mail, and so what it may do. Only `human` and `other_machine` (monitoring, a
    form, a device) bring something new; the others answer, report or advertise."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    FEEDBACK_LOOP = "feedback_loop"
    OTHER_MACHINE = "other_machine"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The kind of a mail and by which sign."""

    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Signs:
    """What the kind is read from. ``headers`` maps lower-case names to raw values; ``sender`` is
    the address of From; ``envelope_sender`` is MAIL FROM (``""`` when null, None when not known);
    ``body`` is the raw body, of which the beginning is read."""

    headers: Mapping[str, Sequence[str]]
    sender: str | None
    envelope_sender: str | None
    subject: str
    body: bytes

    def first(self, name: str) -> str:
        """The field's first value, or ""."""
        values = self.headers.get(name)
        return values[0].strip() if values else ""

    @property
    def answers(self) -> bool:
        """It answers something: by its fields, or by a ticket's number in the subject."""
        fields = self.headers.get("in-reply-to") or self.headers.get("references")
        return bool(fields) or _TICKET_NUMBER.search(self.subject) is not None

    @property
    def has_null_sender(self) -> bool:
        """MAIL FROM, or Return-Path, is empty: no answer is wanted (RFC 5321 §4.5.5)."""
        if self.envelope_sender is not None and self.envelope_sender.strip() in NULL_SENDERS:
            return True
        return "return-path" in self.headers and self.first("return-path") in NULL_SENDERS

    @property
    def talks_of_delivery(self) -> bool:
        """The body's beginning reads like a report of a mail that did not arrive."""
        return _DELIVERY_TALK.search(self.body[:_BEGINNING].lower()) is not None


NULL_SENDERS: Final = frozenset(("", "<>"))
HUMAN: Final = Judgement(Kind.HUMAN, "")
_BEGINNING: Final = 20_000
_TICKET_NUMBER: Final = re.compile(r"\[[A-Z][A-Z0-9]{1,9}-[0-9]{1,13}\]")

_DAEMONS: Final = re.compile(
    r"^(mailer[-_.]?daemon|mail[-_.]?daemon|mdaemon|post_master|mail[-.]delivery[^@]*"
    r"|bounces?([-+][^@]*)?|no-?reply[-_.]?bounces?)@"
)
_UNATTENDED: Final = re.compile(
    r"^(no|do[-_.]?not|dont|never|keine?|ne[-_.]?pas|non|nao|geen)[-_.]?"
    r"(reply|respond|answer|antworten?|antwort|repondre|rispondere|responder|antwoord(en)?)"
    r"([-_.+][^@]*)?@"
)
_OFFICES: Final = ("postmaster@", "post-master@", "post.master@", "mailadmin@")
_REPORT_TYPE: Final = re.compile(r"report-type\s*=\s*\"?([a-z-]+)", re.IGNORECASE)
_REPORTS: Final[Mapping[str, Kind]] = {
    "delivery-status": Kind.BOUNCE,
    "delivery-notification": Kind.BOUNCE,
    "disposition-notification": Kind.AUTO_REPLY,
    "feedback-report": Kind.FEEDBACK_LOOP,
    "abuse": Kind.FEEDBACK_LOOP,
    "auth-failure": Kind.FEEDBACK_LOOP,
    "tlsrpt": Kind.FEEDBACK_LOOP,
}
_BOUNCE_FIELDS: Final = (
    "x-failed-recipients", "x-mailer-daemon", "x-mailrelay-bounce", "x-bounce-reason",
    "delivered-by-bounce", "x-amazon-mail-relay-type",
)  # fmt: skip
_REPLY_FIELDS: Final = (
    "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-mail-autoreply",
    "x-ms-exchange-inbox-rules-loop", "x-autoreply-from", "x-vacation",
)  # fmt: skip
_NO: Final = frozenset(("", "no", "none", "false", "0"))
_BOUNCE_SUBJECTS: Final = re.compile(
    r"^\s*(undeliver(ed|able)( mail| message)?( returned to sender)?\b|returned mail:"
    r"|failure notice$|delivery (status( notification)?|failure|has failed|notification)\b"
    r"|mail (delivery )?(failed|failure|system)|mail could not be delivered"
    r"|message undeliverable|message (delivery )?(failure|delayed)|delivery delayed"
    r"|warning: (message|could not send)|undelivered mail|nondeliverable mail|delivery report"
    r"|unzustellbar|non remis|non recapitabile|no entregado|não entregue|onbestelbaar"
    r"|メールエラー通知|недоставленное сообщение|退信|반송된 메일)",
    re.IGNORECASE,
)
_DELIVERY_TALK: Final = re.compile(
    rb"(could not be delivered|couldn't be delivered|was not delivered|undeliverable"
    rb"|unable to deliver|delivery (has )?failed|returned to (the )?sender"
    rb"|permanent (fatal )?error|user unknown|message/delivery-status|delivery problems"
    rb"|mailbox (is )?(full|unavailable)|following (address|recipient|message))"
)
"""In a text of lower-case letters."""
# What Amazon's notification service says of mails sent by its mail service, as JSON.
_NOTIFICATION: Final = re.compile(rb'"notificationType"\s*:\s*"(Bounce|Complaint|Delivery)"')
_COMPLAINT: Final = b"X-HmXmrOriginalRecipient:"


def judge(signs: Signs) -> Judgement:
    """The kind of a mail. The graver sign comes first: a report is one whoever sends it."""
    return (
        _report(signs)
        or _bounce(signs)
        or _automatic(signs)
        or _bulk(signs)
        or _by_sender_or_words(signs)
        or HUMAN
    )


def is_unattended(address: str) -> bool:
    """Nobody reads what is sent to the address: its name says so."""
    return _UNATTENDED.match(address) is not None or _DAEMONS.match(address) is not None


def _report(signs: Signs) -> Judgement | None:
    content_type = signs.first("content-type")
    named = _REPORT_TYPE.search(content_type)
    kind = _REPORTS.get(named[1].lower()) if named else None
    if kind is not None:
        return Judgement(kind, "report")
    if content_type.lower().startswith("message/delivery-status"):
        return Judgement(Kind.BOUNCE, "report")
    sender, beginning = signs.sender or "", signs.body[:_BEGINNING]
    notified = _NOTIFICATION.search(beginning) if is_unattended(sender) else None
    if notified:
        is_complaint = notified[1] == b"Complaint"
        return Judgement(Kind.FEEDBACK_LOOP if is_complaint else Kind.BOUNCE, "report")
    is_loop = sender.startswith("fbl@") or _COMPLAINT in beginning
    if signs.first("feedback-type") or is_loop:
        return Judgement(Kind.FEEDBACK_LOOP, "report")
    return None


def _bounce(signs: Signs) -> Judgement | None:
    if any(signs.first(name).lower() not in _NO for name in _BOUNCE_FIELDS):
        return Judgement(Kind.BOUNCE, "vendor_field")
    if signs.sender is not None and _DAEMONS.match(signs.sender):
        return Judgement(Kind.BOUNCE, "daemon")
    says_so = _BOUNCE_SUBJECTS.match(signs.subject) is not None
    if says_so and (signs.sender is None or signs.talks_of_delivery):
        return Judgement(Kind.BOUNCE, "report_wording")
    is_machine = signs.has_null_sender or is_unattended(signs.sender or "")
    is_office = (signs.sender or "").startswith(_OFFICES)
    if (is_machine or is_office) and (says_so or signs.talks_of_delivery):
        return Judgement(Kind.BOUNCE, "report_wording")
    return None


def _automatic(signs: Signs) -> Judgement | None:
    submitted = re.split(r"[\s;(]", signs.first("auto-submitted").lower(), maxsplit=1)[0]
    if submitted and submitted != "no":  # "no" means a person (RFC 3834 §5)
        is_reply = submitted == "auto-replied" or _is_answer(signs)
        return Judgement(Kind.AUTO_REPLY if is_reply else Kind.OTHER_MACHINE, "auto_submitted")
    is_vacation = "vacation" in signs.first("x-apple-action").lower()
    if is_vacation or any(signs.first(name).lower() not in _NO for name in _REPLY_FIELDS):
        return Judgement(Kind.AUTO_REPLY, "vendor_field")
    if signs.first("precedence").lower() in {"auto_reply", "auto-reply"}:
        return Judgement(Kind.AUTO_REPLY, "precedence")
    if signs.has_null_sender:
        is_reply = says_absence(signs.subject)
        return Judgement(Kind.AUTO_REPLY if is_reply else Kind.BOUNCE, "null_sender")
    if signs.first("x-autogenerated").lower() not in _NO:
        return Judgement(_machine_kind(signs), "vendor_field")
    return None


def _bulk(signs: Signs) -> Judgement | None:
    """What a list's own program or a newsletter sends, rather than a person through it."""
    is_bulk = signs.first("precedence").lower() in {"bulk", "junk"}
    has_list = "list-id" in signs.headers or "list-unsubscribe" in signs.headers
    nobody_posts = "list-post" not in signs.headers or signs.first("list-post").lower() == "no"
    if nobody_posts and ("list-unsubscribe-post" in signs.headers or (is_bulk and has_list)):
        return Judgement(Kind.LIST, "list")
    is_admin = re.match(r"^[^@]*-(admin|owner|request)@", signs.sender or "") is not None
    if is_admin and ("x-mlserver" in signs.headers or has_list):
        return Judgement(Kind.LIST, "list")
    return Judgement(_machine_kind(signs), "precedence") if is_bulk else None


def _by_sender_or_words(signs: Signs) -> Judgement | None:
    # A web form sends for a person from such an address and names the person in Reply-To.
    if signs.sender is not None and is_unattended(signs.sender):
        return Judgement(_machine_kind(signs), "unattended_sender")
    if signs.answers and says_absence(signs.subject):
        return Judgement(Kind.AUTO_REPLY, "reply_wording")
    return None


def _machine_kind(signs: Signs) -> Kind:
    return Kind.AUTO_REPLY if _is_answer(signs) else Kind.OTHER_MACHINE


def _is_answer(signs: Signs) -> bool:
    return signs.answers or says_absence(signs.subject)
