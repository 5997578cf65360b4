"""Programs that answer our automatic answers stop getting any, and lose no mail."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from integration.intake.harness import DESKS, Intake, a_mail, short
from pledge.events import EmailRequested, Noted
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.waiting import eventually

ROBOT = "robot@elsewhere.example"
SUPPORT = "support@infocyte.example"
COMPLETE = """Product: Hunt 3.2 build 7
OS: Windows Server 2022
Severity: 3

The agent on our server does not start after the update, and no scan runs.
"""


@pytest.fixture
async def intake(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> AsyncIterator[Intake]:
    desks = tmp_path / "desks"
    shutil.copytree(DESKS / "infocyte", desks / "infocyte")
    file = desks / "infocyte" / "intake.yaml"
    said = "  acknowledge_with: promised\n"
    assert said in file.read_text()
    file.write_text(file.read_text().replace(said, f"{said}  wait_seconds: 1\n"))
    async with Intake(kafka, database("intake"), tmp_path, desks=desks) as running:
        yield running


async def answer_of(intake: Intake, ticket: str) -> EmailRequested | Noted:
    """What the ticket says of its automatic answer: that it is asked for, or held back."""

    async def probe() -> bool:
        return bool({"email_requested", "noted"} & set(await intake.types(ticket)))

    await eventually(probe, what="an answer, or why there is none")
    found = [
        each.event for each in await intake.published()
        if isinstance(each.event, EmailRequested | Noted) and str(each.event.ticket_id) == ticket
    ]  # fmt: skip
    assert len(found) == 1
    return found[0]


async def converse(intake: Intake, subject: str, said: str) -> list[EmailRequested | Noted]:
    """The robot mails, and answers each answer of ours with a mail of a thread of its own."""
    answers: list[EmailRequested | Noted] = []
    while len(answers) < 10 and not any(isinstance(each, Noted) for each in answers):
        number = len(answers) + 1
        mail = a_mail(
            f"{subject} {number}", f"{said}\nIn answer to your mail {number}.",
            sender=ROBOT, to=SUPPORT, message_id=f"<{subject.lower()}{number}@elsewhere.example>",
        )  # fmt: skip
        await intake.mail(mail, SUPPORT, sender=ROBOT)
        tickets = await intake.tickets(number)
        (ticket,) = (each["id"] for each in tickets if each["subject"] == f"{subject} {number}")
        answers.append(await answer_of(intake, ticket))
    return answers


async def metrics_of(intake: Intake) -> str:
    async with intake.http("agent") as client:
        return (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("said", "template"),
    [("Thank you for your mail.", "information_request"), (COMPLETE, "promised")],
    ids=["questions", "acknowledgements"],
)
async def test_two_programs_that_answer_each_other_stop_after_three(
    intake: Intake, said: str, template: str
) -> None:
    answers = await converse(intake, "Received", said)
    assert [type(each) for each in answers] == [EmailRequested] * 3 + [Noted]
    held = answers[-1]
    assert isinstance(held, Noted)
    assert f"No automatic answer ({template}) to {ROBOT}" in held.text
    assert "3 within 60 minutes at this desk" in held.text
    async with intake.http("agent") as client:
        page = await client.get(f"/ticket/{held.ticket_id}", headers={"accept": "text/html"})
    assert "No automatic answer" in page.text
    counted = 'intake_answers_held_total{desk="infocyte",reason="address_limit"} 1.0'
    assert counted in await metrics_of(intake)
    # Whoever else writes is answered.
    ann = a_mail("Down", sender="ann@contoso.example", to=SUPPORT, message_id="<a@contoso.example>")
    await intake.mail(ann, SUPPORT)
    tickets = await intake.tickets(5)
    (ticket,) = (each["id"] for each in tickets if each["subject"] == "Down")
    assert isinstance(await answer_of(intake, ticket), EmailRequested)


async def test_many_mails_at_once_all_open_tickets_and_three_are_answered(intake: Intake) -> None:
    for number in range(6):
        mail = a_mail(
            f"Request {number}", f"Please look at machine {number}.", sender=ROBOT, to=SUPPORT,
            message_id=f"<r{number}@elsewhere.example>",
        )  # fmt: skip
        await intake.mail(mail, SUPPORT, sender=ROBOT)
    tickets = await intake.tickets(6)
    answers = [await answer_of(intake, each["id"]) for each in tickets]
    assert sum(isinstance(each, EmailRequested) for each in answers) == 3
    facts: list[list[dict[str, Any]]] = [await intake.facts(each["id"]) for each in tickets]
    assert all(short(found[0]["type"]) == "opened" for found in facts)
    sequences = [[each["sequence"] for each in found] for found in facts]
    assert all(each == list(range(1, len(each) + 1)) for each in sequences)
