"""The mail server: takes every mail for everybody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from pledge.runtime.clock import Clock
from pledge.runtime.http.server import CannotListen
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.faults import Faults

LARGEST_MAIL = 30_000_000
# Longer than any client waits.
NO_ANSWER = timedelta(minutes=30)


class MailHandler:
    """What aiosmtpd asks for each mail."""

    def __init__(self, arrivals: Arrivals, faults: Faults, clock: Clock) -> None:
        self._arrivals = arrivals
        self._faults = faults
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, unless a fault was asked for, and answer."""
        fault = self._faults.next("smtp")
        if fault is None or fault.keeps:
            self._keep(envelope)
        if fault is None:
            return "250 2.0.0 kept"
        if fault.answer == "timeout":
            await self._clock.sleep(NO_ANSWER)
            return "451 4.3.0 too late"
        kind = "5.0.0" if fault.answer >= 550 else "4.3.0"
        return f"{fault.answer} {kind} as asked for"

    def _keep(self, envelope: Envelope) -> None:
        content = cast(bytes, envelope.content or b"")
        mail = message_from_bytes(content, policy=policy.default)
        self._arrivals.add(
            "email",
            to=", ".join(envelope.rcpt_tos),
            sender=str(mail.get("from", envelope.mail_from or "<>")),
            subject=str(mail.get("subject", "")),
            text=_part(mail, "plain") or "",
            html=_part(mail, "html"),
            delivery=str(mail.get("message-id", "")).strip(),
            headers={name: str(value) for name, value in mail.items()},
            body=_invitation(mail),
        )


def _invitation(mail: EmailMessage) -> dict[str, str] | None:
    """The invitation in a mail, as calendars get it: its method and its iCalendar text."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            raw = cast(bytes, part.get_payload(decode=True) or b"")
            method = part.get_param("method") or ""
            return {"method": str(method), "calendar": raw.decode("utf-8", "replace")}
    return None


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    try:
        content: object = part.get_content()
    except (LookupError, ValueError, KeyError):
        # An unknown charset or encoding: show the bytes as far as they are text.
        content = cast(bytes, part.get_payload(decode=True) or b"").decode("utf-8", "replace")
    return content if isinstance(content, str) else str(content)


async def serve_mail(handler: MailHandler, host: str, port: int) -> asyncio.Server:
    """Listen for mails. Raises CannotListen when the port is taken."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            handler, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, ident="sink", loop=loop
        )

    try:
        return await loop.create_server(session, host, port)
    except OSError as error:
        raise CannotListen(f"mails can't be taken on {host}:{port}: {error.strerror}") from error
