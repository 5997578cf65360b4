"""Reading mails: as they come, by people and machines, well made or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake.mail.headers import decode_words, mailboxes, message_ids
from intake.mail.html_text import html_to_text
from intake.mail.parse import Delivery, read_mail
from unit.intake.builders import is_storable

CORPORA = Path(__file__).parents[5] / "shared" / "corpora"
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the mail corpora are not here")


def test_a_plain_mail_is_read_as_it_says() -> None:
    mail = read_mail(
        b"From: =?utf-8?q?J=C3=B6rg?= <J@X.example>\r\nTo: a@y.example, B <b@y.example>\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.example>\r\n"
        b"References: <a@x>\r\n <b@x> <c@x>\r\nIn-Reply-To: <c@x>\r\n"
        b"Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n\r\nHello\r\n"
    )
    assert mail.sender is not None
    assert (mail.sender.name, mail.sender.address) == ("Jörg", "j@x.example")
    assert [each.address for each in mail.to] == ["a@y.example", "b@y.example"]
    assert (mail.subject, mail.text) == ("Grüße", "Hello")
    assert (mail.message_id, mail.references) == ("<1@x.example>", ("<a@x>", "<b@x>", "<c@x>"))
    assert mail.root == "<a@x>"
    assert mail.sent_at is not None
    assert mail.sent_at.isoformat() == "2026-11-20T09:00:00+00:00"
    assert mail.machine_reason is None


def test_a_mail_without_anything_is_still_a_mail() -> None:
    for raw in (b"", b"\r\n", b"\r\n\r\n", b"nothing", b"\0\0", b"From:\r\n\r\n", b"\xff" * 50):
        mail = read_mail(raw)
        assert mail.sender is None
        assert mail.root == mail.content_key


def test_the_envelope_says_who_wrote_when_the_mail_does_not() -> None:
    assert read_mail(b"\r\nx").sender is None
    mail = read_mail(b"\r\nx", Delivery("Ann@x.example"))
    assert mail.sender is not None
    assert mail.sender.address == "ann@x.example"
    reply_to = read_mail(b"Reply-To: r@x.example\r\n\r\nx", Delivery("ann@x.example"))
    assert reply_to.sender is not None
    assert reply_to.sender.address == "r@x.example"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?b?8J+Y?=\r\n =?utf-8?b?gA==?=", "😀"),
        ("=?iso-8859-1?q?=A1?= =?utf-8?q?=C3=A4?=", "¡ä"),
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?iso-2022-jp?b?GyRCJDMbKEI=?=", "こ"),
        ("=?x-unknown?q?=E4?=", "ä"),
        ("=?utf-8?b?not base64?=", "=?utf-8?b?not base64?="),
        ("=?utf-8*en?q?hi?=", "hi"),
        ("\udce4\udcf6", "äö"),
        ("=?hex?q?6869?=", "6869"),
        ("=?undefined?q?x?=", "x"),
    ],
)
def test_encoded_words_are_decoded(raw: str, text: str) -> None:
    assert decode_words(raw) == text


def test_an_encoded_word_cannot_pose_as_an_address() -> None:
    spoof = "=?utf-8?q?ceo=40bank=2Eexample=20=3C?= <eve@evil.example>"
    (box,) = mailboxes([spoof])
    assert box.address == "eve@evil.example"
    assert mailboxes(["=?utf-8?q?ceo=40bank.example?="]) == ()
    (comment,) = mailboxes(["eve@evil.example (ceo@bank.example)"])
    assert comment.address == "eve@evil.example"
    assert mailboxes(["(" * 5000]) == ()


def test_message_ids_are_found_in_any_dress_and_bounded() -> None:
    assert message_ids(["<a@x>,<b@x>", "c@x"]) == ("<a@x>", "<b@x>", "<c@x>")
    assert message_ids(["< >", "<>", "hello"]) == ()
    many = message_ids([f"<{n}@x>" for n in range(200)])
    assert len(many) == 50
    assert (many[0], many[-1]) == ("<0@x>", "<199@x>")


def test_the_same_mail_by_another_way_has_the_same_content_key() -> None:
    one = b"From: a@x\r\nMessage-ID: <1@x>\r\nSubject: s\r\n\r\nbody\r\n"
    two = b"Received: by y\r\nFrom: a@x\r\nX-Spam: no\r\nMessage-ID: <1@x>\r\nSubject: s\r\n\r\n"
    assert read_mail(one).content_key == read_mail(two + b"body\n").content_key
    assert read_mail(one).content_key != read_mail(two + b"other\n").content_key


def test_html_becomes_readable_text() -> None:
    markup = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>One &amp; two</p>"
        "<!-- no --><div>three<br>four</div><script>bad()</script><b>five</b></body>"
    )
    assert html_to_text(markup) == "One & two\n\nthree\nfour\n\nfive"
    for broken in ("<", "<p", "<!--", "a<script>b", "</", "<>", "<p>a</p", "&#0;&#xD800;&bogus;"):
        html_to_text(broken)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("wait if x < 5 or <b>y</b> > 3, i <3 you", "wait if x < 5 or y > 3, i <3 you"),
        ('a <img alt="x > y" title=\'"\'>b', "a [x > y]b"),
        ('<a href="x>half a tag</a> whole', "half a tag whole"),
        ("<p>&nbsp;&nbsp;at\u00a0line 1<br>&nbsp; at line 2</p>", "at line 1\n  at line 2"),
    ],
)
def test_text_that_looks_like_markup_is_kept(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    "piece", ["<div>", "<a <a ", '<a "><b \'" ">', "<b c='", "<!--", "<ul><li>", "<"]
)
def test_hostile_markup_is_read_in_linear_time(piece: str) -> None:
    assert len(html_to_text(piece * (1_000_000 // len(piece)))) <= 1_000_000


def test_hostile_mails_are_read_in_bounded_time() -> None:
    deep = b"Content-Type: multipart/mixed; boundary=0\r\n\r\n" + b"".join(
        b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (n, n + 1)
        for n in range(2_000)
    )
    assert read_mail(deep).defects == ("too_deep",)
    wrapped = b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"x"
    (whole,) = read_mail(wrapped).attachments  # a message within a mail stays as it came
    assert whole.content == wrapped.partition(b"\r\n\r\n")[2]
    read_mail(b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\nx")
    read_mail(b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\nx")
    read_mail(b"To: " + b"a@b.example, " * 50_000 + b"\r\n\r\nx")
    mail = read_mail(b"Content-Type: text/html\r\n\r\n" + b"<!--" * 500_000)
    assert len(mail.text) <= 60_000
    parts = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n\r\n" * 1_000_000
    assert read_mail(parts).defects == ("too_many_lines",)
    assert read_mail(b"Subject: x\r\n\r\n" + b"\n" * 10_000_000).subject == "x"


@pytest.mark.parametrize("charset", ["punycode", "IDNA", '"punycode"', "unicode_escape"])
def test_codecs_that_are_no_charsets_are_not_used(charset: str) -> None:
    """Some take time by the square of the length: 3 MB of them would take an hour."""
    body = b"-" + b"a" * 3_000_000 + b"\\u0041"
    mail = read_mail(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + body)
    assert mail.text.startswith("-aaa")
    assert decode_words(f"=?{charset.strip(chr(34))}?q?b=C3=A4?=") == "b\u00e4"


@pytest.mark.parametrize(
    ("header", "is_machine"),
    [
        ("Auto-Submitted: auto-replied", True),
        ("Auto-Submitted: auto-generated; owner-email=x", True),
        ("Auto-Submitted: no", False),
        ("Precedence: bulk", True),
        ("Precedence: list", False),
        ("List-Id: <support.contoso.example>", False),
        ("Return-Path: <>", True),
        ("X-Autoreply: yes", True),
        ("X-Autoreply: no", False),
        ("From: MAILER-DAEMON@x.example", True),
        ("From: postmaster@x.example", False),
        ("From: noreply@x.example", True),
        ("From: noreply@x.example\r\nReply-To: ann@x.example", False),
        ("Subject: Undelivered Mail Returned to Sender: why?\r\nFrom: ann@x.example", False),
        # Words alone decide only about an answer: people write such subjects too.
        ("Subject: Automatic reply: holidays\r\nFrom: ann@x.example", False),
        ("Subject: Automatic reply: x\r\nFrom: ann@x.example\r\nIn-Reply-To: <a@x>", True),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", True),
    ],
)
def test_machines_are_told_from_people(header: str, is_machine: bool) -> None:
    mail = read_mail(f"{header}\r\n\r\nHello".encode())
    assert (mail.machine_reason is not None) is is_machine


@needs_corpora
def test_bounces_are_seen_as_written_by_machines() -> None:
    paths = sorted((CORPORA / "bounces").glob("*.eml"))
    marked = sum(read_mail(path.read_bytes()).machine_reason is not None for path in paths)
    assert len(paths) == 629
    assert marked / len(paths) >= 0.98


@needs_corpora
def test_every_mail_of_the_corpora_gives_text_that_can_be_stored() -> None:
    for path in sorted(CORPORA.rglob("*.eml")):
        mail = read_mail(path.read_bytes())
        texts = [mail.subject, mail.text, *mail.references, *mail.headers.values()]
        texts += [each.name for each in mail.attachments]
        if mail.sender is not None:
            texts += [mail.sender.address, mail.sender.name or ""]
        assert all(is_storable(each) for each in texts), path
        assert "\0" not in json.dumps(texts), path
