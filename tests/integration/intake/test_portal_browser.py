"""The portal in a real browser, on a phone, by keyboard alone."""

from __future__ import annotations

import pytest

from integration.intake.harness import Intake, a_mail
from support.browser import NOT_FOUND, PHONE, Visitor, find_chromium, open_browser, visit
from support.waiting import eventually

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND),
]

SUPPORT = "support@infocyte.example"
FAULT = "Surveys of all hosts fail since this morning with a timeout after ten minutes."


async def press(visitor: Visitor, *keys: str) -> None:
    for key in keys:
        await visitor.page.keyboard.press(key)


async def shown(visitor: Visitor, words: str) -> None:
    await visitor.page.get_by_text(words).first.wait_for()
    content, window = await visitor.widths()
    assert content <= window, f"{words}: the page is wider than a phone"


async def test_a_requester_signs_in_reads_and_answers_on_a_phone_by_keyboard(
    intake: Intake,
) -> None:
    await intake.mail(
        a_mail("Surveys fail", f"Severity: 2\n{FAULT}", sender="ann@fabrikam.example", to=SUPPORT),
        SUPPORT,
    )
    (ticket,) = await intake.tickets(1)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url, viewport=PHONE) as ann:
        page = await ann.open("/my/infocyte")
        await page.get_by_label("Your mail address").focus()
        await page.keyboard.type("ann@fabrikam.example")
        await press(ann, "Tab", "Enter")
        await shown(ann, "a mail with a link is on its way")
        await intake.handled_sign_ins()
        link: str = await intake.pool.fetchval(
            "SELECT data->'variables'->>'link' FROM facts WHERE data->>'template' = 'sign_in'"
        )
        await ann.open(link.removeprefix("http://intake.example"))
        await page.get_by_role("button", name="Sign in").focus()
        await press(ann, "Enter")
        await shown(ann, "Surveys fail")
        await page.get_by_role("link", name=ticket["number"]).focus()
        await press(ann, "Enter")
        await shown(ann, "Information is missing")
        await page.get_by_label("Product", exact=True).focus()
        await page.keyboard.type("Hunt")
        await press(ann, "Tab")
        await page.keyboard.type("3.2, build 17")
        await press(ann, "Tab")
        await page.keyboard.type("Windows 11")
        await press(ann, "Tab", "Tab", "Tab")
        send = page.get_by_role("button", name="Send")
        assert await send.evaluate("it => it === document.activeElement"), "after words and files"
        await press(ann, "Enter")
        await shown(ann, "We have your message")

        async def is_complete() -> bool:
            await page.reload()
            return await page.get_by_text("All information is there").count() == 1

        await eventually(is_complete, what="the answer on the page")
        await ann.open("/my/infocyte/new")
        await shown(ann, "The product cannot be used in production")
        labels = await page.locator("main label").count()
        fields = "main input:not([type=hidden]), main select, main textarea"
        assert labels == await page.locator(fields).count(), "each field has its label"
        assert ann.complaints == []
    (now,) = await intake.tickets(1)
    assert now["missing"] == []
