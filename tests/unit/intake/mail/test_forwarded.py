"""Forwards in any program's and language's form speak for whom they forward."""

import pytest

from intake.mail.forwarded import bare_subject, forwarded_text
from intake.mail.parse import read_mail

RITA = "Rita Example <rita@customer.example>"
WORDS = "The digest is empty.\n\nSince Friday."

FORMS = {
    "gmail": (
        "Fwd: Digest",
        f"Please take it.\n\n---------- Forwarded message ---------\nFrom: {RITA}\n"
        f"Date: Mon, Nov 30, 2026 at 9:12 AM\nSubject: Digest\nTo: Maya <m@d.example>\n\n\n{WORDS}",
    ),
    "gmail-de": (
        "Fwd: Digest",
        f"Please take it.\n\n---------- Weitergeleitete Nachricht ---------\nVon: {RITA}\n"
        f"Date: Mo., 30. Nov. 2026\nSubject: Digest\nTo: Maya <m@d.example>\n\n{WORDS}",
    ),
    "apple": (
        "Fwd: Digest",
        "Please take it.\n\nBegin forwarded message:\n\n> From: " + RITA + "\n> Subject: Digest\n"
        "> Date: 30 November 2026 at 09:12:00 CET\n> To: Maya <m@d.example>\n> \n"
        "> The digest is empty.\n> \n> Since Friday.",
    ),
    "apple-fr": (
        "Tr: Digest",
        f"Please take it.\n\nDébut du message transféré :\n\nDe: {RITA}\nObjet: Digest\n"
        f"Date: 30 novembre 2026\nÀ: Maya <m@d.example>\n\n{WORDS}",
    ),
    "outlook": (
        "FW: Digest",
        f"Please take it.\n\n{'_' * 32}\nFrom: Rita Example <rita@customer.example>\n"
        "Sent: Monday, November 30, 2026 9:12 AM\nTo: Maya <m@d.example>\nSubject: Digest\n\n"
        f"{WORDS}",
    ),
    "outlook-de": (
        "WG: Digest",
        "Please take it.\n\nVon: Rita Example [mailto:rita@customer.example]\nGesendet: Montag\n"
        f"An: Maya\nBetreff: Digest\n\n{WORDS}",
    ),
    "outlook-ja": (
        "FW: Digest",
        f"Please take it.\n\n差出人: {RITA}\n送信日時: 2026年11月30日\n宛先: Maya\n"
        f"件名: Digest\n\n{WORDS}",
    ),
    "thunderbird-es": (
        "Fwd: Digest",
        "Please take it.\n\n-------- Mensaje reenviado --------\nAsunto: \tDigest\n"
        f"Fecha: \tMon, 30 Nov 2026\nDe: \t{RITA}\nPara: \tMaya <m@d.example>\n\n{WORDS}",
    ),
    "yandex-ru": (
        "Fwd: Digest",
        f"Please take it.\n\n-------- Пересылаемое сообщение --------\nОт: {RITA}\n"
        f"Тема: Digest\nДата: 30.11.2026\nКому: Maya <m@d.example>\n\n{WORDS}",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_programs_form_names_the_writer_and_keeps_their_words(form: str) -> None:
    subject, text = FORMS[form]

    found = forwarded_text(subject, text)

    assert found is not None
    assert (found.sender.address, found.sender.name) == ("rita@customer.example", "Rita Example")
    assert (found.subject, found.text, found.comment) == ("Digest", WORDS, "Please take it.")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("RE: Digest", FORMS["outlook"][1]),
        ("Digest", "Please look.\n\nThanks"),
        ("Fwd: Digest", "No words of anybody."),
        ("FW: Digest", "From: Rita Example\nSent: Monday\nTo: Maya\nSubject: Digest\n\nx"),
    ],
)
def test_answers_and_what_names_no_address_are_no_forwards(subject: str, text: str) -> None:
    assert forwarded_text(subject, text) is None


def _with_message(subject: str, text: str) -> bytes:
    return (
        f"From: maya@desk.example\r\nSubject: {subject}\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        f"{text}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: {RITA}\r\n"
        "Subject: Digest\r\n\r\nThe digest is empty.\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize("subject", ["Fwd: Digest", "Digest", "Weekly report"])
def test_a_message_attached_is_passed_on_where_the_mail_is_there_for_it(subject: str) -> None:
    found = read_mail(_with_message(subject, "See the mail of Friday.")).forwarded

    assert (found is not None) is (subject != "Weekly report")
    if found is not None:
        assert found.sender.address == "rita@customer.example"
        assert (found.subject, found.text) == ("Digest", "The digest is empty.")
        assert found.comment == "See the mail of Friday."


def test_a_message_alone_is_passed_on() -> None:
    assert read_mail(_with_message("Weekly report", "")).forwarded is not None


@pytest.mark.parametrize(
    "subject", ["Fwd: FW: Digest", "WG: Digest", "转发：Digest", "[EXT] Fwd: Digest"]
)
def test_prefixes_are_taken_off(subject: str) -> None:
    assert bare_subject(subject) == "Digest"


@pytest.mark.parametrize("line", ["From: a\n", "-- Forwarded message --\n", "> \n", "a: b\n"])
def test_any_text_is_read(line: str) -> None:
    assert forwarded_text("Fwd: x", line * (60_000 // len(line))) is None
