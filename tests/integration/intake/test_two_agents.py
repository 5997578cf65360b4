"""Two agents at one ticket: the second to answer reads what the first wrote before it goes out."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from integration.intake.harness import Intake, a_mail
from pledge.events import AgentReplied
from support.asking import asker


@pytest.fixture
async def ticket(intake: Intake) -> dict[str, Any]:
    await intake.mail(a_mail())
    (found,) = await intake.tickets(1)
    return found


def browser(intake: Intake, name: str) -> httpx.AsyncClient:
    now = intake.clock.now()
    token = intake.signer.token(now, roles=["agent"], desks="*", sub=name)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    return asker(url, headers={"accept": "text/html"}, cookies={"pledge_session": token})


def hidden(page: str, name: str, action: str = "") -> str:
    form = page.partition(f'/{action}"')[2] if action else page
    return form.partition(f'name="{name}" value="')[2].partition('"')[0]


async def replies(intake: Intake) -> list[str]:
    told = [each.event for each in await intake.published()]
    return [each.text for each in told if isinstance(each, AgentReplied)]


async def test_the_second_answer_is_kept_and_goes_out_only_when_it_is_sent_again(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    path = f"/ticket/{ticket['id']}"
    async with browser(intake, "ann") as ann, browser(intake, "bob") as bob:
        pages = {one: (await one.get(path)).text for one in (ann, bob)}

        async def reply(agent: httpx.AsyncClient, text: str) -> httpx.Response:
            page = pages[agent]
            form = {
                "text": text,
                "csrf_token": hidden(page, "csrf_token"),
                "seen": hidden(page, "seen", "reply"),
            }
            return await agent.post(f"{path}/reply", data=form)

        answers = await asyncio.gather(reply(ann, "Restart it."), reply(bob, "Wait for <us>."))
        assert sorted(each.status_code for each in answers) == [303, 409]
        first, second = (ann, bob) if answers[0].status_code == 303 else (bob, ann)
        (shown,) = [each.text for each in answers if each.status_code == 409]
        name = "ann" if first is ann else "bob"
        assert f"Not done: {name} wrote to the requester while you wrote" in shown
        kept = "Restart it." if second is ann else "Wait for &lt;us&gt;."
        assert f"{kept}</textarea>" in shown
        assert len(await replies(intake)) == 1

        pages[second] = shown
        again = await reply(second, "Restart it, or wait for us.")
        assert again.status_code == 303
        assert (await replies(intake))[-1] == "Restart it, or wait for us."


async def test_words_of_the_requester_stop_an_answer_and_a_note_does_not(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    seen = ticket["sequence"]
    async with intake.http("agent") as client:
        noted = await client.post(f"/tickets/{ticket['id']}/note", json={"text": "Relay 2?"})
        assert noted.status_code == 200
        answer = a_mail(
            text="It works again, since noon.",
            message_id="<two@contoso.example>",
            references=["<one@contoso.example>"],
        )
        await intake.mail(answer)
        await intake.recorded(ticket["id"], "opened", "noted", "requester_replied")
        stopped = await client.post(
            f"/tickets/{ticket['id']}/resolve", json={"resolution": "No fault.", "seen": seen}
        )
        assert stopped.status_code == 409
        problem = stopped.json()
        assert problem["type"] == "urn:pledge:problem:moved_on"
        now = (await client.get(f"/tickets/{ticket['id']}")).json()
        assert now["state"] == "open"
        assert f"seen: {now['sequence']}" in problem["detail"]
        done = await client.post(
            f"/tickets/{ticket['id']}/resolve",
            json={"resolution": "No fault.", "seen": now["sequence"]},
        )
        assert done.json()["state"] == "resolved"


async def test_what_the_same_agent_wrote_stops_nothing(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    async with intake.http("agent") as client:
        for text in ("Restart it.", "And tell us."):
            body = {"text": text, "seen": ticket["sequence"]}
            answer = await client.post(f"/tickets/{ticket['id']}/reply", json=body)
            assert answer.status_code == 200, answer.text
        body = {"into": ticket["number"], "seen": ticket["sequence"]}
        merged = await client.post(f"/tickets/{ticket['id']}/merge", json=body)
        assert merged.status_code == 422
        assert "takes no `seen`" in merged.json()["detail"]


async def test_the_page_tells_notes_from_answers_and_says_who_vouches_for_a_sender(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    async with intake.http("agent") as client:
        for action, text in (("note", "Relay 2 was full."), ("reply", "It is mended.")):
            answer = await client.post(f"/tickets/{ticket['id']}/{action}", json={"text": text})
            assert answer.status_code == 200
    async with browser(intake, "ann") as ann:
        page = (await ann.get(f"/ticket/{ticket['id']}")).text
    opened, noted, replied = (
        page.partition(f'id="fact-{number}"')[2].partition("</li>")[0] for number in (1, 2, 3)
    )
    assert "&lt;ann@contoso.example&gt;" in opened
    assert "sender not checked" in opened
    assert "within the desk" in noted
    assert "within the desk" not in replied


async def test_what_is_missing_is_asked_for_and_people_are_brought_in_by_form(
    intake: Intake, ticket: dict[str, Any]
) -> None:
    path = f"/ticket/{ticket['id']}"
    async with browser(intake, "ann") as ann:
        page = (await ann.get(path)).text
        code = {"csrf_token": hidden(page, "csrf_token")}
        forms = {
            "request-information": {"missing": "log\r\nversion", "seen": "1"},
            "complete-information": {"fields": "log: attached\r\nversion: 8.4"},
            "participants": {"add": "eve@contoso.example"},
            "scope": {"scope": "best_effort", "why": "DNS"},
        }
        for action, form in forms.items():
            answer = await ann.post(f"{path}/{action}", data={**form, **code})
            assert answer.status_code == 303, (action, answer.text)
    (now,) = await intake.tickets(1)
    assert now["information"] == {"log": "attached", "version": "8.4"}
    assert [each["email"] for each in now["participants"]] == ["eve@contoso.example"]
    assert now["scope"] == "best_effort"
