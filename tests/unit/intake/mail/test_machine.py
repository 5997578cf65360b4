"""People are told from machines, and machines from one another."""

from typing import Any

import pytest

from intake.mail.machine import Judgement, Kind, Signs, is_unattended, judge

ABSENCES = [
    "Automatic reply: x", "Out of Office: x", "Automatische Antwort: x", "Abwesenheitsnotiz: x",
    "Réponse automatique : x", "Risposta automatica: x", "Respuesta automática: x",
    "Resposta automática: x", "Automatisch antwoord: x", "Autosvar: x", "Automatiskt svar: x",
    "Automaattinen vastaus: x", "Automatyczna odpowiedź: x", "Автоответ: x",
    "Автоматический ответ: x",
    "自動返信: x", "自动答复: x", "자동 회신: x", "Otomatik Yanıt: x", "Automatická odpověď: x",
]  # fmt: skip


def kind_of(
    subject: str = "Digest", *, sender: str | None = "eve@customer.example",
    envelope: str | None = None, body: bytes = b"Words.", **fields: str,
) -> Kind:  # fmt: skip
    headers = {name.replace("_", "-"): [value] for name, value in fields.items()}
    return judge(Signs(headers, sender, envelope, subject, body)).kind


@pytest.mark.parametrize("subject", ABSENCES)
def test_words_of_an_absence_mark_an_answer_and_nothing_else(subject: str) -> None:
    assert kind_of(subject, in_reply_to="<1@desk.example>") is Kind.AUTO_REPLY
    assert kind_of(f"{subject} [VIR-10001]") is Kind.AUTO_REPLY
    assert kind_of(subject) is Kind.HUMAN


@pytest.mark.parametrize(
    ("subject", "fields"),
    [
        ("Out of office hours the portal cannot be reached", {}),
        ("Undeliverable mail since Friday", {}),
        ("Re: Automatic reply: x", {"in_reply_to": "<1@desk.example>"}),
        ("Question", {"auto_submitted": "no"}),
        ("Question", {"list_id": "<x.example>", "precedence": "list", "list_post": "<mailto:x>"}),
        ("Question", {"list_id": "<x.example>", "list_unsubscribe": "<mailto:x>"}),
        ("Question", {"x_auto_response_suppress": "All"}),
        ("Question", {"x_autoreply": "no"}),
    ],
)
def test_people_stay_people(subject: str, fields: dict[str, Any]) -> None:
    assert kind_of(subject, **fields) is Kind.HUMAN


def test_a_postmaster_is_a_person_unless_it_reports() -> None:
    office = "postmaster@customer.example"

    assert kind_of("Where is our mail?", sender=office) is Kind.HUMAN
    assert kind_of("Mail status", sender=office, body=b"could not be delivered") is Kind.BOUNCE


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Kind.BOUNCE, {"content_type": "multipart/report; report-type=delivery-status"}),
        (Kind.BOUNCE, {"x_failed_recipients": "eve@customer.example"}),
        (Kind.BOUNCE, {"sender": "MAILER-DAEMON@mx.example".lower()}),
        (Kind.BOUNCE, {"envelope": "<>"}),
        (Kind.BOUNCE, {"return_path": "<>"}),
        (Kind.BOUNCE, {"subject": "Undelivered Mail", "body": b"was not delivered"}),
        (Kind.FEEDBACK_LOOP, {"content_type": 'multipart/report; report-type="feedback-report"'}),
        (Kind.FEEDBACK_LOOP, {"feedback_type": "abuse"}),
        (Kind.AUTO_REPLY, {"content_type": "x/y; report-type=disposition-notification"}),
        (Kind.AUTO_REPLY, {"auto_submitted": "auto-replied (vacation)"}),
        (Kind.AUTO_REPLY, {"auto_submitted": "auto-generated", "in_reply_to": "<1@x.example>"}),
        (Kind.AUTO_REPLY, {"x_ms_exchange_inbox_rules_loop": "eve@customer.example"}),
        (Kind.AUTO_REPLY, {"precedence": "auto_reply"}),
        (Kind.AUTO_REPLY, {"envelope": "", "subject": "Automatic reply: x"}),
        (Kind.LIST, {"precedence": "bulk", "list_id": "<x.example>"}),
        (Kind.LIST, {"list_unsubscribe_post": "List-Unsubscribe=One-Click"}),
        (Kind.OTHER_MACHINE, {"auto_submitted": "auto-generated"}),
        (Kind.OTHER_MACHINE, {"precedence": "bulk"}),
        (Kind.OTHER_MACHINE, {"sender": "noreply@customer.example"}),
        (Kind.AUTO_REPLY, {"sender": "noreply@customer.example", "references": "<1@x.example>"}),
    ],
)  # fmt: skip
def test_machines_are_told_apart(kind: Kind, arguments: dict[str, Any]) -> None:
    assert kind_of(**arguments) is kind


def test_the_sign_is_named() -> None:
    signs = Signs({"precedence": ["bulk"]}, "cron@customer.example", None, "Nightly", b"")

    assert judge(signs) == Judgement(Kind.OTHER_MACHINE, "precedence")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("noreply@x.example", True), ("no-reply+17@x.example", True),
        ("do_not_reply@x.example", True),
        ("keine-antwort@x.example", True), ("nepasrepondre@x.example", True),
        ("noreen@x.example", False), ("reply@x.example", False), ("nora.reply@x.example", False),
    ],
)  # fmt: skip
def test_unattended_addresses_say_so(address: str, expected: bool) -> None:
    assert is_unattended(address) is expected
