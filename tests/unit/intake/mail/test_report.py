"""A bounce says which mail did not reach whom."""

import pytest

from intake.mail.report import delivery_reports, verp_recipient

STANDARD = b"""--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; Eve@customer.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user,
 ask your administrator

Original-Recipient: rfc822;fay@customer.example
Final-Recipient: rfc822; forwarded@other.example
Action: delayed
Status: 4.4.1

--b
Content-Type: message/rfc822

From: support@desk.example
Message-ID:
 <reply-1@desk.example>
Subject: [VIR-1] Answer
"""


def test_a_standard_report_names_each_recipient_and_the_mail() -> None:
    eve, fay = delivery_reports(STANDARD)

    assert (eve.recipient, eve.action, eve.status) == ("eve@customer.example", "failed", "5.1.1")
    assert eve.diagnostic == "550 5.1.1 no such user, ask your administrator"
    assert (fay.recipient, fay.action, fay.status) == ("fay@customer.example", "delayed", "4.4.1")
    assert eve.returned_message_id == fay.returned_message_id == "<reply-1@desk.example>"
    assert delivery_reports(STANDARD.replace(b"\n", b"\r\n")) == (eve, fay)


def test_a_complaint_says_what_kind() -> None:
    content = (b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
               b"Original-Rcpt-To: <eve@customer.example>\r\n\r\n--b\r\n"
               b"Content-Type: message/rfc822\r\n\r\nMessage-Id: <1@desk.example>\r\n")  # fmt: skip

    (report,) = delivery_reports(content)

    assert (report.action, report.diagnostic) == ("complained", "abuse")
    assert report.recipient == "eve@customer.example"
    assert report.returned_message_id == "<1@desk.example>"


@pytest.mark.parametrize(
    ("content", "action", "status"),
    [
        (b"Sorry.\n\n<eve@customer.example>:\nRemote host said: 550 5.1.1 unknown\n\n"
         b"--- Below this line is a copy of the message.\n\nFrom: a@desk.example\n"
         b"Message-ID: <1@desk.example>\n", "failed", "5.1.1"),
        (b"  eve@customer.example\n    SMTP error: 550 mailbox full\n\n"
         b"------ This is a copy of the message ------\n\nMessage-ID: <1@desk.example>\n",
         "failed", None),
        (b"Your mail to <eve@customer.example> is delayed and will be retried.\n\n"
         b"--- Original message follows ---\nMessage-ID: <1@desk.example>\n", "delayed", None),
    ],
)  # fmt: skip
def test_reports_in_words_are_read_too(content: bytes, action: str, status: str | None) -> None:
    (report,) = delivery_reports(content)

    assert (report.recipient, report.action) == ("eve@customer.example", action)
    assert report.status == status
    assert report.returned_message_id == "<1@desk.example>"


def test_fields_and_addresses_help_where_the_words_do_not() -> None:
    (by_field,) = delivery_reports(b"It failed.", failed_recipients="eve@customer.example")
    (by_path,) = delivery_reports(b"?", delivered_to=["b+eve=customer.example@desk.example"],
                                  answers="<1@desk.example>")  # fmt: skip

    assert by_field.recipient == by_path.recipient == "eve@customer.example"
    assert by_path.returned_message_id == "<1@desk.example>"
    assert delivery_reports(b"Hello") == ()


@pytest.mark.parametrize(
    ("path", "recipient"),
    [
        ("bounces+eve=customer.example@desk.example", "eve@customer.example"),
        ("bounces+17+a=b=customer.example@desk.example", "a=b@customer.example"),
        ("support@desk.example", None),
        ("support+token@desk.example", None),
    ],
)
def test_a_return_path_may_name_the_recipient(path: str, recipient: str | None) -> None:
    assert verp_recipient(path) == recipient


@pytest.mark.parametrize(
    "piece", [b"Action: failed\n\n", b"Status: 5\n ", b"<", b"a@b.example\n", b"\n"]
)
def test_any_content_is_read_and_bounded(piece: bytes) -> None:
    assert len(delivery_reports(piece * (262_144 // len(piece)))) <= 50
