"""The agents' queue: what is due, in views and filters, in bulk, and live in a real browser."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.async_api import Page, expect

from integration.intake.harness import Intake, a_mail
from pledge.events import PromiseBreached, TimerEvent, TimerPaused, TimerStarted, originate
from pledge.events.codec import encode
from pledge.runtime.records import Message
from support import topics
from support.browser import NOT_FOUND, PHONE, Visitor, find_chromium, open_browser, visit
from support.waiting import eventually

HOUR = timedelta(hours=1)
BROWSER = {"accept": "text/html"}


async def some_tickets(intake: Intake, count: int) -> list[dict[str, Any]]:
    for number in range(count):
        mail = a_mail(
            f"Case {number}", sender=f"p{number}@contoso.example", message_id=f"<{number}@x>"
        )
        await intake.mail(mail)
    return sorted(await intake.tickets(count), key=lambda each: str(each["subject"]))


async def promise(
    intake: Intake,
    ticket: dict[str, Any],
    kind: type[TimerEvent] | type[PromiseBreached] = TimerStarted,
    sequence: int = 1,
    **fields: Any,
) -> None:
    now = intake.clock.now()
    values: dict[str, Any] = {
        "desk": ticket["desk"],
        "occurred_at": now,
        "recorded_at": now,
        "ticket_id": UUID(ticket["id"]),
        "ticket_number": ticket["number"],
        "metric": "first_response",
        "target": "2 hours",
        "policy_version": "v1",
        "reason": "opened",
        **fields,
    }
    if kind is PromiseBreached:
        due: datetime = values["due_at"]
        values |= {"breach_id": intake.ids.new(), "breached_at": due, "detected_at": now}
    event = kind(**values)
    told = encode(
        event, originate(event, source="/sla", id=str(intake.ids.new()), sequence=sequence)
    )
    message = Message(told.topic, told.key, told.value, told.headers)
    await topics.publish(intake.kafka, [message])


def agent(intake: Intake, desks: Any = "*", role: str = "agent") -> httpx.AsyncClient:
    token = intake.signer.token(intake.clock.now(), roles=[role], desks=desks, sub="kim")
    return intake.http(headers=BROWSER, cookies={"pledge_session": token})


async def numbers(client: httpx.AsyncClient, path: str = "/", **asked: str) -> list[str]:
    page = await client.get(path, params=asked)
    assert page.status_code == 200, page.text
    return re.findall(r'<td><a href="/ticket/[^"]+">([^<]+)</a>', page.text)


async def test_the_queue_goes_by_what_is_due_next_and_has_views_filters_and_pages(
    intake: Intake,
) -> None:
    first, second, third, fourth = await some_tickets(intake, 4)
    now = intake.clock.now()
    await promise(intake, first, due_at=now + 3 * HOUR)
    await promise(intake, second, due_at=now + HOUR)
    await promise(intake, second, sequence=2, metric="resolution", due_at=now + 9 * HOUR)
    await promise(intake, third, due_at=now - HOUR)
    await promise(intake, third, PromiseBreached, due_at=now - HOUR)
    await promise(intake, fourth, TimerPaused, due_at=None, reason="waiting_on_customer")
    async with intake.http("agent") as api:
        path = f"/tickets/{second['id']}/assign"
        assert (await api.post(path, json={"assignee": "kim"})).status_code == 200
        path = f"/tickets/{fourth['id']}/wait"
        assert (await api.post(path, json={"waiting_for": "customer"})).status_code == 200
    order = [each["number"] for each in (third, second, first, fourth)]
    async with agent(intake) as client:

        async def is_in_order() -> bool:
            return await numbers(client) == order

        await eventually(is_in_order, what="the queue by due times")
        assert await numbers(client, view="mine") == [second["number"]]
        assert second["number"] not in await numbers(client, view="unassigned")
        assert await numbers(client, view="breached") == [third["number"]]
        assert await numbers(client, view="waiting") == [fourth["number"]]
        assert await numbers(client, assignee="kim", state="open") == [second["number"]]
        assert await numbers(client, q="case 2") == [third["number"]]
        assert await numbers(client, q="contoso", sort="oldest", view="breached") == [
            third["number"]
        ]
        tickets = sorted((first, second, third, fourth), key=lambda each: str(each["id"]))
        newest = [each["number"] for each in tickets[::-1]]
        assert await numbers(client, sort="newest") == newest
        assert await numbers(client, channel="chat") == []
        assert await numbers(client, desk="infocyte") == []
        for wrong in ({"state": "x"}, {"sort": "x"}, {"cursor": "x"}, {"view": "x"}):
            assert (await client.get("/", params=wrong)).status_code == 422
    async with agent(intake, desks=["infocyte"]) as stranger:
        assert await numbers(stranger) == []
        assert await numbers(stranger, q="case") == []
        assert await numbers(stranger, path="/queue/rows", desk="vircom") == []


async def test_bulk_actions_say_what_each_ticket_refuses_and_are_done_once(
    intake: Intake,
) -> None:
    first, second, third, fourth = await some_tickets(intake, 4)
    async with intake.http("agent") as api:
        assert (await api.post(f"/tickets/{third['id']}/close", json={})).status_code == 200
    async with agent(intake, desks=["vircom"]) as client:
        page = (await client.get("/")).text

        def hidden(name: str) -> str:
            return page.partition(f'name="{name}" value="')[2].partition('"')[0]

        form: dict[str, Any] = {
            "csrf_token": hidden("csrf_token"),
            "key": hidden("key"),
            "back": "/?view=unassigned",
            "ticket": [first["id"], second["id"], third["id"]],
            "action": "resolve",
            "resolve.resolution": "The relay was <restarted>.",
            "assign.assignee": "somebody",
        }
        assert (
            await client.post("/queue/bulk", data={**form, "csrf_token": "x"})
        ).status_code == 403
        merge = {**form, "key": "other", "action": "merge", "merge.into": second["number"]}
        merged = await client.post(
            "/queue/bulk", data=merge | {"ticket": [fourth["id"], second["id"]]}
        )
        assert "Done with 1, refused by 1" in merged.text
        done = await client.post("/queue/bulk", data=form)
        assert "Done with 2, refused by 1" in done.text
        assert "the ticket is closed" in done.text
        assert 'href="/?view=unassigned"' in done.text
        again = await client.post("/queue/bulk", data=form)
        assert "Done with 2, refused by 1" in again.text
        mistakes: tuple[dict[str, Any], ...] = (
            {"action": "split"},
            {"ticket": []},
            {"ticket": [str(UUID(int=n)) for n in range(101)]},
            {"action": "merge", "merge.into": ""},
        )
        for wrong in mistakes:
            assert (await client.post("/queue/bulk", data={**form, **wrong})).status_code == 422
        elsewhere = await client.post("/queue/bulk", data={**form, "back": "//evil.example"})
        assert "evil" not in elsewhere.text
    for ticket in (first, second):
        told = await intake.types(ticket["id"])
        assert told.count("resolved") == 1
    assert "assigned" not in await intake.types(first["id"])
    async with agent(intake, desks=["infocyte"]) as stranger:
        page = (await stranger.get("/")).text
        form = {**form, "key": "k3", "csrf_token": hidden("csrf_token")}
        refused = await stranger.post("/queue/bulk", data=form)
        assert "Nothing was done" in refused.text
        assert first["number"] not in refused.text
    async with agent(intake, role="reader") as reader:
        assert 'name="action"' not in (await reader.get("/")).text


async def press(visitor: Visitor, *keys: str) -> None:
    for key in keys:
        await visitor.page.keyboard.press(key)


async def is_live(page: Page) -> None:
    await expect(page.locator("#live")).to_have_text("Live", timeout=20_000)


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_an_agent_works_by_the_keyboard_and_sees_what_others_do(intake: Intake) -> None:
    first, second, third = await some_tickets(intake, 3)
    now = intake.clock.now()
    for place, ticket in enumerate((first, second, third), start=1):
        await promise(intake, ticket, due_at=now + place * HOUR)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    async with open_browser() as browser, visit(browser, url, token) as kim:
        page = await kim.open("/")
        await is_live(page)
        row = page.locator(f"#t-{first['id']}")
        left = row.locator("[data-due]")
        await expect(left).to_have_text(re.compile(r"^\d\d\smin\s\d\d\ss$"), timeout=20_000)
        shown = await left.text_content()
        await expect(left).not_to_have_text(shown or "", timeout=5_000)  # it counts
        # Another page of the same browser lives from the same stream.
        other = await kim.context.new_page()
        await other.goto(f"{url}/?view=unassigned")
        await is_live(other)
        await promise(intake, third, TimerStarted, sequence=2, due_at=now + HOUR / 2)
        await expect(page.locator("#rows > tr").first).to_contain_text(
            third["number"], timeout=20_000
        )
        await expect(other.locator("#rows > tr").first).to_contain_text(
            third["number"], timeout=20_000
        )
        await other.close()

        await press(kim, "j", "x", "j", "x")
        await expect(page.locator("#selected")).to_have_text("(2)")
        await press(kim, "k", "Enter")
        await expect(page).to_have_url(f"{url}/ticket/{third['id']}")
        await page.go_back()
        await is_live(page)
        await press(kim, "?")
        await expect(page.locator("#help")).to_be_visible()
        await press(kim, "Escape", "/")
        await page.keyboard.type("p1 contoso")
        await press(kim, "Enter")
        await expect(page.locator("#rows > tr")).to_have_count(1)
        await press(kim, "j", "x", "a")
        await page.get_by_role("button", name="Assign", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Done with 1 ticket")
        await page.get_by_role("link", name="Back to the tickets").click()
        await expect(page).to_have_url(re.compile(r"q=p1"))
        await press(kim, "2")
        await expect(page).to_have_url(re.compile(r"view=mine"))
        await expect(page.locator("#rows > tr")).to_contain_text(second["number"])
        assert kim.complaints == []


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_a_ticket_is_worked_by_the_keyboard(intake: Intake) -> None:
    first, second = await some_tickets(intake, 2)
    async with intake.http("agent") as api:
        path = f"/tickets/{second['id']}/assign"
        body = {"assignee": "lee", "name": "Lee of the desk"}
        assert (await api.post(path, json=body)).status_code == 200
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    async with open_browser() as browser, visit(browser, url, token) as kim:
        page = await kim.open(f"/ticket/{first['id']}")
        await press(kim, "?")
        await expect(page.locator("#help")).to_contain_text("reply to the requester")
        await press(kim, "Escape", "j")
        await expect(page.locator(".timeline > li").first).to_be_focused()
        # Whom tickets are assigned to already can be chosen.
        await press(kim, "a")
        field = page.get_by_label("Whom, as they sign in")
        await expect(field).to_be_focused()
        assert await field.input_value() == "kim"
        people = await page.locator("#people option").evaluate_all(
            "all => all.map((one) => [one.value, one.label])"
        )
        assert people == [["kim", "myself"], ["lee", "Lee of the desk"]]
        await page.keyboard.press("Enter")
        await expect(page.locator(".is")).to_contain_text("kim")
        # Keys that are written in a field do nothing else.
        await press(kim, "n")
        await page.keyboard.type("reached me?")
        await expect(page.locator("#help")).to_be_hidden()
        await expect(page.get_by_label("For the desk")).to_have_value("reached me?")
        await press(kim, "Escape", "r")
        await expect(page.locator("[data-do=reply] textarea")).to_be_focused()
        await press(kim, "Escape", "u")
        await expect(page).to_have_url(f"{url}/")
        assert kim.complaints == []
    async with agent(intake, desks=["infocyte"]) as stranger:
        assert "lee" not in (await stranger.get("/")).text


@pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND)
async def test_a_list_whose_stream_is_lost_says_so_and_fits_a_phone(intake: Intake) -> None:
    await some_tickets(intake, 2)
    url = f"http://127.0.0.1:{intake.settings.http_port}"
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*", sub="kim")
    async with open_browser() as browser, visit(browser, url, token, viewport=PHONE) as kim:
        page = await kim.open("/")
        await is_live(page)
        content, window = await kim.widths()
        assert content <= window
        actions, rows = page.locator("details.bulk"), page.locator("#rows > tr").first
        first, after = await actions.bounding_box(), await rows.bounding_box()
        assert first is not None
        assert after is not None
        assert first["y"] < after["y"], "what can be done comes first"
        await kim.context.set_offline(True)
        await page.evaluate("new BroadcastChannel('pledge-queue').postMessage('lost')")
        await expect(page.locator("#live")).to_contain_text("Connection lost at")
        await kim.context.set_offline(False)
