"""axe finds nothing on the pages of agents and requesters, wide and in light as on a dark phone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, Route

from integration.intake.harness import Intake, a_mail
from integration.intake.test_bounces import INFOCYTE, MINUTE, told
from pledge.events import EmailFailed, EmailRequested
from support.axe import violations
from support.browser import (
    DESKTOP,
    NOT_FOUND,
    PHONE,
    Visitor,
    find_chromium,
    open_browser,
    visit,
)
from support.node_packages import NoPackages, node_packages

LOOKS: tuple[dict[str, Any], ...] = (
    {"viewport": DESKTOP},
    {"viewport": PHONE, "color_scheme": "dark"},
)


@pytest.fixture(scope="module", autouse=True)
def _has_axe() -> None:
    if find_chromium() is None:
        pytest.skip(NOT_FOUND)
    try:
        node_packages()
    except NoPackages as error:
        pytest.skip(f"axe is not at hand: {error}")


async def a_full_ticket(intake: Intake) -> dict[str, Any]:
    """A ticket with what a page can have: files, HTML, a reply that did not arrive, drafts."""
    mail = a_mail("It hangs", sender="Ann <ann@fabrikam.example>", to=INFOCYTE)
    mail.add_alternative("<h2>Since nine</h2><img src='https://x.example/a.png'>", subtype="html")
    mail.add_attachment(b"line", maintype="text", subtype="plain", filename="log.txt")
    await intake.mail(mail, INFOCYTE)
    notice = a_mail(
        "Backup failed", sender="robot@contoso.example", to=INFOCYTE, message_id="<n@x.example>",
        Auto_Submitted="auto-replied",
    )  # fmt: skip
    await intake.mail(notice, INFOCYTE)
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as client:
        path = f"/tickets/{ticket['id']}"
        assert (await client.post(f"{path}/reply", json={"text": "We look"})).is_success
        assert (await client.post(f"{path}/note", json={"text": "Known"})).is_success
    mails = [
        each["data"]["email_id"] for each in await intake.facts(ticket["id"])
        if each["type"] == EmailRequested.TYPE
    ]  # fmt: skip
    now = intake.clock.now()
    refused = EmailFailed(
        desk="infocyte", recorded_at=now, occurred_at=now + MINUTE, ticket_id=UUID(ticket["id"]),
        ticket_number=ticket["number"], recipient="ann@fabrikam.example",
        message_id=UUID(mails[-1]), reason="unknown_recipient", detail="550 no such user",
    )  # fmt: skip
    await told(intake, refused)
    for agent, kind in (("kim", "reply"), ("lee", "reply")):
        await intake.pool.execute(
            "INSERT INTO drafts VALUES ('infocyte', $1, $2, $3, 'A draft', now())",
            ticket["id"], agent, kind,
        )  # fmt: skip
    return ticket


async def checked(visitor: Visitor, *paths: str, leave_out: str = "") -> None:
    """Nothing is found on these pages; what a mail's writer left out of the mail is theirs."""
    for path in paths:
        page = await visitor.open(path)
        await all_open(page)
        assert await violations(page, leave_out=leave_out) == [], path
    assert visitor.complaints == []


async def all_open(page: Page) -> None:
    """Unfold what is folded, of a group that opens one at a time all the same."""
    await page.evaluate(
        "for (const it of document.querySelectorAll('details'))"
        " { it.removeAttribute('name'); it.open = true; }"
    )


async def without_policy(route: Route) -> None:
    """Answer with the page, but let axe's timers run on it."""
    answer = await route.fetch()
    headers = {
        name: value for name, value in answer.headers.items() if name != "content-security-policy"
    }
    await route.fulfill(response=answer, headers=headers)


async def test_the_pages_of_agents(intake: Intake) -> None:
    ticket = await a_full_ticket(intake)
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    path = f"/ticket/{ticket['id']}"
    async with open_browser() as browser:
        for look in LOOKS:
            async with visit(browser, url, token, **look) as kim:
                await checked(kim, "/", "/?q=nothing", "/deliveries", path)
                await (await kim.open(path)).keyboard.press("?")
                assert await violations(kim.page) == [], "the list of keys"
                await kim.page.route("**/message/1", without_policy)
                await checked(kim, f"{path}/message/1", leave_out=".as-sent > *")


async def test_the_pages_of_requesters(intake: Intake) -> None:
    ticket = await a_full_ticket(intake)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    async with open_browser() as browser, visit(browser, url) as ann:
        await checked(ann, "/my/infocyte")
        await ann.page.get_by_label("Your mail address").fill("ann@fabrikam.example")
        await ann.page.keyboard.press("Enter")
        await ann.page.get_by_text("a mail with a link is on its way").wait_for()
        assert await violations(ann.page) == []
        await intake.handled_sign_ins()
        link: str = await intake.pool.fetchval(
            "SELECT data->'variables'->>'link' FROM facts WHERE data->>'template' = 'sign_in'"
        )
        await ann.open(link.removeprefix("http://intake.example"))
        assert await violations(ann.page) == []
        await ann.page.get_by_role("button", name="Sign in").click()
        await ann.page.get_by_role("link", name=ticket["number"]).wait_for()
        for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
            await ann.page.set_viewport_size({"width": size["width"], "height": size["height"]})
            await ann.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            own = f"/my/infocyte/{ticket['number']}"
            await checked(ann, "/my/infocyte", own, "/my/infocyte/new")
