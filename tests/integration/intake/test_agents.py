"""The agents' API: what may be done, what is told of it, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.intake.harness import Intake, a_mail, short
from pledge.events import Assigned


@pytest.fixture
async def ticket(intake: Intake) -> dict[str, Any]:
    await intake.mail(a_mail())
    (found,) = await intake.tickets(1)
    return found


async def do(intake: Intake, ticket: str, action: str, **body: Any) -> httpx.Response:
    async with intake.http("agent") as client:
        return await client.post(f"/tickets/{ticket}/{action}", json=body)


async def test_each_command_is_told_in_sequence(intake: Intake, ticket: dict[str, Any]) -> None:
    number = ticket["number"]
    incident = str(intake.ids.new())
    commands: list[tuple[str, dict[str, Any]]] = [
        ("triage", {"severity": "p1", "why": "no mail flow", "known_incident": True}),
        ("assign", {"assignee": "tom", "name": "Tom"}),
        ("contact-attempts", {"channel": "phone", "reached": False}),
        ("wait", {"waiting_for": "unavailable"}),
        ("resume", {}),
        ("wait", {"waiting_for": "customer", "why": "needs a log"}),
        ("request-information", {"missing": ["log"]}),
        ("complete-information", {"fields": {"log": "here"}}),
        ("workaround", {"text": "Use the other relay."}),
        ("link-incident", {"incident_id": incident}),
        ("note", {"text": "Relay 2 was full."}),
        ("resolve", {"resolution": "Emptied relay 2."}),
        ("reopen", {"why": "full again"}),
        ("resolve", {"fixed_in_release": True, "release": "8.1"}),
        ("close", {}),
    ]
    for action, body in commands:
        answer = await do(intake, number, action, **body)
        assert answer.status_code == 200, (action, answer.text)
    told = await intake.published()
    assert [short(each.envelope.type) for each in told] == [
        "opened", "triaged", "assigned", "contact_attempted", "customer_unavailable",
        "waiting_on_provider", "waiting_on_customer", "information_requested",
        "information_completed", "workaround_provided", "linked_to_incident", "noted", "resolved",
        "reopened", "resolved", "closed",
    ]  # fmt: skip
    assert [each.envelope.sequence for each in told] == list(range(1, 17))
    assert {each.envelope.subject for each in told} == {ticket["id"]}
    (now,) = await intake.tickets(1)
    assert (now["state"], now["severity"], now["incident_id"]) == ("closed", "p1", incident)
    assert now["assignee"] == {"kind": "agent", "id": "tom", "name": "Tom"}


async def test_what_is_not_possible_now_says_what_is(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    assert (await do(intake, ticket["id"], "close")).is_success
    refused = await do(intake, ticket["id"], "resolve")
    assert refused.status_code == 409
    assert refused.headers["content-type"].startswith("application/problem+json")
    problem = refused.json()
    assert problem["type"] == "urn:pledge:problem:not_allowed_now"
    allowed = [each["detail"] for each in problem["errors"]]
    (closed,) = await intake.tickets(1)
    assert allowed == closed["allowed"]
    assert {"contact-attempts", "follow-up", "note", "reopen", "reply"} <= set(allowed)
    assert not {"resolve", "triage", "split", "merge", "propose-meeting"} & set(allowed)


async def test_a_call_logged_late_keeps_the_time_it_was_made(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    await asyncio.sleep(0.05)  # noqa: TID251 - a moment between the opening and the call
    made_at = intake.clock.now()
    await asyncio.sleep(0.05)  # noqa: TID251
    answer = await do(
        intake, ticket["id"], "contact-attempts", reached=True, occurred_at=made_at.isoformat()
    )
    assert answer.is_success
    (_, fact) = await intake.facts(ticket["id"])
    assert fact["data"]["occurred_at"] == made_at.isoformat().replace("+00:00", "Z")
    assert fact["data"]["recorded_at"] > fact["data"]["occurred_at"]


async def test_a_fact_from_the_future_or_from_before_the_ticket_is_refused(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    now = intake.clock.now()
    future = (now + timedelta(minutes=5)).isoformat()
    answer = await do(intake, ticket["id"], "note", text="x", occurred_at=future)
    assert answer.status_code == 422
    assert "in the future" in answer.json()["detail"]
    past = (now - timedelta(hours=5)).isoformat()
    answer = await do(intake, ticket["id"], "note", text="x", occurred_at=past)
    assert answer.json()["type"] == "urn:pledge:problem:before_opening"
    answer = await do(intake, ticket["id"], "note", text="x", occurred_at="2026-11-22T00:00:00")
    assert answer.status_code == 422  # no zone


async def test_wrong_values_are_refused_in_words(intake: Intake, ticket: dict[str, Any]) -> None:
    answer = await do(intake, ticket["id"], "triage", severity="p9")
    assert answer.status_code == 422
    assert "p1, p2, p3" in answer.json()["detail"]
    assert (await do(intake, ticket["id"], "triage", severty="p1")).status_code == 422
    assert (await do(intake, ticket["id"], "note", text="")).status_code == 422
    assert (await do(intake, ticket["id"], "note", text="a\0b")).is_success
    async with intake.http("agent") as client:
        half = await client.post(
            f"/tickets/{ticket['id']}/note",
            content=b'{"text": "half a pair \\ud800"}',
            headers={"content-type": "application/json"},
        )
        assert half.status_code in {200, 422}
    assert (await do(intake, "VIR-99999", "note", text="x")).status_code == 404
    assert (await do(intake, "no such thing", "note", text="x")).status_code == 404


async def test_commands_at_the_same_time_follow_one_another(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    answers = await asyncio.gather(
        *(do(intake, ticket["id"], "note", text=f"note {n}") for n in range(20)),
        *(do(intake, ticket["id"], "resolve") for _ in range(5)),
    )
    assert sorted(each.status_code for each in answers) == [200] * 21 + [409] * 4
    told = await intake.published()
    assert [each.envelope.sequence for each in told] == list(range(1, 23))


async def test_a_token_sees_and_does_only_what_it_is_for(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    path = f"/tickets/{ticket['id']}"
    async with intake.http("agent", desks=["demo"]) as client:
        assert (await client.get("/tickets")).json() == {"items": [], "next": None}
        assert (await client.get("/tickets", params={"desk": "vircom"})).json()["items"] == []
        assert (await client.get(path)).status_code == 404
        assert (await client.post(f"{path}/note", json={"text": "x"})).status_code == 404
    async with intake.http("reader", desks=["vircom"]) as client:
        assert (await client.get(path)).status_code == 200
        assert (await client.post(f"{path}/note", json={"text": "x"})).status_code == 403
    async with intake.http() as client:
        assert (await client.get(path)).status_code == 401


async def test_trial_customers_are_at_least_p2(intake: Intake) -> None:
    await intake.mail(a_mail("A question", sender="eve@northwind.example"))
    (ticket,) = await intake.tickets(1)
    assert (ticket["is_trial"], ticket["severity"]) == (True, "p2")
    answer = await do(intake, ticket["id"], "triage", severity="p3")
    assert answer.json()["severity"] == "p2"
    facts = await intake.facts(ticket["id"])
    assert facts[-1]["data"]["requested_severity"] == "p3"


async def test_tickets_are_found_by_page_number_requester_and_words(intake: Intake) -> None:
    for n in range(7):
        await intake.mail(
            a_mail(f"Quarantine {n}%", sender=f"p{n}@contoso.example", message_id=f"<{n}@x.y>")
        )
    await intake.tickets(7)
    async with intake.http("reader") as client:
        seen, cursor = [], None
        while True:
            parameters: dict[str, Any] = {"limit": 3, **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/tickets", params=parameters)).json()
            seen += [each["number"] for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 7

        async def numbers(**parameters: Any) -> int:
            return len((await client.get("/tickets", params=parameters)).json()["items"])

        assert await numbers(q="vir-10003") == 1
        assert await numbers(q="p3@contoso") == 1
        assert await numbers(q="quarantine") == 7
        assert await numbers(q="4%") == 1
        assert await numbers(q="%") == 0  # a mark is no word
        assert await numbers(state="closed") == 0
        assert await numbers(state=["open", "closed"], severity="p3", desk="vircom") == 7
        for wrong in ({"cursor": "x"}, {"state": "opened"}):
            assert (await client.get("/tickets", params=wrong)).status_code == 422


async def test_pages_show_tickets_and_take_forms(intake: Intake, ticket: dict[str, Any]) -> None:
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    browser = {"accept": "text/html"}
    async with intake.http(headers=browser, cookies={"pledge_session": token}) as client:
        page = await client.get("/")
        assert page.status_code == 200
        assert ticket["number"] in page.text
        page = await client.get(f"/tickets/{ticket['number']}", follow_redirects=True)
        assert "Nothing comes in since nine." in page.text
        assert "Goes by mail to Ann ann@contoso.example, as “Re: [VIR-10001]" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"text": "<script>alert(1)</script>", "csrf_token": code}
        path = f"/ticket/{ticket['id']}/note"
        assert (await client.post(path, data={"text": "no code"})).status_code == 403
        page = await client.post(path, data=form, follow_redirects=True)
        assert page.status_code == 200
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        path = f"/ticket/{ticket['id']}/assign"
        form = {"assignee": "bob", "name": "Bob", "csrf_token": code}
        page = await client.post(path, data=form, follow_redirects=True)
        assert "Bob" in page.text
        path = f"/ticket/{ticket['id']}/workaround"
        form = {"text": "Restart it", "is_suitable": "false", "csrf_token": code}
        page = await client.post(path, data=form, follow_redirects=True)
        assert "Restart it" in page.text
    told = await intake.types(ticket["id"])
    assert told == ["opened", "noted", "assigned", "workaround_provided"]


async def test_a_milestone_is_recorded_by_api_and_with_a_click(intake: Intake) -> None:
    await intake.mail(a_mail(), "support@demo.example")
    (ticket,) = await intake.tickets(1)
    body = {"milestone": "service_restored", "note": "relay 2 replaced"}
    async with intake.http("agent") as client:
        path = f"/tickets/{ticket['number']}/milestones"
        first = await client.post(path, json=body, headers={"idempotency-key": "m-1"})
        again = await client.post(path, json=body, headers={"idempotency-key": "m-1"})
        assert (first.status_code, again.status_code) == (200, 200)
        assert [each["title"] for each in again.json()["milestones"]] == ["Service restored"]
        refused = await client.post(path, json=body)
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:pledge:problem:nothing_to_change"
        unknown = await client.post(path, json={"milestone": "technician_on_site"})
        assert unknown.json()["type"] == "urn:pledge:problem:unknown_milestone"
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    browser = {"accept": "text/html"}
    async with intake.http(headers=browser, cookies={"pledge_session": token}) as client:
        page = await client.get(f"/ticket/{ticket['id']}")
        assert '<option value="root_cause_report">Root-cause report given</option>' in page.text
        assert "Service restored (recorded)" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"milestone": "root_cause_report", "occurred_at": "", "csrf_token": code}
        page = await client.post(
            f"/ticket/{ticket['id']}/milestones", data=form, follow_redirects=True
        )
        assert "<dt>Root-cause report given</dt>" in page.text
        other = await client.get("/", params={"desk": "demo"})
        assert other.status_code == 200
    told = await intake.types(ticket["id"])
    assert told == ["opened", "milestone_reached", "milestone_reached"]


async def test_impact_and_urgency_give_the_severity_in_triage_and_the_page_defines_them(
    intake: Intake,
) -> None:
    await intake.mail(a_mail(), "support@demo.example")
    (ticket,) = await intake.tickets(1)
    assert (ticket["severity"], ticket["origin"]) == ("normal", "default")
    async with intake.http("agent") as client:
        path = f"/tickets/{ticket['number']}/triage"
        found = await client.post(path, json={"impact": "everybody", "urgency": "high"})
        assert (found.json()["severity"], found.json()["origin"]) == ("critical", "matrix")
        unknown = await client.post(path, json={"impact": "planet"})
        assert unknown.json()["type"] == "urn:pledge:problem:unknown_impact"
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    browser = {"accept": "text/html"}
    async with intake.http(headers=browser, cookies={"pledge_session": token}) as client:
        page = await client.get(f"/ticket/{ticket['id']}")
        assert "<dd>Work stands still until it is mended.</dd>" in page.text
        assert "everybody, high; they give the severity" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"severity": "normal", "impact": "", "urgency": "low", "csrf_token": code}
        page = await client.post(f"/ticket/{ticket['id']}/triage", data=form, follow_redirects=True)
        assert "everybody, low; the severity was chosen, which comes first" in page.text
        assert "Leave the severity to impact and urgency" in page.text
    facts = await intake.facts(ticket["id"])
    told = [(each["data"]["severity"], each["data"]["is_by_matrix"]) for each in facts]
    assert told == [("normal", False), ("critical", True), ("normal", False)]


async def test_another_due_time_is_agreed_by_api_and_with_a_form(intake: Intake) -> None:
    await intake.mail(a_mail(), "support@demo.example")
    (ticket,) = await intake.tickets(1)
    due = intake.clock.now() + timedelta(days=2)
    number = ticket["number"]
    body = {"metric": "resolution", "due_at": due.isoformat(), "why": "a spare part"}
    answer = await do(intake, number, "revise-due", **body)
    assert answer.status_code == 200
    (agreed,) = answer.json()["agreed"]
    assert (agreed["metric"], agreed["why"]) == ("resolution", "a spare part")
    assert (await do(intake, number, "revise-due", **body | {"metric": "x"})).status_code == 422
    past = (intake.clock.now() - timedelta(minutes=1)).isoformat()
    assert (await do(intake, number, "revise-due", **body | {"due_at": past})).status_code == 422
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    browser = {"accept": "text/html"}
    async with intake.http(headers=browser, cookies={"pledge_session": token}) as client:
        path = f"/ticket/{ticket['id']}"
        page = await client.get(path)
        assert "Resolution, as agreed" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"metric": "resolution", "due_at": "", "why": "it came", "csrf_token": code}
        page = await client.post(f"{path}/revise-due", data=form, follow_redirects=True)
        assert page.status_code == 200
        assert "Resolution, as agreed" not in page.text
        assert "no longer agreed" in page.text
    assert await intake.types(ticket["id"]) == ["opened", "due_revised", "due_revised"]


async def test_a_ticket_is_assigned_to_a_team(intake: Intake) -> None:
    await intake.mail(a_mail(), "support@demo.example")
    (ticket,) = await intake.tickets(1)
    answer = await do(intake, ticket["number"], "assign", assignee=None, team="first_line")
    assert answer.json()["team"] == "first_line"
    assert (await do(intake, ticket["id"], "assign", assignee=None, team="x")).status_code == 422
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    browser = {"accept": "text/html"}
    async with intake.http(headers=browser, cookies={"pledge_session": token}) as client:
        path = f"/ticket/{ticket['id']}"
        page = await client.get(path)
        assert "nobody, team First line" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"assignee": "bob", "team": "second_line", "csrf_token": code}
        page = await client.post(f"{path}/assign", data=form, follow_redirects=True)
        assert "bob, team Second line" in page.text
    told = [each.event for each in await intake.published()]
    teams = [(each.team, each.previous_team) for each in told if isinstance(each, Assigned)]
    assert teams == [("first_line", None), ("second_line", "first_line")]
