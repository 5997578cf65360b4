"""What customers set, read and confirm, in a real browser on a phone: each page fits, each field
has its label, and nothing is complained of."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.application.documentation import keep, read_documentation
from intake.desk_file.load import load_desk
from integration.intake.harness import Intake, a_mail
from support.browser import NOT_FOUND, PHONE, Visitor, find_chromium, open_browser, visit
from support.cluster import ROOT

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND),
]

FAULT = "Adatum Field Service: nobody can sign in to the console since nine o'clock."
ADA = "ada@adatum.example"


async def is_fine(visitor: Visitor, words: str) -> None:
    page = visitor.page
    await page.get_by_text(words).first.wait_for()
    content, window = await visitor.widths()
    assert content <= window, f"{words}: the page is wider than a phone"
    unlabelled = await page.evaluate(
        "[...document.querySelectorAll('main input, main select, main textarea')]"
        ".filter(each => each.type !== 'hidden' && !each.hidden && !each.labels.length)"
        ".map(each => each.name)"
    )
    assert unlabelled == []
    assert visitor.complaints == []


async def sign_in(intake: Intake, visitor: Visitor, desk: str, address: str) -> None:
    page = await visitor.open(f"/my/{desk}")
    await page.get_by_label("Your mail address").fill(address)
    await page.get_by_role("button", name="Mail me a link").click()
    await intake.handled_sign_ins()
    link: str = await intake.pool.fetchval(
        "SELECT data->'variables'->>'link' FROM facts WHERE data->>'template' = 'sign_in'"
        " ORDER BY occurred_at DESC LIMIT 1"
    )
    await visitor.open(link.removeprefix("http://intake.example"))
    await page.get_by_role("button", name="Sign in").click()


async def link_of(intake: Intake, template: str) -> str:
    link: str = await intake.pool.fetchval(
        "SELECT data->'variables'->>'link' FROM facts WHERE data->>'template' = $1", template
    )
    return link.removeprefix("http://intake.example")


async def test_documentation_copies_and_maintenance_on_a_phone(intake: Intake) -> None:
    desk, _ = load_desk(ROOT / "deploy" / "desks" / "sightcall" / "intake.yaml")
    assert desk is not None
    assert desk.documentation is not None
    folder = Path(ROOT / "deploy" / "desks" / "sightcall")
    loaded = await read_documentation(desk.documentation, folder)
    await keep(intake.pool, desk, loaded, intake.clock.now())
    await intake.mail(
        a_mail("No sign-in", FAULT, sender=ADA, to="support@sightcall.example"),
        "support@sightcall.example",
    )
    (ticket,) = await intake.tickets(1)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url, viewport=PHONE) as ada:
        page = ada.page
        await sign_in(intake, ada, "sightcall", ADA)
        await is_fine(ada, "Your requests")
        await ada.open(f"/my/sightcall/{ticket['number']}")
        await page.get_by_label("Mail address of a colleague").fill("eve@adatum.example")
        await page.get_by_role("button", name="Add").click()
        await is_fine(ada, "eve@adatum.example")
        await ada.open("/my/sightcall/new?form=fault")
        await page.get_by_label("Subject").fill("Nobody can sign in")
        await page.get_by_label("Use case and kind of session").select_option("Administration")
        await page.get_by_label("Device and operating system of the agent").fill("any")
        await page.get_by_label("What happens, and since when").fill("Signing in fails for all.")
        await is_fine(ada, "Something does not work")
        await page.get_by_role("button", name="Send").click()
        await is_fine(ada, "Is it answered already?")
        await page.get_by_role("button", name="Send my request").click()
        await is_fine(ada, "We have your request")
        await ada.open("/my/sightcall/maintenance")
        await page.get_by_label("From (Europe/Paris)").fill("2099-03-04T10:00")
        await is_fine(ada, "No maintenance lies ahead")


async def test_offers_and_ratings_on_a_phone(intake: Intake) -> None:
    await intake.mail(a_mail("An upgrade", "Please upgrade us."))
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as agent:
        at = f"/tickets/{ticket['id']}"
        body = {"service": "upgrade", "text": "Two servers, on a Sunday."}
        assert (await agent.post(f"{at}/offer-services", json=body)).is_success
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url, viewport=PHONE) as ann:
        await ann.open(await link_of(intake, "services_offered"))
        await is_fine(ann, "180 USD an hour")
        await ann.page.get_by_role("button", name="Confirm: start the work").click()
        await is_fine(ann, "It is confirmed, and we start.")
    words = "Product: Hunt 3.2, build 17\nOS: Windows 11\nSurveys hang since Monday, at noon."
    await intake.mail(
        a_mail("Surveys hang", words, to="support@infocyte.example", message_id="<2@x.example>"),
        "support@infocyte.example",
    )
    (other,) = await intake.tickets(1, desk="infocyte")
    async with intake.http("agent") as agent:
        assert (await agent.post(f"/tickets/{other['id']}/close", json={})).is_success
    async with open_browser() as browser, visit(browser, url, viewport=PHONE) as ann:
        await ann.open(await link_of(intake, "rating_request"))
        await is_fine(ann, "How did we do")
        await ann.page.get_by_role("button", name="5, very good").click()
        await is_fine(ann, "Thank you, we have your rating.")
