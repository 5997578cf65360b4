"""Mail by SMTP, over kept connections."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import partial
from typing import Any

import aiosmtplib

from notify.channels.ack_links import ack_url, with_ack_link
from notify.domain.delivery import Delivered, Delivery, Failed, Outcome, Reason, Retry
from notify.messages.default_templates import BUILT_IN
from notify.messages.mails_and_chat import Mailbox, MailSpec, write_mail
from notify.messages.page_messages import PageContent, PageRequest, page_values
from notify.messages.render import RenderFailed
from pledge.events.addresses import Address, parse_address

TIMEOUT = timedelta(seconds=30)
_IDLE_AT_MOST = 2  # connections kept per lane
_NO_SMTPUTF8 = (
    "the address is beyond ASCII, and our relay does not offer SMTPUTF8 (RFC 6531): reach the "
    "person another way, or ask them for an address in ASCII"
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The relay that takes our mail."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    use_tls: bool = False  # TLS from the first byte; otherwise STARTTLS where the relay offers it
    local_name: str = "pledge.invalid"  # how we greet


class SmtpChannel:
    """Sends a delivery's content as one mail to one address."""

    def __init__(self, server: SmtpServer, *, timeout: timedelta = TIMEOUT) -> None:
        self._server = server
        self._timeout = timeout.total_seconds()
        self._idle: dict[str, list[aiosmtplib.SMTP]] = {}

    async def send(self, delivery: Delivery) -> Outcome:
        """Build the message, submit it to the relay, and classify the answer."""
        try:
            message = build_message(delivery)
        except (ValueError, LookupError, MessageError) as error:
            return Failed(Reason.BAD_CONTENT, f"{type(error).__name__}: {error}"[:500])
        try:
            async with asyncio.timeout(self._timeout):
                return await self._submit(delivery, message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Retry(Reason.TIMEOUT, f"no answer within {self._timeout:g} s")
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            return _classify(refused.code, refused.message)
        except aiosmtplib.SMTPResponseException as error:
            return _classify(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Retry(Reason.CONNECTION_FAILED, f"{type(error).__name__}: {error}"[:500])

    async def close(self) -> None:
        """Close every kept connection."""
        for clients in self._idle.values():
            for client in clients:
                client.close()
        self._idle.clear()

    async def _submit(self, delivery: Delivery, message: EmailMessage) -> Outcome:
        client = await self._connection(delivery.lane)
        sender = str(_address(delivery.content["envelope_from"]))
        target = str(_address(delivery.target))
        options = ("SMTPUTF8",) if message.policy is SMTPUTF8 else ()
        if options and not client.supports_extension("smtputf8"):
            self._keep(delivery.lane, client)
            return Failed(Reason.NEEDS_SMTPUTF8, _NO_SMTPUTF8)
        try:
            await client.sendmail(sender, [target], message.as_bytes(), mail_options=options)
        except BaseException:
            # Whatever state the dialogue is in, the next mail begins on a fresh connection.
            client.close()
            raise
        self._keep(delivery.lane, client)
        return Delivered("250")

    def _keep(self, lane: str, client: aiosmtplib.SMTP) -> None:
        kept = self._idle.setdefault(lane, [])
        if len(kept) < _IDLE_AT_MOST:
            kept.append(client)
        else:
            client.close()

    async def _connection(self, lane: str) -> aiosmtplib.SMTP:
        """A kept connection that still answers, or a new one."""
        kept = self._idle.setdefault(lane, [])
        while kept:
            client = kept.pop()
            try:
                await client.rset()
            except (aiosmtplib.SMTPException, OSError):
                client.close()
            else:
                return client
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.use_tls,
            # A password goes over TLS or not at all: an attacker on the path could hide the offer.
            start_tls=True if server.username and not server.use_tls else None,
            local_hostname=server.local_name,
            timeout=self._timeout,
        )
        await client.connect()
        return client


def write_page(request: PageRequest) -> PageContent:
    """A page as a mail. Built-in words are used when the desk's own template can't be filled."""
    desk, method, facts = request.desk, request.method, request.record.facts
    mailbox = Mailbox(method.target, method.name, method.zone, method.language, is_outside=False)
    lane = f"{desk.name}/email/page"
    spec = MailSpec(
        about=facts.about,
        cause=facts.cause,
        lane=lane,
        context=dict(request.context),
        kind="page",
        page_id=request.record.id,
    )
    values = page_values(request.record, ack_url(request))
    write = partial(write_mail, desk, mailbox, draft_id=request.draft_id, now=request.now)
    try:
        draft = write(desk.template("page", mailbox.language), values, spec)
    except RenderFailed:
        draft = write(BUILT_IN["page"]["en"], values, spec)
    return PageContent(lane, with_ack_link(draft.content, request))


def _classify(code: int, text: str) -> Outcome:
    """RFC 5321 §4.2.1: 4yz may succeed later, 5yz will not."""
    detail = f"SMTP {code} {text}"[:500]
    if 400 <= code < 500:
        return Retry(Reason.RECEIVER_ERROR, detail)
    return Failed(Reason.REFUSED, detail)


def build_message(delivery: Delivery) -> EmailMessage:
    """The mail of a delivery's content. The same content gives the same bytes, Date included.

    It is one for SMTPUTF8 (its policy says so) only when an address in it is beyond ASCII. Raises
    ValueError for what is no address; line breaks become spaces: a subject cannot add headers.
    """
    content = delivery.content
    addresses = (
        content["from"],
        content["envelope_from"],
        content.get("reply_to"),
        delivery.target,
    )
    is_utf8 = any(_address(each).needs_smtputf8 for each in addresses if each is not None)
    message = EmailMessage(policy=SMTPUTF8 if is_utf8 else SMTP)
    message["From"] = _mailbox(content["from_name"], content["from"])
    message["To"] = _mailbox(content.get("to_name") or "", delivery.target)
    message["Subject"] = _one_line(content["subject"])
    message["Date"] = format_datetime(datetime.fromisoformat(content["date"]))
    message["Message-ID"] = content["message_id"]
    # RFC 3834 §5: auto-replied answers a message, auto-generated does not.
    message["Auto-Submitted"] = content["auto_submitted"]
    if content["auto_submitted"] != "no":
        message["X-Auto-Response-Suppress"] = "All"
    _add_thread(message, content)
    message.set_content(str(content["text"]))
    if content.get("html"):
        message.add_alternative(str(content["html"]), subtype="html")
    if content.get("calendar"):
        _add_invitation(message, str(content["calendar"]))
    return message


def _add_invitation(message: EmailMessage, calendar: str) -> None:
    """RFC 6047 §2.4: the invitation as one of the mail's alternatives, with its method, is what
    readers show as one; the same as a file is for those that don't."""
    method = "CANCEL" if "\nMETHOD:CANCEL" in calendar.replace("\r\n", "\n") else "REQUEST"
    parameters = {"method": method, "charset": "utf-8"}
    message.add_alternative(calendar.encode(), maintype="text", subtype="calendar",
                            params=parameters, cte="base64")  # fmt: skip
    message.add_attachment(calendar.encode(), maintype="application", subtype="ics",
                           filename="invite.ics")  # fmt: skip


def _add_thread(message: EmailMessage, content: dict[str, Any]) -> None:
    if content.get("reply_to"):
        message["Reply-To"] = _mailbox(content["from_name"], content["reply_to"])
    if content.get("in_reply_to"):
        message["In-Reply-To"] = _one_line(content["in_reply_to"])
    if content.get("references"):
        message["References"] = " ".join(_one_line(item) for item in content["references"])
    if content.get("unsubscribe_url"):
        # RFC 8058: one click in the reader's own button.
        message["List-Unsubscribe"] = f"<{_one_line(content['unsubscribe_url'])}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if content.get("ticket_number"):
        message["X-Pledge-Ticket"] = _one_line(content["ticket_number"])


def _mailbox(name: str, address: str) -> HeaderAddress:
    """An address with its display name, quoted and encoded as needed."""
    domain = str(_address(address)).rpartition("@")[2]
    # Given as `addr_spec`, a local part beyond ASCII is refused.
    return HeaderAddress(_one_line(name), _address(address).local, domain)


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise ValueError(f"no mail address: {text!r}")
    return address


def _one_line(text: object) -> str:
    """Text for a header: line breaks and other controls become spaces."""
    return "".join(
        " " if ord(char) < 32 or ord(char) == 127 else char for char in str(text)
    ).strip()
