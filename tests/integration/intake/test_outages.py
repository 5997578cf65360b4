"""Without Kafka nothing is taken, and every sender is told to come back."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from integration.intake.harness import Intake, a_mail
from integration.intake.test_forms import CASE, FORM_KEY
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.http.server import CannotListen
from support.databases import Databases
from support.waiting import eventually

NOBODY = KafkaSettings(bootstrap_servers="127.0.0.1:1", topic_prefix="away.")


class Stranded(Intake):
    """Intake whose broker is away: it serves, and is never ready."""

    ready_path = "/livez"


@pytest.fixture
async def stranded(database: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    dsn = database("intake")
    async with Stranded(NOBODY, dsn, tmp_path, publish_timeout=timedelta(seconds=1)) as running:
        yield running


async def test_without_kafka_mail_is_deferred_and_cases_are_sent_away(stranded: Intake) -> None:
    with pytest.raises(smtplib.SMTPDataError) as deferred:
        await stranded.mail(a_mail())
    assert deferred.value.smtp_code == 451
    async with stranded.http() as client:
        answer = await client.post("/cases", json=CASE, headers=FORM_KEY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        ready = (await client.get("/readyz")).json()
    told = {each["name"]: each["ok"] for each in ready["checks"]}
    assert told["gateway"] is False
    assert told["database"] is True


async def test_what_was_deferred_is_taken_once_when_it_is_sent_again(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    dsn = database("intake")
    async with Stranded(NOBODY, dsn, tmp_path, publish_timeout=timedelta(seconds=1)) as away:
        with pytest.raises(smtplib.SMTPDataError):
            await away.mail(a_mail())
    async with Intake(kafka, dsn, tmp_path) as back:
        await back.mail(a_mail())
        await back.mail(a_mail())
        await back.tickets(1)


async def test_tickets_outlive_the_process_and_numbers_go_on(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    dsn = database("intake")
    async with Intake(kafka, dsn, tmp_path) as first:
        await first.mail(a_mail("One", message_id="<1@x.example>"))
        await first.tickets(1)
    async with Intake(kafka, dsn, tmp_path) as second:
        await second.mail(a_mail("Two", message_id="<2@x.example>"))
        found = await second.tickets(2)
        assert [each["number"] for each in found] == ["VIR-10001", "VIR-10002"]


async def test_a_taken_port_is_said_in_words(intake: Intake, tmp_path: Path) -> None:
    port = intake.settings.smtp_port
    other = Intake(intake.kafka, intake.settings.dsn, tmp_path, smtp_port=port)
    with pytest.raises(CannotListen, match="PLEDGE_INTAKE_SMTP_PORT"):
        async with other:
            pass
    await other.pool.close()


@pytest.mark.parametrize("limit", ["smtp_max_connections", "smtp_max_connections_per_host"])
async def test_sessions_beyond_the_limit_are_asked_to_come_back(
    limit: str, kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    async with Intake(kafka, database("intake"), tmp_path, **{limit: 2}) as intake:
        port = intake.settings.smtp_port
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        greetings = [await reader.readline() for reader, _ in held]
        assert all(each.startswith(b"220 ") for each in greetings)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"421 ")
        writer.close()
        for _, each in held:
            each.close()

        async def is_free() -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = await reader.readline()
            writer.close()
            return line.startswith(b"220 ")

        await eventually(is_free)


async def test_a_sender_who_hangs_up_in_the_middle_has_sent_nothing(intake: Intake) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", intake.settings.smtp_port)
    for line in (b"HELO x", b"MAIL FROM:<a@x.example>", b"RCPT TO:<support@vircom.example>",
                 b"DATA", b"Subject: half"):  # fmt: skip
        await reader.readline()
        writer.write(line + b"\r\n")
    await writer.drain()
    writer.close()
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    assert ticket["subject"] == "No mail flow"
