"""What an agent writes is kept until it is sent, for them alone; others see that they write."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from integration.intake.harness import Intake, a_mail
from integration.intake.test_queue_pages import agent
from pledge.events import EXCERPT_LENGTH
from support.browser import NOT_FOUND, PHONE, find_chromium, open_browser, visit
from support.waiting import eventually

SCRIPT = {"accept": "application/json"}


async def code_of(client: httpx.AsyncClient, page: str) -> dict[str, str]:
    """The form's code, as the page has it."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get(page)).text)
    assert found is not None
    return {"csrf_token": found[1]}


def draft_in(page: str, label: str = "To the requester") -> str:
    """What the form of the page holds."""
    found = re.search(rf"<label>{label} <textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


async def kept(intake: Intake) -> list[tuple[str, str]]:
    rows = await intake.pool.fetch("SELECT agent, text FROM drafts ORDER BY agent")
    return [(row["agent"], row["text"]) for row in rows]


async def test_a_draft_is_kept_for_its_agent_until_it_is_sent(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    page = f"/ticket/{ticket['id']}"
    words = 'Dear Ann,\n<b>we</b> are "on" it'
    async with agent(intake) as kim:
        code = await code_of(kim, page)
        sent = {"text": words, "seen_by_draft": "1", **code}
        # Without scripts the form's own button leads back to the page.
        answer = await kim.post(f"{page}/drafts/reply", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        shown = (await kim.get(page)).text
        assert draft_in(shown) == words
        assert "Your draft, saved" in shown
        assert draft_in(shown, "For the desk") == ""
        changed = {**sent, "text": f"{words}."}
        assert (
            await kim.post(f"{page}/drafts/reply", data=changed, headers=SCRIPT)
        ).status_code == 204
        other = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="lee")
        async with intake.http(
            headers={"accept": "text/html"}, cookies={"pledge_session": other}
        ) as lee:
            shown = (await lee.get(page)).text
            assert draft_in(shown) == ""
            assert "kim is writing an answer" in shown
        # A bulk note of the same agent leaves the draft alone; sending the form ends it.
        async with intake.http("agent") as api:
            path = f"/tickets/{ticket['id']}/note"
            assert (await api.post(path, json={"text": "by a program"})).is_success
        assert await kept(intake) == [("kim", f"{words}.")]
        reply = {"text": f"{words}.", "seen": "2", **code}
        assert (await kim.post(f"{page}/reply", data=reply)).status_code == 303
        assert await kept(intake) == []
        # What the browser saved a moment too late does not come back.
        late = await kim.post(f"{page}/drafts/reply", data=changed, headers=SCRIPT)
        assert late.status_code == 409
        assert await kept(intake) == []
        new = {**changed, "seen_by_draft": "4", "text": "One more thing"}
        assert (await kim.post(f"{page}/drafts/reply", data=new, headers=SCRIPT)).is_success
        assert await kept(intake) == [("kim", "One more thing")]
        assert (
            await kim.post(f"{page}/drafts/reply", data={**new, "text": " "}, headers=SCRIPT)
        ).is_success
        assert await kept(intake) == [], "given up"


async def test_an_answer_that_is_stopped_keeps_its_draft(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    page = f"/ticket/{ticket['id']}"
    async with agent(intake) as kim:
        code = await code_of(kim, page)
        sent = {"text": "Mine", "seen_by_draft": "1", **code}
        assert (await kim.post(f"{page}/drafts/reply", data=sent, headers=SCRIPT)).is_success
        async with intake.http("agent") as api:
            path = f"/tickets/{ticket['id']}/reply"
            assert (await api.post(path, json={"text": "Theirs"})).is_success
        answer = await kim.post(f"{page}/reply", data={"text": "Mine", "seen": "1", **code})
        assert answer.status_code == 409
        assert draft_in(answer.text) == "Mine"
        assert await kept(intake) == [("kim", "Mine")]


async def test_drafts_are_refused_where_nothing_may_be_written(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    page = f"/ticket/{ticket['id']}"
    good = {"text": "x", "seen_by_draft": "1"}
    async with agent(intake) as kim:
        code = await code_of(kim, page)
        for kind, changes, status in (
            ("reply", {"csrf_token": "x"}, 403),
            ("close", {}, 404),
            ("reply", {"seen_by_draft": "-1"}, 422),
            ("reply", {"seen_by_draft": "9" * 30}, 422),
            ("reply", {"text": "x" * (EXCERPT_LENGTH + 1)}, 422),
        ):
            sent = {**good, **code, **changes}
            answer = await kim.post(f"{page}/drafts/{kind}", data=sent, headers=SCRIPT)
            assert answer.status_code == status, (kind, changes)
        nul = await kim.post(f"{page}/drafts/note", data={**good, **code, "text": "a\0b"})
        assert nul.status_code == 303
        assert await kept(intake) == [("kim", "a\ufffdb")]
    async with agent(intake, desks=["demo"]) as stranger:
        sent = {**good, **await code_of(stranger, "/")}
        assert (await stranger.post(f"{page}/drafts/reply", data=sent)).status_code == 404
    async with agent(intake, role="reader") as reader:
        sent = {**good, **await code_of(reader, "/")}
        assert (await reader.post(f"{page}/drafts/reply", data=sent)).status_code == 403


async def test_a_draft_saved_while_it_is_sent_does_not_survive(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    page = f"/ticket/{ticket['id']}"
    async with agent(intake) as kim:
        code = await code_of(kim, page)
        for number in range(8):
            seen = str((await intake.tickets(1))[0]["sequence"])
            draft = {"text": f"Draft {number}", "seen_by_draft": seen, **code}
            reply = {"text": f"Draft {number}", "seen": seen, **code}
            saves = [kim.post(f"{page}/drafts/reply", data=draft, headers=SCRIPT) for _ in range(3)]
            await asyncio.gather(kim.post(f"{page}/reply", data=reply), *saves)
            assert await kept(intake) == []


async def test_drafts_that_nobody_goes_on_with_are_forgotten(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    page = f"/ticket/{ticket['id']}"
    for agent_id, days in (("ann", 91), ("bob", 89)):
        await intake.pool.execute(
            "INSERT INTO drafts VALUES ('vircom', $1, $2, 'reply', 'old', $3)",
            ticket["id"], agent_id, intake.clock.now() - timedelta(days=days),
        )  # fmt: skip
    async with agent(intake) as kim:
        assert "is writing" not in (await kim.get(page)).text
        sent = {"text": "x", "seen_by_draft": "1", **await code_of(kim, page)}
        assert (await kim.post(f"{page}/drafts/reply", data=sent, headers=SCRIPT)).is_success
    assert await kept(intake) == [("bob", "old"), ("kim", "x")]


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_a_browser_keeps_what_is_written_and_shows_it_on_another_device(
    intake: Intake,
) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    phone: dict[str, Any] = {"viewport": PHONE, "color_scheme": "dark"}
    async with open_browser() as browser:
        async with visit(browser, url, token) as desk:
            page = await desk.open(f"/ticket/{ticket['id']}")
            await page.keyboard.press("r")
            await page.keyboard.type("We look into")
            await expect(page.get_by_text("Draft saved.")).to_be_visible()
            await page.keyboard.type(" it.")
            await page.get_by_role("link", name="All tickets").click()  # at once

            async def is_saved() -> bool:
                return await kept(intake) == [("kim", "We look into it.")]

            await eventually(is_saved, what="the end of what was written")
            assert desk.complaints == []
        async with visit(browser, url, token, **phone) as way:
            page = await way.open(f"/ticket/{ticket['id']}")
            await page.locator("summary", has_text="Reply to the requester").click()
            field = page.get_by_role("textbox", name="To the requester")
            await expect(field).to_have_value("We look into it.")
            content, window = await way.widths()
            assert content <= window
            await page.get_by_role("button", name="Reply to the requester").click()
            await expect(page.get_by_text("agent replied")).to_be_visible()
            assert way.complaints == []
    assert await kept(intake) == []


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_a_canned_answer_is_inserted_by_the_keyboard_and_becomes_the_draft(
    intake: Intake,
) -> None:
    demo = "support@demo.example"
    await intake.mail(a_mail("It <hangs>", sender="Ann <ann@contoso.example>", to=demo), demo)
    (ticket,) = await intake.tickets(1)
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url, token) as kim:
        page = await kim.open(f"/ticket/{ticket['id']}")
        await page.keyboard.press("r")
        await page.keyboard.type("First: ")
        await page.keyboard.press("Escape")
        await page.keyboard.press("i")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Insert: Restart first")).to_be_focused()
        await page.keyboard.press("Enter")
        field = page.get_by_role("textbox", name="To the requester")
        await expect(field).to_be_focused()
        written = await field.input_value()
        assert written.startswith("First: Dear Ann,\n\nplease restart the program once")
        assert 'whether "It <hangs>" still happens.\n\nKind regards, kim' in written
        await expect(page.get_by_text("Draft saved.")).to_be_visible()
        assert await kept(intake) == [("kim", written)]
        await page.keyboard.press("Control+z")
        await expect(field).to_have_value("First: ")
        assert kim.complaints == []
    # Without scripts the texts stand there to be copied.
    async with agent(intake) as client:
        assert (
            "please restart the program once" in (await client.get(f"/ticket/{ticket['id']}")).text
        )
