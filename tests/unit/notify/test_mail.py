"""A mail is built the same each time, and its headers hold what they should and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from notify.channels import Delivery
from notify.channels.smtp import build_message

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
