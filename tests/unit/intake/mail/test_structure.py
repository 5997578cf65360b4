"""Mails as gateways and programs spoil them, and the bounds on what is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from intake.mail.charsets import decode_bytes
from intake.mail.html_text import html_to_text
from intake.mail.parse import Delivery, Mail, read_mail, unread_mail

FIELDS = b"From: Eve <eve@x.example>\r\nSubject: s\r\nMessage-ID: <1@x.example>\r\n"


@pytest.mark.parametrize(
    "before",
    [
        b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b"  \r\n",
        b"From eve@x.example Mon Nov 30 10:00:00 2026\r\n", b">From eve Mon Nov 30\n",
        b"\r\nFrom eve@x.example Mon Nov 30 10:00:00 2026\r\n",
    ],
)  # fmt: skip
def test_fields_are_found_behind_what_gateways_put_before_them(before: bytes) -> None:
    mail = read_mail(before + FIELDS + b"\r\nwords")
    assert mail.sender is not None
    assert (mail.sender.address, mail.subject, mail.text) == ("eve@x.example", "s", "words")
    assert mail.message_id == "<1@x.example>"


def test_words_behind_an_empty_line_are_words() -> None:
    mail = read_mail(b"\r\nPlease note: nothing works.\r\n\r\nThanks")
    assert (mail.text, mail.subject) == ("Please note: nothing works.\n\nThanks", "")


def test_a_line_that_is_no_field_belongs_to_the_field_before() -> None:
    raw = b"X-Scan: abcdefgh\r\nijklmnop\r\n" + FIELDS + b"X-Last: a\r\nb\r\n\r\nwords"
    mail = read_mail(raw)
    assert (mail.subject, mail.text, mail.message_id) == ("s", "words", "<1@x.example>")


def test_without_an_empty_line_the_words_are_not_taken_for_a_field() -> None:
    mail = read_mail(FIELDS + b"Nothing works since noon.\r\nPlease help.")
    assert (mail.subject, mail.text) == ("s", "Nothing works since noon.\nPlease help.")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        # No line of the boundary at all; only lines that begin with it; no end; an end in a line.
        (b"Content-Type: multipart/mixed; boundary=b\n\nwords", "words"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--bc\n\nwords\n--bc--\n", "words"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords", "words"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords--b--\n", "words"),
        # What stands before the first part and behind the last is for old programs.
        (b"Content-Type: multipart/mixed; boundary=b\n\nMIME\n--b\n\nwords\n--b--\nend", "words"),
        # The semicolon is missing; the boundary is folded.
        (b"Content-Type: multipart/mixed\n\tboundary=\"b\"\n\n--b\n\nwords\n--b--", "words"),
        (b"Content-Type: multipart/mixed; boundary=\"b\n c\"\n\n--b c\n\nwords\n--b c--", "words"),
        # A part without an empty line ends where the next begins.
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n--b\n\nwords\n--b--", "words"),
        # An inner multipart that is not closed, and whose lines come again later.
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
         b"Content-Type: multipart/mixed; boundary=i\n\n--i\n\none\n"
         b"--b\n\ntwo\n--i\n\nthree\n--b--",
         "one\ntwo\nthree"),
        # The fields of an inner multipart end at its first line.
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
         b"Content-Type: multipart/mixed; boundary=i\n--i\n\nwords\n--i--\n--b--", "words"),
    ],
)  # fmt: skip
def test_spoiled_multiparts_keep_their_words(raw: bytes, text: str) -> None:
    assert read_mail(raw).text == text
    assert read_mail(raw.replace(b"\n", b"\r\n")).text == text


# ---- charsets ----


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        # Vendors' characters of ISO-2022-JP, in row 13 and beyond, and half-width katakana.
        ("iso-2022-jp", b"\x1b$B-!-j\x1b(B ok", "①㈱ ok"),
        ("ISO-2022-JP", b"\x1b$By!\x1b(B", "纊"),
        ("iso-2022-jp", b"\x1b(I1\x1b(B\x1b$B-!\x1b(B", "ｱ①"),
        ("iso-2022-jp-ms", b"\x1b$B-!\x1b(B", "①"),
        ("csISO2022JP", b"\x1b$B$3\x1b(B", "こ"),
        (None, b"\x1b$B$3\x1b(B", "こ"),
        ("us-ascii", b"\x1b$B$3\x1b(B", "こ"),
        ("hz-gb-2312", b"~{<:~}", "己"),
        ("utf-7", b"+AOQ-", "ä"),
        ("gb2312", "①镕".encode("gb18030"), "①镕"),
        ("ks_c_5601-1987", "똠".encode("cp949"), "똠"),
        ("big5", "碁".encode("big5hkscs"), "碁"),
        ("utf-8", "grün, größer".encode() + b"\xff", "grün, größer\ufffd"),
        ("utf-8", b"gr\xfcn", "grün"),
        ("x-no-such-thing", "ä".encode(), "ä"),
    ],
)
def test_charsets_are_read_as_declared_then_tolerantly(
    charset: str | None, data: bytes, text: str
) -> None:
    assert decode_bytes(data, charset) == text


@pytest.mark.parametrize(
    ("charset", "words"),
    [("gb2312", "邮件无法收取"), ("koi8-r", "Не работает"), ("utf-8", "Größe")],
)
def test_raw_fields_are_read_in_the_charset_of_the_text(charset: str, words: str) -> None:
    codec = "gb18030" if charset == "gb2312" else charset
    raw = b"From: " + words.encode(codec) + b" <eve@x.example>\r\nSubject: " + words.encode(codec)
    mail = read_mail(raw + f"\r\nContent-Type: text/plain; charset={charset}\r\n\r\nx".encode())
    assert mail.sender is not None
    assert (mail.subject, mail.sender.name) == (words, words)
    parts = (
        b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + f"Content-Type: text/plain; charset={charset}\r\n\r\nx\r\n--b--".encode()
    )
    assert read_mail(raw + parts).subject == words


def test_a_subject_is_kept_in_full() -> None:
    words = " ".join(f"word{n:03}" for n in range(400))
    folded = words.replace(" word010", "\r\n word010")
    assert read_mail(b"Subject: " + folded.encode() + b"\r\n\r\nx").subject == words


# ---- HTML ----


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<a href="https://x.example/a?b=1&amp;c=2">here</a>.', "here <https://x.example/a?b=1&c=2>."),
        ("<a href='https://x.example/'>x.example</a>", "x.example"),
        ("<a href=https://x.example/a>https://x.example/a</a>", "https://x.example/a"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="mailto:a@x.example">write</a>', "write <mailto:a@x.example>"),
        ('<a href="javascript:x()">no</a> <a href="#top">up</a>', "no up"),
        ('<a href="https://x.example/1"><img alt="error 5"></a>', "[error 5] <https://x.example/1>"),
        ('<a href="https://x.example/1">never closed', "never closed <https://x.example/1>"),
        ('<img src=x alt="">a<img alt=b>', "a[b]"),
        ('<a href="https://x.example/?a=1&copy=2">c</a>', "c <https://x.example/?a=1&copy=2>"),
    ],
)  # fmt: skip
def test_targets_of_links_and_words_of_pictures_are_in_the_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


# ---- bounds ----

SHAPES: dict[str, Callable[[int], bytes]] = {
    "parameters": lambda n: b"Content-Type: a/b" + b"; a=\"\\" * n + b"\r\n\r\nx",
    "many parameters": lambda n: b"Content-Type: a/b" + b"; a=b" * n + b"\r\n\r\nx",
    "fields": lambda n: b"X: y\r\n" * n + b"\r\nx",
    "one field": lambda n: b"Subject: " + b"=?utf-8?q?" * n + b"\r\n\r\nx",
    "lines without colon": lambda n: b"X: y\r\n" + b"zzzz\r\n" * n + b"\r\nx",
    "parts": lambda n: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * n,
    "parts without end of fields": lambda n: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nX: y\r\n" * n
    ),
    "lines like boundaries": lambda n: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + b"--c\r\n" * n
    ),
    "boundaries in each other": lambda n: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"".join(
        b"--b%s\r\nContent-Type: multipart/mixed; boundary=b%s\r\n\r\n"
        % (b"x" * (i % 40), b"x" * (i % 40 + 1))
        for i in range(n)
    ),
    "uuencode": lambda n: b"\r\n" + b"begin 644 x\r\n#:&D*\r\n" * n,
    "uuencode in base64": lambda n: b"\r\n" + b"begin-base64 644 x\r\nQUJD\r\n" * n,
    "quotes": lambda n: b"Content-Type: text/plain; format=flowed\r\n\r\n" + b">" * n * 4,
    "links": lambda n: b"Content-Type: text/html\r\n\r\n" + b'<a href="http://x/y">' * n,
    "base64": lambda n: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QQ==" * n,
    "addresses": lambda n: b"To: " + b"(" * n + b"\r\n\r\nx",
    "japanese": lambda n: b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
    + b"\x1b$B-!\x1b(B" * n,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_length_takes_about_twice_as_long(shape: str) -> None:
    """At most 2.5 times: nothing is looked at by the square of its length."""
    small, large = SHAPES[shape](20_000), SHAPES[shape](40_000)
    for _ in range(6):
        ratio = _seconds(large) / max(_seconds(small), 0.004)
        if ratio <= 2.5:
            break
    assert ratio <= 2.5
    assert _seconds(large) < 5


def _seconds(raw: bytes) -> float:
    """Of processor time, the shortest of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        read_mail(raw)
        times.append(time.process_time() - started)
    return min(times)


def test_bounds_are_kept_and_said() -> None:
    assert read_mail(SHAPES["fields"](3_000)).defects == ("too_many_fields",)
    many = read_mail(SHAPES["parts"](300).replace(b"--b\r\n\r\n", b"--b\r\nA: b\r\n\r\nx\r\n"))
    assert many.defects == ("too_many_parts",)
    assert many.text.count("x") == 200
    long = read_mail(b"X-A: " + b"y" * 300_000 + b"\r\nSubject: s\r\n\r\nwords")
    assert (long.defects, long.text, long.subject) == (("header_too_long",), "words", "")


def test_a_mail_that_could_not_be_taken_apart_is_kept_raw() -> None:
    raw = FIELDS + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b--"
    mail: Mail = unread_mail(raw, "too_slow", Delivery("eve@x.example"))
    (whole,) = mail.attachments
    assert (whole.name, whole.content) == ("message.eml", raw)
    assert (mail.defects, mail.subject, mail.message_id) == (("too_slow",), "s", "<1@x.example>")
    assert "words" in mail.text
    assert mail.content_key == read_mail(raw).content_key
