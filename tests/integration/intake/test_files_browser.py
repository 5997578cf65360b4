"""Files in a real browser: pictures are shown, others saved, and what is attached goes along."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from integration.intake.harness import Intake, a_mail
from support.browser import DESKTOP, NOT_FOUND, PHONE, find_chromium, open_browser, visit

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGP8z4APMOGVHSzSgxIAJjkBDz1mQ3wA"
    "AAAASUVORK5CYII="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "ran"</script></svg>'


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_an_agent_sees_pictures_and_attaches_a_file_past_somebody_elses_answer(
    intake: Intake, tmp_path: Path
) -> None:
    mail = a_mail("With files")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="screen.png")
    mail.add_attachment(SVG, maintype="image", subtype="svg+xml", filename="drawing.svg")
    await intake.mail(mail)
    (ticket,) = await intake.tickets(1)
    steps = tmp_path / "steps.txt"
    steps.write_text("First restart it.")
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="bob")
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url, token) as ann:
        page = await ann.open(f"/ticket/{ticket['id']}")
        picture = page.locator("ul.files img")
        await expect(picture).to_have_count(1)
        await picture.scroll_into_view_if_needed()
        await page.wait_for_function("document.querySelector('ul.files img').naturalWidth > 0")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="drawing.svg").click()
        saved = await (await download.value).path()
        assert Path(saved).read_bytes() == SVG
        async with page.expect_download() as download:
            await page.get_by_role("link", name="The message as it came").click()
        assert (await download.value).suggested_filename == f"{ticket['number']}-1.eml"
        await page.locator("summary", has_text="Reply to the requester").click()
        await page.get_by_role("textbox", name="To the requester").fill("See the file.")
        await page.locator("#reply-files").set_input_files(steps)
        # Somebody else is first.
        async with intake.http("agent") as other:
            reply = {"text": "Wait."}
            assert (await other.post(f"/tickets/{ticket['id']}/reply", json=reply)).is_success
        await page.get_by_role("button", name="Reply to the requester").click()
        await expect(page.get_by_text("steps.txt goes with it")).to_be_visible()
        await page.get_by_role("button", name="Send all the same").click()
        await expect(page.get_by_role("link", name="steps.txt")).to_be_visible()
        for name, size in (("wide", DESKTOP), ("phone", PHONE)):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            content, window = await ann.widths()
            assert content <= window
            if folder := os.environ.get("SHOTS"):
                await page.screenshot(path=f"{folder}/{name}.png", full_page=True)
        # The browser tells of the answer that was not sent, a 409, and of nothing else.
        assert [each for each in ann.complaints if "409" not in each] == []


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_a_mails_html_is_shown_with_its_own_pictures_and_runs_nothing(
    intake: Intake,
) -> None:
    mail = a_mail("With pictures")
    mail.add_alternative(
        '<h2>Since nine</h2><p>This is what I see:</p><img src="cid:own@x" width="80" height="80">'
        '<img src="https://elsewhere.example/a.png"><a href="https://x.example/">more</a>'
        "<script>document.title = 'ran'</script><form action='/sign-out'><button>Go</button></form>"
        + "<table><tr>" + "<td>a wide table that goes on and on</td>" * 12 + "</tr></table>",
        subtype="html",
    )  # fmt: skip
    mail.add_attachment(
        PNG, maintype="image", subtype="png", filename="o.png", disposition="inline", cid="<own@x>"
    )
    await intake.mail(mail)
    (ticket,) = await intake.tickets(1)
    token = intake.signer.token(intake.clock.now(), roles=["reader"], desks="*", sub="bob")
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    for name, look in (
        ("wide", {"viewport": DESKTOP}),
        ("phone", {"viewport": PHONE, "color_scheme": "dark"}),
    ):
        async with open_browser() as browser, visit(browser, url, token, **look) as ann:
            page = await ann.open(f"/ticket/{ticket['id']}")
            await page.get_by_role("link", name="Show its HTML").click()
            shown = page.get_by_role("article", name="The message as sent")
            await expect(shown.get_by_role("heading", name="Since nine")).to_be_visible()
            picture = shown.locator("img[src]")
            await expect(picture).to_have_count(1)
            natural = await picture.evaluate("it => it.naturalWidth")
            assert natural == 8, "the picture of the mail itself is there"
            await expect(shown.get_by_role("button")).to_have_count(0)
            assert "ran" not in await page.title()
            await expect(page.get_by_text("1 picture from elsewhere is left out")).to_be_visible()
            content, window = await ann.widths()
            assert content <= window
            if folder := os.environ.get("SHOTS"):
                await page.screenshot(path=f"{folder}/message-{name}.png", full_page=True)
            assert ann.complaints == []
            await page.get_by_role("link", name=ticket["number"]).click()
            await expect(page).to_have_url(re.compile(r"/ticket/[^/]+#fact-1$"))
