"""A mail is built the same each time, and its headers hold what they should and no more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from notify.channels.smtp import SmtpChannel, SmtpServer, build_message
from notify.domain.delivery import Delivered, Delivery, Failed, Outcome, Reason, Retry

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_delivery(target: str = "rita@customer.example", **content: Any) -> Delivery:
    values = {
        "from": "support@demo.example",
        "from_name": "Demo support",
        "envelope_from": "support@demo.example",
        "to_name": "Rita",
        "subject": "We have your request",
        "text": "Hello",
        "html": None,
        "date": NOW.isoformat(),
        "message_id": "<1@demo.example>",
        "auto_submitted": "auto-replied",
        **content,
    }
    return Delivery(UUID(int=1), "demo", "demo/email", "email", target, values, 1, NOW)


def test_every_attempt_builds_the_same_message() -> None:
    delivery = a_delivery(html="<p>Hello</p>")

    first, second = build_message(delivery), build_message(delivery)

    assert first["Message-ID"] == second["Message-ID"] == "<1@demo.example>"
    assert first["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"


@pytest.mark.parametrize("name", ["from_name", "to_name", "subject", "ticket_number"])
@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\x0b", "\x00"])
def test_no_text_can_add_a_header(name: str, line_break: str) -> None:
    poisoned = f"Rita{line_break}Bcc: all@customer.example{line_break}{line_break}body"

    built = build_message(a_delivery(**{name: poisoned})).as_bytes()

    head = built.partition(b"\r\n\r\n")[0].decode()
    assert not [line for line in head.splitlines() if line.lower().startswith("bcc")]


@pytest.mark.parametrize("target", ["rita", "a@b\r\nBcc: c@d", "a@b, c@d", "a b@c.example", ""])
def test_what_is_no_address_is_no_mail(target: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        build_message(a_delivery(target=target))


def test_names_and_words_of_all_scripts_arrive() -> None:
    message = build_message(a_delivery(to_name='Žofie "Z"', subject="Störung 障害", text="été 🙂"))

    assert message["To"].addresses[0].display_name == 'Žofie "Z"'
    assert message["Subject"] == "Störung 障害"
    assert message.get_content().strip() == "été 🙂"


def test_a_subscriber_can_leave_with_one_click() -> None:
    message = build_message(a_delivery(unsubscribe_url="https://status.example/u/1"))

    assert message["List-Unsubscribe"] == "<https://status.example/u/1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_a_person_wrote_is_not_marked_automatic() -> None:
    message = build_message(a_delivery(auto_submitted="no"))

    assert message["Auto-Submitted"] == "no"
    assert message["X-Auto-Response-Suppress"] is None


class _Relay:
    """Accepts mails and records the dialogue; it offers no TLS."""

    def __init__(self) -> None:
        self.logins: list[object] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 taken"

    def authenticate(self, *arguments: object) -> AuthResult:
        self.logins.append(arguments[-1])
        return AuthResult(success=True)


@pytest.mark.parametrize("username", [None, "pledge"])
async def test_a_password_is_not_said_without_tls(username: str | None) -> None:
    relay = _Relay()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            relay,
            loop=loop,
            authenticator=relay.authenticate,
            auth_require_tls=False,
        ),
        "127.0.0.1",
        0,
    )
    port = server.sockets[0].getsockname()[1]
    channel = SmtpChannel(SmtpServer("127.0.0.1", port, username, "a password"))
    try:
        outcome = await channel.send(a_delivery())
    finally:
        await channel.close()
        server.close()

    assert relay.logins == []
    assert isinstance(outcome, Delivered if username is None else Retry)


class _Recorder:
    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        return "250 taken"


async def _sent(
    targets: list[str], *, offers_smtputf8: bool
) -> tuple[list[Envelope], list[Outcome]]:
    recorder, loop = _Recorder(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(recorder, loop=loop, enable_SMTPUTF8=offers_smtputf8), "127.0.0.1", 0
    )
    channel = SmtpChannel(SmtpServer("127.0.0.1", server.sockets[0].getsockname()[1]))
    try:
        outcomes = [await channel.send(a_delivery(each)) for each in targets]
    finally:
        await channel.close()
        server.close()
    return recorder.taken, outcomes


async def test_an_address_beyond_ascii_goes_out_where_the_relay_offers_it() -> None:
    taken, outcomes = await _sent(["jörg@büro.example"], offers_smtputf8=True)

    assert isinstance(outcomes[0], Delivered)
    assert taken[0].rcpt_tos == ["jörg@büro.example"]
    assert taken[0].smtp_utf8
    content = taken[0].content
    assert isinstance(content, bytes)
    assert "To: Rita <jörg@büro.example>" in content.decode()


async def test_where_the_relay_does_not_offer_it_the_failure_says_so_and_the_next_goes_on() -> None:
    targets = ["jörg@büro.example", "rita@büro.example", "rita@customer.example"]
    taken, outcomes = await _sent(targets, offers_smtputf8=False)

    refused = outcomes[0]
    assert isinstance(refused, Failed)
    assert refused.reason is Reason.NEEDS_SMTPUTF8
    assert all(isinstance(each, Delivered) for each in outcomes[1:])
    assert [each.rcpt_tos for each in taken] == [
        ["rita@xn--bro-hoa.example"], ["rita@customer.example"],
    ]  # fmt: skip


@pytest.mark.parametrize("target", ['"rita r"@customer.example', "rita..r@customer.example"])
async def test_odd_local_parts_are_mailed_as_they_are(target: str) -> None:
    taken, outcomes = await _sent([target], offers_smtputf8=False)

    assert isinstance(outcomes[0], Delivered), outcomes
    assert taken[0].rcpt_tos == [target]
