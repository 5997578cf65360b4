"""Cases and gateways' events over HTTP: taken once Kafka has them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from integration.intake.harness import Intake
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases

CASE: dict[str, Any] = {
    "desk": "demo",
    "subject": "Nobody can sign in",
    "text": "Since nine.",
    "requester": {"name": "Ann", "email": "Ann@Contoso.example"},
    "severity": "critical",
    "fields": {"version": "8.1"},
}
FORM_KEY = {"pledge-form-key": "demo-public-form-key"}


async def test_a_case_with_the_desks_form_key_becomes_a_ticket(intake: Intake) -> None:
    async with intake.http() as client:
        answer = await client.post("/cases", json=CASE, headers=FORM_KEY)
    assert answer.status_code == 202, answer.text
    assert answer.json()["delivery"].startswith("case:")
    (ticket,) = await intake.tickets(1)
    assert (ticket["channel"], ticket["severity"]) == ("portal", "critical")
    assert ticket["requester"]["email"] == "ann@contoso.example"
    (fact,) = await intake.facts(ticket["id"])
    assert fact["data"]["text"] == "Since nine.\n\nversion: 8.1"
    assert fact["data"]["delivery"] == answer.json()["delivery"]


async def test_a_case_says_its_impact_and_urgency(intake: Intake) -> None:
    case = {**CASE, "severity": None, "impact": "everybody", "urgency": "high"}
    async with intake.http() as client:
        assert (await client.post("/cases", json=case, headers=FORM_KEY)).status_code == 202
    (ticket,) = await intake.tickets(1)
    assert (ticket["severity"], ticket["impact"], ticket["urgency"], ticket["origin"]) == (
        "critical", "everybody", "high", "matrix",
    )  # fmt: skip


async def test_a_case_sent_twice_under_one_key_is_one_ticket_and_another_is_refused(
    intake: Intake,
) -> None:
    headers = {**FORM_KEY, "idempotency-key": "form 7"}
    async with intake.http() as client:
        one = await client.post("/cases", json=CASE, headers=headers)
        two = await client.post("/cases", json=CASE, headers=headers)
        other = await client.post("/cases", json={**CASE, "subject": "Else"}, headers=headers)
    assert one.json() == two.json()
    assert (other.status_code, other.json()["type"]) == (422, "urn:pledge:problem:key_reused")
    await intake.tickets(1)


async def test_who_may_not_send_cases_is_told_so(intake: Intake) -> None:
    async with intake.http() as client:
        assert (await client.post("/cases", json=CASE)).status_code == 401
        wrong = {"pledge-form-key": "vircom-public-form-key"}
        assert (await client.post("/cases", json=CASE, headers=wrong)).status_code == 401
    async with intake.http("agent") as client:
        assert (await client.post("/cases", json=CASE)).status_code == 403
    async with intake.http("gateway", desks=["vircom"]) as client:
        assert (await client.post("/cases", json=CASE)).status_code == 403
    async with intake.http("gateway", desks=["demo"]) as client:
        assert (await client.post("/cases", json=CASE)).status_code == 202
        for wrong_case, field in (
            ({**CASE, "desk": "nowhere"}, ""),
            ({**CASE, "requester": {}}, "body.requester"),
            ({**CASE, "subject": ""}, "body.subject"),
            ({**CASE, "requester": {"email": "no address"}}, "body.requester.email"),
            ({**CASE, "unknown": 1}, "body.unknown"),
        ):
            answer = await client.post("/cases", json=wrong_case)
            assert answer.status_code in {403, 422}
            assert field in answer.text


async def test_a_sender_that_sends_too_many_is_told_when_to_go_on(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    async with Intake(kafka, database("intake"), tmp_path, cases_per_minute=1) as intake:
        async with intake.http() as form, intake.http("gateway") as portal:
            assert (await form.post("/cases", json=CASE, headers=FORM_KEY)).status_code == 202
            refused = await form.post("/cases", json=CASE, headers=FORM_KEY)
            assert refused.status_code == 429
            assert refused.headers["content-type"] == "application/problem+json"
            assert 0 < int(refused.headers["retry-after"]) <= 60
            assert (await portal.post("/cases", json=CASE)).status_code == 202, "another sender"
        await intake.tickets(2)


async def test_chat_and_phone_gateways_publish_events(intake: Intake) -> None:
    ahead = (intake.clock.now() + timedelta(hours=1)).isoformat()
    chat = {
        "type": "pledge.chat.message_received.v1",
        "desk": "demo",
        "delivery": "Ev1",
        "conversation": "C1/1.2",
        "occurred_at": ahead,
        "sender": {"name": "Ann", "chat": "slack:U1"},
        "text": "Hello",
    }
    call = {
        "type": "pledge.phone.voicemail_left.v1",
        "desk": "demo",
        "delivery": "RE1",
        "conversation": "CA1",
        "call_id": "CA1",
        "line": "+15550100",
        "caller": {"phone": "+15550199"},
        "duration": "PT12S",
    }
    async with intake.http("gateway") as client:
        assert (await client.post("/channels/chat", json=chat)).status_code == 202
        answer = await client.post("/channels/phone", json=call)
        assert answer.status_code == 202, answer.text
        assert (await client.post("/channels/phone", json=chat)).status_code == 422
        broken = await client.post("/channels/chat", json={**chat, "delivery": ""})
        assert broken.status_code == 422
        assert "delivery" in broken.json()["detail"]
        nul = await client.post("/channels/chat", json={**chat, "text": "a\0b", "delivery": "E2"})
        assert nul.status_code == 422
    async with intake.http("agent") as client:
        assert (await client.post("/channels/chat", json=chat)).status_code == 403
    tickets = {each["channel"]: each for each in await intake.tickets(2)}
    assert tickets["chat"]["opened_at"] < ahead
    assert (tickets["phone"]["severity"], tickets["phone"]["is_urgent"]) == ("critical", True)
    facts = await intake.facts(tickets["phone"]["id"])
    assert [each["type"] for each in facts] == [
        "pledge.ticket.opened.v1", "pledge.ticket.callback_requested.v1",
    ]  # fmt: skip
