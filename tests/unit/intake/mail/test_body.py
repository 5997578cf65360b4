"""All of a message: every text part is the writer's words, everything else a file."""

from __future__ import annotations

import base64
import struct
from hashlib import sha256

import pytest

from intake.mail.parse import Attachment, Mail, read_mail

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def a_mail(*lines: str, body: bytes = b"") -> bytes:
    """A mail of these header lines, with CRLF as on the wire."""
    return "\r\n".join(("From: eve@customer.example", *lines, "", "")).encode() + body


def multipart(kind: str, *parts: str | bytes, boundary: str = "b") -> bytes:
    """A mail of these parts, each with its own fields."""
    body = b""
    for part in parts:
        raw = part if isinstance(part, bytes) else part.replace("\n", "\r\n").encode()
        body += f"--{boundary}\r\n".encode() + raw + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return a_mail(f"Content-Type: multipart/{kind}; boundary={boundary}", body=body)


def names(mail: Mail) -> list[str]:
    return [each.name for each in mail.attachments]


def only_file(mail: Mail) -> Attachment:
    (found,) = mail.attachments
    return found


def test_text_parts_in_any_number_order_and_subtype_are_the_words() -> None:
    mail = read_mail(
        multipart(
            "mixed",
            "Content-Type: text/plain\n\nfirst",
            "Content-Type: text/html\n\n<p>second</p>",
            "Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0K",
            "\nthird, without any field",
            "Content-Type: text/x-notes\n\nfourth",
        )
    )
    assert mail.text.split("\n") == ["first", "second", "third, without any field", "fourth"]
    assert mail.html == "<p>second</p>"
    assert names(mail) == ["a.png"]


@pytest.mark.parametrize(
    ("parts", "text", "files"),
    [
        (("text/plain\n\nwords", "text/html\n\n<p>words</p>"), "words", []),
        (("text/html\n\n<p>words</p>", "text/plain\n\nwords"), "words", []),
        (("text/plain\n\n \n", "text/html\n\n<p>only here</p>"), "only here", []),
        (("text/plain\n\none", "text/plain\n\ntwo"), "one\ntwo", []),
        (("text/plain\n\nwords", "text/enriched\n\n<bold>words</bold>"), "words", [
            "unnamed.enriched"
        ]),
        (("text/plain\n\nwords", "text/calendar\n\nBEGIN:VCALENDAR"), "words", ["unnamed.ics"]),
    ],
)  # fmt: skip
def test_of_alternatives_the_plain_one_is_read(
    parts: tuple[str, ...], text: str, files: list[str]
) -> None:
    mail = read_mail(multipart("alternative", *(f"Content-Type: {each}" for each in parts)))
    assert (mail.text, names(mail)) == (text, files)


def test_alternatives_that_hold_several_parts_are_read_whole() -> None:
    inner = (
        "Content-Type: multipart/mixed; boundary=i\n\n--i\nContent-Type: text/html\n\n<p>A</p>\n"
        "--i\nContent-Type: application/pdf; name=p.pdf\n\n%PDF\n--i\nContent-Type: text/html\n\n"
        "<p>B</p>\n--i--"
    )
    mail = read_mail(multipart("alternative", "Content-Type: text/plain\n\nA and B", inner))
    assert (mail.text, names(mail), mail.html) == ("A and B", ["p.pdf"], "<p>A</p>\n<p>B</p>")
    alone = read_mail(multipart("alternative", "Content-Type: text/plain\n\n", inner))
    assert alone.text == "A\nB"


def test_a_message_within_a_mail_is_a_file_byte_for_byte() -> None:
    inner = b"Subject:  What\r\n\tcame\r\nX-Odd:no space\r\n\r\ninner words\r\n\r\n--\r\nsignature"
    mail = read_mail(
        multipart("mixed", "\nSee below.", b"Content-Type: message/rfc822\r\n\r\n" + inner)
    )
    file = only_file(mail)
    assert (file.name, file.content_type, file.content) == (
        "What came.eml",
        "message/rfc822",
        inner,
    )
    assert file.sha256 == sha256(inner).hexdigest()
    assert mail.text == "See below."


def test_the_messages_of_a_digest_are_files() -> None:
    mail = read_mail(
        multipart(
            "digest",
            "\nSubject: one\n\n1",
            "\nSubject: a/b\n\n2",
            "Content-Type: text/plain\n\n3",
        )
    )
    assert (names(mail), mail.text) == (["one.eml", "a-b.eml"], "3")


def test_files_keep_name_type_and_whether_they_are_inline() -> None:
    picture = base64.b64encode(PNG).decode()
    mail = read_mail(
        multipart(
            "related",
            "Content-Type: text/html\n\n<p>See the screen.</p>",
            f"Content-Type: image/png; name=s.png\nContent-ID: <s@x>\n"
            f"Content-Transfer-Encoding: base64\n\n{picture}",
            "Content-Type: text/plain; name=mail.log\n\nlog words",
            'Content-Type: application/pdf; name="=?utf-8?B?UHLDvGY=?=\n =?utf-8?Q?ung.pdf?="\n'
            "Content-Disposition: attachment\n\n%PDF",
        )
    )
    found = [(each.name, each.content_type, each.is_inline) for each in mail.attachments]
    assert found == [
        ("s.png", "image/png", True),
        ("mail.log", "text/plain", True),
        ("Prüfung.pdf", "application/pdf", False),
    ]
    assert (mail.attachments[0].content, mail.attachments[0].content_id) == (PNG, "s@x")
    assert "log words" not in mail.text


def test_a_mail_may_be_only_a_file() -> None:
    mail = read_mail(
        a_mail("Content-Type: application/pdf", "Content-Disposition: attachment", body=b"%PDF-1")
    )
    assert (mail.text, only_file(mail).name) == ("", "unnamed.pdf")
    notes = read_mail(a_mail("Content-Type: text/plain; name=notes.txt", body=b"the words"))
    assert (notes.text, only_file(notes).content) == ("the words", b"the words")


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("filename=plain.txt", "plain.txt"),
        ('filename="two words.txt"', "two words.txt"),
        ("filename=two words.txt", "two words.txt"),
        ('filename="a\\"b.txt"', 'a"b.txt'),
        ("filename*=utf-8''%C3%A4.txt", "ä.txt"),
        ("filename*=koi8-r''%C1.txt", "а.txt"),
        ("filename*0=long; filename*1=-name.txt", "long-name.txt"),
        ("filename*1*=%C3%BC.txt; filename*0*=utf-8''gr", "grü.txt"),
        ("filename*0=a; filename*2=c.txt", "a"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\temp\\\\x.doc"', "x.doc"),
        ('filename="a\u202etxt.exe"', "atxt.exe"),
        ('filename="=?iso-8859-1?Q?=E4.txt?="', "ä.txt"),
    ],
)
def test_names_of_files_are_read_and_lead_nowhere(field: str, name: str) -> None:
    mail = read_mail(a_mail("Content-Type: x/y", f"Content-Disposition: attachment; {field}"))
    assert names(mail) == [name]


def test_a_raw_name_is_read_in_the_charset_of_its_part() -> None:
    raw = b"Content-Type: text/plain; charset=gb2312; name=" + "报告.txt".encode("gb2312")
    assert names(read_mail(raw + b"\r\nContent-Disposition: attachment\r\n\r\nx")) == ["报告.txt"]


def test_parameters_far_behind_are_not_looked_at_and_it_is_said() -> None:
    far = "Content-Type: application/pdf; note=" + "y" * 9_000 + "; name=far.pdf\n\nx"
    mail = read_mail(multipart("mixed", "\nwords", far))
    assert names(mail) == ["unnamed.pdf"]
    assert mail.defects == ("parameters_too_long",)


# ---- encodings of the way ----


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", b"aGVs\r\nbG8=\r\n", "hello"),
        ("BASE64 ", b"aGVsbG8", "hello"),
        ("base64", b"aGVs\r\nbG8=\r\n--\r\nThe list's footer", "hello\n--\nThe list's footer"),
        ("base64", b"aGVs\r\nbG8h\r\nfooter of a list.", "hello!\nfooter of a list."),
        ("base64", b"aGVsbG8=\r\nIHRoZXJl\r\n", "hello there"),
        ("base64", b"!! no base64 at all", "!! no base64 at all"),
        ("quoted-printable", b"a=C3=A4 =\r\nb", "aä b"),
        ("8bit", "ä".encode(), "ä"),
        ("x-unknown", b"as it is", "as it is"),
        ("x-uuencode", b"begin 644 t\r\n#:&D*\r\n`\r\nend\r\n", "hi"),
    ],
)
def test_what_was_encoded_for_the_way_is_read(encoding: str, body: bytes, text: str) -> None:
    fields = ("Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}")
    assert read_mail(a_mail(*fields, body=body)).text == text


def test_uuencoded_files_are_taken_out_of_the_text() -> None:
    text = (
        b"Before.\r\nbegin 644 a b.txt\r\n%:&5L;&\\ \r\n \r\nend\r\nBetween.\r\n"
        b"begin-base64 644 c.bin\r\nAAEC\r\n====\r\nAfter.\r\n"
    )
    mail = read_mail(a_mail("Content-Type: text/plain", body=text))
    assert mail.text == "Before.\nBetween.\nAfter."
    assert [(each.name, each.content) for each in mail.attachments] == [
        ("a b.txt", b"hello"),
        ("c.bin", b"\x00\x01\x02"),
    ]


@pytest.mark.parametrize(
    "text", ["begin 644 the work\nnow, said she", "begin 644 x\n%:&5L;&\\\nnever ends", "begin 644"]
)
def test_words_that_look_like_a_uuencoded_file_stay(text: str) -> None:
    mail = read_mail(a_mail(body=text.encode()))
    assert (mail.text, mail.attachments) == (text, ())


@pytest.mark.parametrize(
    ("parameters", "sent", "text"),
    [
        ("", "one \ntwo", "one two"),
        ("", "> quoted \n> on\nanswer \nhere", "> quoted on\nanswer here"),
        ("", "> a \n>> b", "> a \n>> b"),
        ("", " From me\n >no quote", "From me\n>no quote"),
        ("", "words\n-- \nEve \nExample", "words\n-- \nEve Example"),
        ("; delsp=yes", "sen \nten \nce", "sentence"),
        ("; DelSp=YES", "two  \nwords", "two words"),
    ],
)
def test_flowed_text_is_joined(parameters: str, sent: str, text: str) -> None:
    field = f"Content-Type: text/plain; format=flowed{parameters}"
    mail = read_mail(a_mail(field, body=sent.replace("\n", "\r\n").encode()))
    assert mail.text == text


# ---- shells ----


def test_encrypted_and_signed_mails_say_so_and_lose_nothing() -> None:
    pgp = read_mail(
        multipart(
            "encrypted; protocol=application/pgp-encrypted",
            "Content-Type: application/pgp-encrypted\n\nVersion: 1",
            "Content-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP",
        )
    )
    assert pgp.defects == ("encrypted_pgp",)
    assert names(pgp) == ["unnamed.pgp-encrypted", "encrypted.asc"]
    smime = read_mail(a_mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; "
                             "name=smime.p7m", body=b"\x30\x80"))  # fmt: skip
    assert (smime.defects, only_file(smime).content) == (("encrypted_smime",), b"\x30\x80")
    wrapped = read_mail(a_mail("Content-Type: application/pkcs7-mime; smime-type=signed-data",
                               body=b"\x30"))  # fmt: skip
    assert (wrapped.defects, names(wrapped)) == (("wrapped_smime",), ["unnamed.p7m"])
    signed = read_mail(
        multipart(
            'signed; protocol="application/pkcs7-signature"',
            "Content-Type: text/plain\n\nsigned words",
            "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nx",
        )
    )
    assert (signed.text, signed.defects) == ("signed words", ("signed_smime",))
    assert names(signed) == ["smime.p7s"]
    within = read_mail(a_mail(body=b"Hi\r\n-----BEGIN PGP MESSAGE-----\r\nabc\r\n"))
    assert within.defects == ("encrypted_pgp",)
    assert "abc" in within.text


def tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    out = struct.pack("<IH", 0x223E9F78, 1)
    for level, number, data in attributes:
        out += struct.pack("<BHHI", level, number, 6, len(data)) + data
        out += struct.pack("<H", sum(data) & 0xFFFF)
    return out


def prop(number: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def props(*each: bytes) -> bytes:
    return struct.pack("<I", len(each)) + b"".join(each)


WINMAIL = tnef(
    (1, 0x9007, struct.pack("<II", 1252, 0)),
    (1, 0x9003, props(prop(0x1000, 0x1F, "Wörter\0".encode("utf-16-le")))),
    (2, 0x9002, b"\0" * 14),
    (2, 0x8010, b"QUARTE~1.XLS\0"),
    (2, 0x800F, b"cells\0\0"),
    (2, 0x9005, props(
        prop(0x3704, 0x1E, b"QUARTE~1.XLS\0"),
        prop(0x3707, 0x1F, "Quarterly überview.xlsx\0".encode("utf-16-le")),
        prop(0x370E, 0x1E, b"application/vnd.ms-excel\0"),
    )),
)  # fmt: skip


def test_what_outlook_wrapped_is_unwrapped_with_long_names() -> None:
    field = "Content-Type: application/ms-tnef; name=winmail.dat"
    mail = read_mail(a_mail(field, body=WINMAIL))
    file = only_file(mail)
    assert (file.name, file.content_type) == ("Quarterly überview.xlsx", "application/vnd.ms-excel")
    assert file.content == b"cells\0\0"
    assert mail.text == "Wörter"


@pytest.mark.parametrize("broken", [WINMAIL[:-9], b"no tnef", WINMAIL[:60], tnef((1, 0x9003, b""))])
def test_what_cannot_be_unwrapped_is_kept_whole_and_it_is_said(broken: bytes) -> None:
    field = "Content-Type: application/ms-tnef; name=winmail.dat"
    mail = read_mail(a_mail(field, body=broken))
    assert (only_file(mail).name, only_file(mail).content) == ("winmail.dat", broken)
    assert mail.defects == ("undecodable_tnef",)
