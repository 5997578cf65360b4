"""Webhooks of chat and phone providers against a running service: what is signed becomes a ticket,
once; what is forged, old, or another desk's becomes none."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.intake.harness import DESKS, Intake
from integration.intake.test_outages import NOBODY, Stranded
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.hooks import (
    FORM,
    JSON,
    KEY,
    SLACK,
    STANDARD,
    TOKEN,
    TWILIO,
    body_of,
    by_slack,
    by_standard,
    by_teams,
    by_twilio,
    form_of,
    slack_event,
)

HOOKS = """
hooks:
  - {name: slack, kind: slack, secrets: [slack-next, slack], agents: {U0AGENT: bob@demo.example}}
  - {name: mattermost, kind: mattermost, secrets: mattermost}
  - {name: teams, kind: teams, secrets: teams}
  - {name: partner, kind: webhook, secrets: partner}
  - {name: texts, kind: twilio_sms, secrets: twilio}
  - {name: pbx, kind: cti, secrets: mattermost}
  - {name: closed, kind: slack, secrets: not-given}
"""
SECRETS = {
    "slack": SLACK, "slack-next": SLACK[::-1], "mattermost": TOKEN, "teams": KEY,
    "partner": STANDARD, "twilio": TWILIO,
}  # fmt: skip
PUBLIC = "http://intake.example"


def with_hooks(folder: Path) -> dict[str, Any]:
    """The desk demo with a hook of each kind, and smartsimple as it is, on keys of their own."""
    desks = folder / "desks"
    shutil.copytree(DESKS / "demo", desks / "demo")
    shutil.copytree(DESKS / "smartsimple", desks / "smartsimple")
    with (desks / "demo" / "intake.yaml").open("a") as file:
        file.write(HOOKS)
    secrets = {"demo": SECRETS, "smartsimple": {"twilio": TWILIO[::-1]}}
    return {"desks": desks, "hook_secrets": secrets}


@pytest.fixture
async def hooked(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> AsyncIterator[Intake]:
    async with Intake(kafka, database("intake"), tmp_path, **with_hooks(tmp_path)) as running:
        yield running


async def post(intake: Intake, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async with intake.http() as client:
        return await client.post(f"/hooks/{path}", content=body, headers=headers)


async def slack(intake: Intake, secret: str = SLACK, path: str = "demo/slack", **event: Any) -> int:
    body = body_of(slack_event(**event))
    headers = {**by_slack(body, intake.clock.now(), secret), "x-slack-retry-num": "1"}
    return (await post(intake, path, body, headers)).status_code


async def voice(
    intake: Intake, step: str, token: str = TWILIO[::-1], **fields: str
) -> httpx.Response:
    path = f"smartsimple/phone{step}"
    form = {"CallSid": "CA1", "From": "+15550199", "To": "+15550130", "CallStatus": "ringing"}
    form |= fields
    headers = by_twilio(f"{PUBLIC}/hooks/{path}", form, token)
    return await post(intake, path, form_of(form), headers)


async def test_a_thread_in_slack_is_one_ticket_however_often_slack_sends_it(
    hooked: Intake,
) -> None:
    first = {"ts": "1796083200.000200"}
    assert [await slack(hooked, **first) for _ in range(3)] == [200] * 3
    assert await slack(hooked, type="app_mention", event_id="Ev112", **first) == 200
    thread = {"thread_ts": "1796083200.000200"}
    assert await slack(hooked, ts="1796083260.1", text="Second floor", **thread) == 200
    assert await slack(hooked, ts="1796083270.1", text="On it", user="U0AGENT", **thread) == 200
    assert await slack(hooked, ts="1796083280.1", text="I am a bot", bot_id="B1", **thread) == 200
    (ticket,) = await hooked.tickets(1)
    assert (ticket["channel"], ticket["subject"]) == ("chat", "The printer is down")
    assert ticket["requester"]["chat"] == "slack:T111:U222"
    facts = await hooked.facts(ticket["id"])
    assert [each["type"] for each in facts] == [
        "pledge.ticket.opened.v1",
        "pledge.ticket.requester_replied.v1",
        "pledge.ticket.agent_replied.v1",
    ]
    assert facts[2]["data"]["by"]["id"] == "bob@demo.example"


async def test_the_ends_of_all_requests_add_up(hooked: Intake) -> None:
    sent = 0
    for event in ({}, {}, {"subtype": "channel_join"}, {"text": ""}):
        assert await slack(hooked, **event) == 200
        sent += 1
    assert await slack(hooked, secret=TOKEN) == 401
    body = b"no JSON"
    headers = by_slack(body, hooked.clock.now())
    assert (await post(hooked, "demo/slack", body, headers)).status_code == 400
    large = b"x" * (513 * 1024)
    headers = by_slack(large, hooked.clock.now())
    assert (await post(hooked, "demo/slack", large, headers)).status_code == 413
    async with hooked.http() as client:
        series = (await client.get("/metrics")).text
    ends = {
        line.split('end="')[1].split('"')[0]: float(line.split()[-1])
        for line in series.splitlines()
        if line.startswith("intake_hook_requests_total{") and 'hook="slack"' in line
    }
    assert ends == {
        "accepted": 2, "other_event": 1, "no_words": 1, "refused_signature": 1, "unreadable": 1,
        "too_large": 1,
    }  # fmt: skip
    assert sum(ends.values()) == sent + 3
    await hooked.tickets(1)


async def test_what_is_forged_old_or_another_desks_opens_nothing(hooked: Intake) -> None:
    now = hooked.clock.now()
    body = body_of(slack_event())
    right = by_slack(body, now)
    for path, headers in (
        ("demo/slack", {}),
        ("demo/slack", by_slack(body, now, TOKEN)),
        ("demo/slack", by_slack(body, now - timedelta(minutes=6))),
        ("demo/slack", {**right, "x-slack-request-timestamp": "soon"}),
        ("demo/slack", {**right, "x-slack-signature": "v0="}),
        ("demo/teams", right),
        ("demo/partner", right),
        ("smartsimple/phone", right),
    ):
        assert (await post(hooked, path, body, headers)).status_code == 401, path
    assert (await post(hooked, "demo/slack", body + b" ", right)).status_code == 401
    assert (await post(hooked, "demo/nothing", body, right)).status_code == 404
    assert (await post(hooked, "nowhere/slack", body, right)).status_code == 404
    # One desk's token opens nothing on another desk's path.
    assert (await voice(hooked, "", token=TWILIO)).status_code == 401
    await hooked.tickets(0)


async def test_both_secrets_count_while_one_replaces_the_other(hooked: Intake) -> None:
    assert await slack(hooked, ts="1796083200.1") == 200
    assert await slack(hooked, secret=SLACK[::-1], ts="1796083201.1") == 200
    await hooked.tickets(2)


async def test_a_hook_without_a_secret_is_closed_and_asks_to_be_tried_again(
    hooked: Intake,
) -> None:
    body = body_of(slack_event())
    answer = await post(hooked, "demo/closed", body, by_slack(body, hooked.clock.now(), ""))
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_the_same_delivery_replayed_is_one_on_every_kind_of_hook(hooked: Intake) -> None:
    now = hooked.clock.now()
    activity = {
        "type": "message", "id": "1", "text": "<at>Support</at> down", "from": {"name": "Ann"},
        "conversation": {"id": "19:a;messageid=1"},
    }  # fmt: skip
    teams = body_of(activity)
    post_fields = {"token": TOKEN, "post_id": "p1", "channel_id": "c", "text": "no mail"}
    chat = body_of({"type": "pledge.chat.message_received.v1", "text": "Hi", "sender": {}})
    text = {"MessageSid": "SM1", "From": "+15550199", "To": "+15550110", "Body": "No mail"}
    for path, body, headers in (
        ("demo/teams", teams, by_teams(teams)),
        ("demo/mattermost", form_of(post_fields), FORM),
        ("demo/partner", chat, by_standard(chat, now)),
        ("demo/texts", form_of(text), by_twilio(f"{PUBLIC}/hooks/demo/texts", text)),
    ):
        for _ in range(2):
            answer = await post(hooked, path, body, headers)
            assert answer.status_code == 200, (path, answer.text)
    tickets = await hooked.tickets(4)
    assert {each["channel"] for each in tickets} == {"chat"}
    assert [each["requester"]["phone"] for each in tickets].count("+15550199") == 1


@pytest.mark.promise("SMS-01", "SMS-04")
async def test_a_caller_hears_instructions_and_a_voicemail_on_the_critical_line_is_urgent(
    hooked: Intake,
) -> None:
    answer = await voice(hooked, "")
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Gather" in answer.text
    assert "critical line" in answer.text
    chosen = await voice(hooked, "/menu", Digits="501")
    assert "<Record" in chosen.text
    assert "extension=501" in chosen.text
    (ticket,) = await hooked.tickets(1)
    assert (ticket["line"], ticket["is_urgent"], ticket["severity"]) == (
        "critical-line", True, "tier1",
    )  # fmt: skip
    recording = {"RecordingUrl": "https://api.example/RE1", "RecordingDuration": "17"}
    for step in ("/voicemail?extension=501", "/recording?extension=501"):
        assert (await voice(hooked, step, **recording)).status_code == 200
    await hooked.tickets(1)
    await hooked.recorded(ticket["id"], "opened", "callback_requested", "noted")


async def test_callbacks_in_any_order_are_one_ticket(hooked: Intake) -> None:
    recording = {"RecordingUrl": "https://api.example/RE1", "RecordingDuration": "17"}
    steps: list[tuple[str, dict[str, str]]] = [
        ("/menu", {"Digits": "501"}),
        ("/voicemail?extension=501", recording),
        ("/transcription?extension=501", {"TranscriptionText": "all is down"}),
    ]
    for number, order in enumerate(permutations(steps)):
        for step, fields in order:
            answer = await voice(
                hooked, step, CallSid=f"CA{number}", From=f"+1555020{number}", **fields
            )
            assert answer.status_code == 200
    tickets = await hooked.tickets(6)
    assert {each["is_urgent"] for each in tickets} == {True}
    for ticket in tickets:
        words = str(await hooked.facts(ticket["id"]))
        assert ("all is down" in words, "https://api.example/RE1" in words) == (True, True)


async def test_a_call_that_the_exchange_says_was_answered_reached_the_customer(
    hooked: Intake,
) -> None:
    call = {"callId": "7", "from": "15550199", "to": "15550110", "direction": "in", "user[]": "bob"}
    headers = {**FORM, "authorization": f"Bearer {TOKEN}"}
    for event in ("newCall", "answer", "hangup", "hangup"):
        body = form_of({**call, "event": event})
        assert (await post(hooked, "demo/pbx", body, headers)).status_code == 200
    refused = await post(hooked, "demo/pbx", form_of({**call, "event": "newCall"}), FORM)
    assert refused.status_code == 401
    (ticket,) = await hooked.tickets(1)
    await hooked.recorded(ticket["id"], "opened", "contact_attempted")
    (_, reached) = await hooked.facts(ticket["id"])
    assert (reached["data"]["by"]["id"], reached["data"]["reached"]) == ("bob", True)


async def test_slack_learns_that_the_address_is_ours_only_when_it_signed(hooked: Intake) -> None:
    body = body_of({"type": "url_verification", "challenge": "3eZbrw1a", "token": "x"})
    answer = await post(hooked, "demo/slack", body, by_slack(body, hooked.clock.now()))
    assert (answer.status_code, answer.text) == (200, "3eZbrw1a")
    assert (await post(hooked, "demo/slack", body, JSON)).status_code == 401


async def test_without_kafka_providers_are_asked_to_send_again_and_then_it_is_one_ticket(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    dsn, settings = database("intake"), with_hooks(tmp_path)
    async with Stranded(
        NOBODY, dsn, tmp_path, publish_timeout=timedelta(seconds=1), **settings
    ) as away:
        assert await slack(away) == 503
        assert await slack(away, secret=TOKEN) == 401
    async with Intake(kafka, dsn, tmp_path, **settings) as back:
        assert [await slack(back) for _ in range(2)] == [200, 200]
        await back.tickets(1)


@pytest.mark.promise("VIR-03", "SIS-07")
async def test_who_presses_1_out_of_hours_and_leaves_a_voicemail_is_urgent(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    lines = (
        ("vircom", "support-line", "+15550110"),
        ("sign-in-solutions", "messaging-service", "+15550120"),
    )
    secrets = {desk: {"twilio": TWILIO} for desk, _, _ in lines}
    async with Intake(kafka, database("intake"), tmp_path, hook_secrets=secrets) as intake:
        for desk, hook, number in lines:
            heard = {"CallSid": f"CA{number}", "From": "+15550199", "To": number}
            for step, fields in (
                ("/menu", {"Digits": "1"}),
                ("/voicemail?choice=1", {"RecordingUrl": "https://api.example/RE1"}),
            ):
                path, form = f"{desk}/{hook}{step}", {**heard, **fields}
                headers = by_twilio(f"{PUBLIC}/hooks/{path}", form)
                assert (await post(intake, path, form_of(form), headers)).status_code == 200
        tickets = await intake.tickets(2)
        assert {each["desk"]: each["is_urgent"] for each in tickets} == {
            "vircom": True, "sign-in-solutions": True,
        }  # fmt: skip
        for each in tickets:
            facts = await intake.facts(each["id"])
            (callback,) = [one for one in facts if "callback_requested" in one["type"]]
            assert (callback["data"]["is_urgent"], callback["data"]["phone"]) == (
                True, "+15550199",
            )  # fmt: skip
