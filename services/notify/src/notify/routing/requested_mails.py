"""Mails that other services request: mails of intake, status updates, confirmations."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from notify.application.context import NotifyContext
from notify.domain.desk import Desk, Template
from notify.domain.mail_limits import refuse
from notify.domain.routing import Party
from notify.messages.mails_and_chat import Mailbox, MailSpec, party_mailbox, write_mail
from notify.messages.render import RenderFailed
from notify.storage.published_events import EventDraft
from notify.storage.rows import About, Draft
from pledge.events import (
    ConfirmationRequested,
    Contact,
    EmailFailed,
    EmailRequested,
    Envelope,
    Recipient,
    UpdateAddressed,
    derived_id,
    parse_instant,
)

log = structlog.get_logger()


@dataclass(slots=True)
class Mails:
    """Deliveries to make, and events for what cannot be made."""

    drafts: list[Draft] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)


def requested_mail(
    context: NotifyContext,
    desk: Desk,
    event: EmailRequested,
    cause: Envelope,
    now: datetime,
    mailed: Counter[tuple[str, str]],
    held: datetime | None = None,
) -> Mails:
    """The mails of an `EmailRequested`, one to each addressee. The same request gives the same.

    `mailed` counts the automatic mails that each (desk, address) has got lately: two machines that
    answer each other would go on without end. `held` is when the customer's maintenance is over:
    what is not urgent waits for it.
    """
    mails = Mails()
    template = _template_of(desk, event)
    for position, contact in enumerate((*event.to, *event.cc)):
        mailbox = party_mailbox(desk, _party(contact, desk))
        reason = "template_unknown" if template is None else None
        if reason is None and event.is_automatic:
            reason = _refusal(context, desk, mailbox, mailed)
        if template is not None and reason is None:
            try:
                mails.drafts.append(
                    _requested_draft(
                        context, desk, event, cause, mailbox, template, position, now, held
                    )
                )
                mailed[desk.name, mailbox.address] += event.is_automatic
            except RenderFailed as error:
                context.metrics.template_failed(desk.name, event.template)
                log.error("template_failed", desk=desk.name, error=str(error))  # noqa: TRY400
                reason = "bad_content"
        if reason is not None:
            mails.events.append(_failed(event, cause, mailbox, reason, position, now))
    return mails


def _refusal(
    context: NotifyContext, desk: Desk, mailbox: Mailbox, mailed: Counter[tuple[str, str]]
) -> str | None:
    """Why an automatic mail may not go to the mailbox; None if it may."""
    refusal = refuse(
        mailbox.address,
        is_automatic=False,  # intake knows who wrote when it requests the mail
        own_addresses=desk.own_addresses,
        sent_lately=mailed[desk.name, mailbox.address],
        most=desk.mails_per_address,
    )
    if refusal is None:
        return None
    context.metrics.mail_refused(desk.name, refusal)
    return refusal.value


# An agent's words, and where their files are fetched.
_OWN_WORDS: Final = Template(
    text="{{ text }}{% for file in files %}{{ '\n\n' if loop.first else '\n' }}"
    "{{ file.name }} ({{ file.size|filesizeformat }}){{ ': ' ~ file.url if file.url }}{% endfor %}",
    subject="{{ subject_line }}",
)


def _template_of(desk: Desk, event: EmailRequested) -> Template | None:
    if event.text is not None:
        return _OWN_WORDS
    if event.template in desk.templates:
        return desk.template(event.template, event.to[0].language or desk.language)
    return None


def _requested_draft(
    context: NotifyContext,
    desk: Desk,
    event: EmailRequested,
    cause: Envelope,
    mailbox: Mailbox,
    template: Template,
    position: int,
    now: datetime,
    held: datetime | None,
) -> Draft:
    values: dict[str, Any] = {
        "ticket": {"number": event.ticket_number, "title": event.subject_line or ""},
        "event": _template_values(event.variables),
        **_template_values(event.variables),
        "text": event.text,
        "files": [
            {"name": each.name, "size": each.size, "url": each.url} for each in event.attachments
        ],
        "subject_line": event.subject_line or event.ticket_number,
        "occurred_at": event.occurred_at,
    }
    spec = MailSpec(
        about=About(ticket_id=event.ticket_id, number=event.ticket_number),
        cause=cause,
        lane=f"{desk.name}/email",
        context={"template": event.template, "message_id": str(event.email_id)},
        reply_to=event.reply_to,
        in_reply_to=event.in_reply_to,
        references=event.references,
        is_reply=event.is_automatic and event.in_reply_to is not None,
        is_automatic=event.is_automatic,
        calendar=event.calendar,
        not_before=None if event.is_urgent else held,
    )
    draft_id = UUID(derived_id(str(event.email_id), position, source="/notify/requested"))
    return write_mail(desk, mailbox, template, values, spec, draft_id=draft_id, now=now)


def _template_values(variables: Mapping[str, str]) -> dict[str, Any]:
    """The variables for the template; one whose name ends with _at is printed in the reader's
    zone."""
    return {name: _instant(value) if name.endswith("_at") else value
            for name, value in variables.items()}  # fmt: skip


def _instant(text: str) -> datetime | str:
    try:
        return parse_instant(text)
    except ValueError:
        return text


def _failed(
    event: EmailRequested,
    cause: Envelope,
    mailbox: Mailbox,
    reason: str,
    position: int,
    now: datetime,
) -> EventDraft:
    failed = EmailFailed(
        desk=event.desk,
        occurred_at=now,
        recorded_at=now,
        ticket_id=event.ticket_id,
        ticket_number=event.ticket_number,
        message_id=event.email_id,
        template=event.template,
        recipient=mailbox.address,
        reason=reason,
        gave_up_at=now,
    )
    return EventDraft(failed, cause, event.email_id.int << 32 | position)


def addressed_update(
    context: NotifyContext, desk: Desk, event: UpdateAddressed, cause: Envelope, now: datetime
) -> list[Draft]:
    """A mail of a status update to each of its recipients who wants mails."""
    about = About(incident_id=event.incident_id or event.maintenance_id)
    values = {"event": event.model_dump(exclude={"recipients"}), "occurred_at": event.occurred_at}
    return _to_subscribers(
        context,
        desk,
        event.recipients,
        "status_update",
        values,
        about,
        cause,
        now,
        key=str(event.update_id),
        update_id=str(event.update_id),
    )


def confirmation(
    context: NotifyContext, desk: Desk, event: ConfirmationRequested, cause: Envelope, now: datetime
) -> list[Draft]:
    """The mail by which a new subscriber confirms the address."""
    values = {"event": event.model_dump(), "occurred_at": event.occurred_at}
    return _to_subscribers(
        context,
        desk,
        (event.recipient,),
        "subscription_confirmation",
        values,
        About(),
        cause,
        now,
        key=cause.id,
        update_id=None,
    )


def _to_subscribers(
    context: NotifyContext,
    desk: Desk,
    recipients: tuple[Recipient, ...],
    template: str,
    values: Mapping[str, Any],
    about: About,
    cause: Envelope,
    now: datetime,
    *,
    key: str,
    update_id: str | None,
) -> list[Draft]:
    drafts: list[Draft] = []
    for recipient in recipients:
        if recipient.method != "email":
            log.info("subscriber_without_channel", desk=desk.name, method=recipient.method)
            continue
        spec = MailSpec(
            about=about,
            cause=cause,
            lane=f"{desk.name}/email/bulk",
            context={"template": template, "update_id": update_id},
            unsubscribe_url=recipient.unsubscribe_url,
        )
        try:
            drafts.append(
                _to_subscriber(context, desk, recipient, template, values, spec, key, now)
            )
        except RenderFailed as error:
            context.metrics.template_failed(desk.name, template)
            log.error("template_failed", desk=desk.name, error=str(error))  # noqa: TRY400
    return drafts


def _to_subscriber(
    context: NotifyContext,
    desk: Desk,
    recipient: Recipient,
    template: str,
    values: Mapping[str, Any],
    spec: MailSpec,
    key: str,
    now: datetime,
) -> Draft:
    party = Party(None, recipient.address, recipient.zone, recipient.language)
    mailbox = party_mailbox(desk, party)
    source = f"/notify/subscriber/{recipient.subscriber_id}"
    return write_mail(
        desk,
        mailbox,
        desk.template(template, mailbox.language),
        {**values, "recipient": {"unsubscribe_url": recipient.unsubscribe_url}},
        spec,
        draft_id=UUID(derived_id(key, 0, source=source)),
        now=now,
    )


def _party(contact: Contact, desk: Desk) -> Party:
    return Party(contact.name, contact.email, contact.zone, contact.language or desk.language)
