"""A flood of urgent mails opens its tickets and pages a few times."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from integration.intake.harness import Intake, a_mail
from pledge.events import TicketOpened
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases

EMERGENCY = "emergency@vircom.example"


def urgent(number: int, sender: str, **headers: str) -> tuple[bytes, str]:
    mail = a_mail(
        f"Down {number}", message_id=f"<{number}@flood.example>", sender=sender, to=EMERGENCY,
        **headers,
    )  # fmt: skip
    return mail.as_bytes(), EMERGENCY


async def held(intake: Intake) -> dict[str, str | None]:
    """Of each opened ticket, by its subject, why it pages nobody."""
    opened = (each.event for each in await intake.published())
    return {each.subject_line: each.page_held for each in opened if isinstance(each, TicketOpened)}


async def test_one_senders_flood_pages_five_times_and_others_are_not_held(intake: Intake) -> None:
    for number in range(11):
        await intake.mail(*urgent(number, "eve@elsewhere.example"))
    await intake.tickets(11)
    await intake.mail(*urgent(11, "eve@elsewhere.example"))
    await intake.mail(*urgent(99, "ann@contoso.example"))
    tickets = await intake.tickets(13)
    assert all(each["is_urgent"] for each in tickets)
    found = await held(intake)
    assert found.pop("Down 99") is None
    assert Counter(found.values()) == {None: 5, "sender_limit": 7}
    assert found["Down 11"] == "sender_limit"
    endings = await intake.pool.fetch("SELECT ending FROM delivery_ledger")
    assert Counter(row["ending"] for row in endings) == {"opened": 13}
    last = next(each["id"] for each in tickets if each["subject"] == "Down 11")
    async with intake.http("agent") as client:
        page = await client.get(f"/ticket/{last}", headers={"accept": "text/html"})
        assert "too many urgent requests of this sender" in page.text
        metrics = (await client.get("/metrics")).text
    assert 'intake_pages_held_total{desk="vircom",reason="sender_limit"} 7.0' in metrics


async def test_many_senders_together_page_as_often_as_the_desk_says(intake: Intake) -> None:
    flood = [urgent(number, f"eve{number}@elsewhere.example") for number in range(40)]
    await asyncio.gather(*(intake.mail(*each) for each in flood))
    await intake.tickets(40)
    reasons = Counter((await held(intake)).values())
    assert reasons == {None: 30, "desk_limit": 10}


async def test_who_is_forged_pages_nobody_and_counts_for_nobody(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    border = {"authserv_ids": "mx.pledge.example"}
    failed = "mx.pledge.example; dmarc=fail header.from=contoso.example"
    async with Intake(kafka, database("intake"), tmp_path, **border) as intake:
        for number in range(7):
            forged = urgent(number, "ann@contoso.example", Authentication_Results=failed)
            await intake.mail(*forged)
        await intake.mail(*urgent(99, "ann@contoso.example"))
        tickets = await intake.tickets(8)
        found = await held(intake)
        assert found.pop("Down 99") is None
        assert set(found.values()) == {"sender_forged"}
        forged_one = next(each["id"] for each in tickets if each["subject"] != "Down 99")
        async with intake.http("agent") as client:
            page = await client.get(f"/ticket/{forged_one}", headers={"accept": "text/html"})
    assert "no page: the mail border calls the sender forged" in page.text
