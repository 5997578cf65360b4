"""The SMTP gateway: a mail to one of our desks' addresses becomes a channel event.

250 is answered only when Kafka has it; 451 asks the sender to try again; 550 says what to do.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from intake.application.channel_publisher import ChannelPublisher, PublishUnavailable
from intake.domain.admission.request import Line
from intake.domain.desk import Desk, Desks
from intake.domain.reply_address import ReplyAddresses
from intake.domain.text import CUT_MARK, one_line
from intake.domain.thread_matching import GRAVER, key_of
from intake.gateways.attachments import Attachments, StoreUnavailable
from intake.gateways.mail_readers import MailReaders, ReadersBusy
from intake.mail.headers import Mailbox
from intake.mail.machine import Kind, is_unattended
from intake.mail.parse import MAX_TEXT, Delivery, Mail
from intake.metrics import IntakeMetrics
from intake.settings import IntakeSettings
from pledge.events import (
    AttachmentRef,
    Contact,
    EmailMessageReceived,
    Encoded,
    ForwardedMail,
    Malformed,
    encode,
    originate,
)
from pledge.events.addresses import normal_address
from pledge.runtime.clock import Clock
from pledge.runtime.config.environment import SettingProblem, SettingsError
from pledge.runtime.ids import Ids
from pledge.runtime.observability import tracing

SOURCE: Final = "/intake/smtp"
NULL_SENDER: Final = "<>"
"""How aiosmtpd gives the empty sender of bounces."""

MAX_ANSWER: Final = 400
"""Characters of an answer; a line of SMTP has at most 512 bytes."""

log = structlog.get_logger()


class EarlyAnswer(Exception):
    """The mail's answer, early: `status` is an SMTP reply, `result` a metric label."""

    def __init__(self, status: str, result: str) -> None:
        super().__init__(status)
        self.status = status
        self.result = result


class EmailGateway:
    """What is done with each command of an SMTP session; aiosmtpd calls the `handle_…` methods."""

    def __init__(
        self,
        settings: IntakeSettings,
        desks: Desks,
        addresses: ReplyAddresses,
        publisher: ChannelPublisher,
        attachments: Attachments,
        readers: MailReaders,
        *,
        clock: Clock,
        ids: Ids,
        metrics: IntakeMetrics,
    ) -> None:
        """Raises SettingsError for a postmaster's address that is none of a desk."""
        chosen = settings.smtp_postmaster
        if chosen is not None and desks.of_address(chosen) is None:
            message = f"<{chosen}> is no address of a desk; give one that stands in an intake.yaml"
            raise SettingsError([SettingProblem("PLEDGE_INTAKE_SMTP_POSTMASTER", message)])
        self._settings = settings
        self._desks = desks
        self._addresses = addresses
        self._publisher = publisher
        self._attachments = attachments
        self._readers = readers
        self.clock = clock
        self._ids = ids
        self._metrics = metrics

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Say what this server takes: commands in one go (RFC 2920), and no passwords."""
        session.host_name = hostname
        offered = [each for each in responses if not each.startswith("250-AUTH")]
        return [*offered[:-1], "250-PIPELINING", offered[-1]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take recipients that are addresses of a desk."""
        chosen = self._settings.smtp_postmaster
        normal = normal_address(self._desks.of_postmaster(address, chosen) or address)
        if normal is None:
            return "553 5.1.3 that is not a mail address; check it and send again"
        if self._desks.of_address(normal) is None:
            self._metrics.mailed("unknown_recipient", 0)
            return (
                f"550 5.1.1 <{_ascii(normal)}> is no address of a support desk here; "
                "check the spelling, or ask whom you want to reach for the right address"
            )
        if len(envelope.rcpt_tos) >= self._settings.smtp_max_recipients:
            return "452 4.5.3 too many recipients; send the rest in another mail"
        envelope.rcpt_tos.append(normal)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the mail: publish it to each desk that it is for, then say so."""
        started = self.clock.monotonic()
        try:
            deliveries = await self._take(envelope)
            status, result = f"250 2.0.0 taken as {deliveries[0]}", "accepted"
        except EarlyAnswer as early:
            status, result = early.status, early.result
        except (PublishUnavailable, StoreUnavailable, ReadersBusy) as error:
            log.warning("mail_deferred", error=str(error))
            status, result = "451 4.3.0 can't take mail at the moment; try again later", "deferred"
        self._metrics.mailed(result, self.clock.monotonic() - started)
        return status

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours must not bounce the mail: the sender tries again."""
        if isinstance(error, TLSSetupException):  # the other side's; aiosmtpd ends the session
            log.info("smtp_tls_failed", error=str(error.__cause__ or error))
            self._metrics.mailed("tls_failed", 0)
            return "454 4.7.0 TLS could not be set up"
        log.error("smtp_session_failed", exc_info=error)
        self._metrics.mailed("failed", 0)
        return "451 4.3.0 something went wrong here; try again later"

    async def _take(self, envelope: Envelope) -> list[str]:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        sender = "" if envelope.mail_from in (None, NULL_SENDER) else envelope.mail_from
        delivery = Delivery(sender, tuple(envelope.rcpt_tos), self._settings.border_names())
        mail = await self._readers.read(raw, delivery)
        now = self.clock.now()
        records, deliveries = [], []
        desks = self._by_desk(envelope.rcpt_tos, mail)
        _check_files([desk for desk, _ in desks], mail)
        for desk, recipients in desks:
            whole, kept = await self._attachments.keep(desk.id, raw, mail.attachments, now)
            event = email_event(
                mail, desk, recipients, kept, self._addresses, now, delivery.envelope_sender, whole
            )
            deliveries.append(event.delivery)
            records.append(self._encoded(event))
        await self._publisher.publish(records)
        return deliveries

    def _by_desk(self, rcpt_tos: Sequence[str], mail: Mail) -> list[tuple[Desk, list[str]]]:
        """The mail's recipients by desk. Addresses of the desk in To and Cc count as well: when a
        mail is sent to each of them on its own, only the first copy becomes an event."""
        by_desk: dict[str, tuple[Desk, list[str]]] = {}
        for address in rcpt_tos:
            desk = self._desks.of_address(address)
            if desk is not None:
                by_desk.setdefault(desk.id, (desk, []))[1].append(address)
        for box in (*mail.to, *mail.cc):
            desk = self._desks.of_address(box.address)
            if desk is not None and desk.id in by_desk:
                by_desk[desk.id][1].append(box.address)
        return [(desk, list(dict.fromkeys(found))) for desk, found in by_desk.values()]

    def _encoded(self, event: EmailMessageReceived) -> Encoded:
        trace = tracing.begin(self._ids).traceparent()
        own_id = str(self._ids.new())
        try:
            return encode(event, originate(event, source=SOURCE, id=own_id, traceparent=trace))
        except Malformed as error:
            if event.html is not None:  # too large with it; the raw message has it
                return self._encoded(event.model_copy(update={"html": None, "is_truncated": True}))
            log.warning("mail_unreadable", reason=error.reason.value, detail=error.detail)
            status = "554 5.6.0 the mail can't be read; send it as plain text"
            raise EarlyAnswer(status, "unreadable") from error


def email_event(
    mail: Mail,
    desk: Desk,
    recipients: Sequence[str],
    attachments: Sequence[AttachmentRef],
    addresses: ReplyAddresses,
    now: datetime,
    envelope_sender: str | None = None,
    raw: AttachmentRef | None = None,
) -> EmailMessageReceived:
    """The channel event of a mail to `recipients` of one desk; `raw` is the whole message."""
    sender = _writer(mail, desk)
    named = next((found for each in recipients if (found := addresses.ticket(each, desk.id))), None)
    return EmailMessageReceived(
        desk=desk.id,
        occurred_at=now,
        recorded_at=now,
        delivery=delivery_key(mail, desk.line_of(recipients), envelope_sender),
        conversation=str(named) if named else key_of("mail", desk.id, mail.root).hex(),
        authentication=mail.authentication,
        mail_message_id=mail.message_id,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        sender=Contact(
            name=sender.name if sender else None,
            email=sender.address if sender else None,
            language=mail.language,
        ),
        submitted_by=_contact(mail.submitted_by) if mail.submitted_by != sender else None,
        reply_to=mail.reply_to.address if mail.reply_to else None,
        recipients=tuple(recipients),
        to=tuple(each.address for each in mail.to),
        cc=tuple(each.address for each in mail.cc),
        subject_line=mail.subject,
        text=mail.text,
        visible_text=mail.parts.visible,
        quoted_text=mail.parts.quoted,
        signature=mail.parts.signature,
        html=mail.html,
        defects=mail.defects,
        is_truncated=_is_truncated(mail),
        attachments=tuple(attachments),
        raw=raw,
        kind=mail.kind,
        reports=mail.reports,
        meeting_answer=mail.meeting_answer,
        forwarded=_forwarded(mail),
        is_auto_submitted=mail.kind is not Kind.HUMAN,
        headers={**mail.headers, **_own_headers(mail)},
    )


def _writer(mail: Mail, desk: Desk) -> Mailbox | None:
    """Who wrote; a form that names the desk itself in Reply-To speaks for nobody."""
    sender, form = mail.sender, mail.submitted_by
    if sender is None or form is None or not is_unattended(form.address):
        return sender
    return form if desk.is_own_address(sender.address) else sender


def _check_files(desks: Sequence[Desk], mail: Mail) -> None:
    """Refuse a mail whose files none of its desks takes. Raises EarlyAnswer, which says what to do:
    the sender's server passes it on. What one desk takes is taken by the others too."""
    if not mail.attachments:
        return
    files = [(each.name, len(each.content)) for each in mail.attachments]
    refusals = [desk.files.refusal(files) for desk in desks]
    if all(refusals):
        said = one_line(str(refusals[0]), MAX_ANSWER)
        raise EarlyAnswer(f"552 5.3.4 {_ascii(said)[:MAX_ANSWER]}", "files_refused")


def _forwarded(mail: Mail) -> ForwardedMail | None:
    found = mail.forwarded
    if found is None:
        return None
    return ForwardedMail(
        sender=Contact(name=found.sender.name, email=found.sender.address),
        subject_line=found.subject,
        text=found.text,
        comment=found.comment,
    )


def _contact(box: Mailbox | None) -> Contact | None:
    return Contact(name=box.name, email=box.address) if box else None


def _is_truncated(mail: Mail) -> bool:
    is_cut = len(mail.text) >= MAX_TEXT - len(CUT_MARK) and mail.text.endswith(CUT_MARK)
    return is_cut or "html_too_long" in mail.defects


def _own_headers(mail: Mail) -> dict[str, str]:
    """What the reader found out beside the mail's own fields. `kept` lets none through that has
    such a name, so nobody else can say so."""
    machine = {"x-pledge-machine": mail.machine_reason} if mail.machine_reason else {}
    return {**machine, **({"x-pledge-thanks": "yes"} if mail.is_thanks else {})}


def delivery_key(mail: Mail, line: Line | None = None, envelope_sender: str | None = None) -> str:
    """The same for each copy of one mail, however often and by whichever way it is sent; different
    for different mails, though they carry the same Message-ID, with which it begins.

    A mail without an id is told from another one by its envelope's sender, too. A copy to an urgent
    or escalating address is a delivery of its own.
    """
    key = f"{mail.message_id or 'mail'}:{mail.content_key}"
    if mail.message_id is None and envelope_sender is not None:
        key += f" from {normal_address(envelope_sender) or 'unknown'}"
    if line is not None and (line.is_urgent or line.escalates_to is not None):
        key += f"{GRAVER}{line.name}"
    return key


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
