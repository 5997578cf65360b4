"""The board and the explanation page in a real browser, on the real service, database and broker.

One service and one browser serve all tests here; each test has its own tickets and its own window,
and no window may have complained (errors, violations of the content security policy) at its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from integration.sla.acme import ACME, write_acme
from integration.sla.crowd import DESK, TICKETS, gather
from integration.sla.harness import Sla, real_now
from integration.sla.stories import Story, minutes
from pledge.runtime.config.settings import KafkaSettings
from support import topics
from support.browser import NOT_FOUND, PHONE, Visitor, find_chromium, open_browser, visit
from support.cluster import Cluster
from support.databases import Databases

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(find_chromium() is None, reason=NOT_FOUND),
]

Visits = Callable[..., AbstractAsyncContextManager[Visitor]]

# Says when, by the browser's clock, the row `id` came to show `state`.
WATCH = """
([id, state]) => {
  window.shownAt = null;
  const look = () => {
    const row = document.getElementById(id);
    if (window.shownAt === null && row?.dataset.state === state) window.shownAt = Date.now();
  };
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributes: true });
  look();
}
"""
FIRST_PAINT = """
() => [
  performance.getEntriesByType("navigation")[0].responseStart,
  performance.getEntriesByName("first-contentful-paint")[0].startTime,
]
"""
# The texts whose contrast to what lies behind them is too low to read (WCAG 2.2, 1.4.3).
PALE = """
() => {
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sla(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sla]:
    """The service with the desks acme and crowd, on a Monday morning."""
    folder: Path = tmp_path_factory.mktemp("board")
    crowd = folder / "desks" / DESK / "sla.yaml"
    crowd.parent.mkdir(parents=True)
    crowd.write_text(ACME.replace("desk: acme", f"desk: {DESK}"), encoding="utf-8")
    name = f"board{real_now():%H%M%S%f}"
    kafka = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers, topic_prefix=f"{name}.")
    databases = Databases(cluster, name)
    await topics.create(kafka)
    try:
        async with Sla(kafka, databases("sla"), folder, desks=write_acme(folder)) as running:
            yield running
    finally:
        databases.drop()
        await topics.delete(kafka)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


@pytest.fixture
def visits(sla: Sla, browser: Browser) -> Visits:
    """Call it for a window of somebody who is signed in for the desk acme; see `visit`."""

    @asynccontextmanager
    async def open_window(*, desks: Any = ("acme",), **options: Any) -> AsyncIterator[Visitor]:
        token = sla.signer.token(sla.clock.now(), desks=list(desks))
        url = f"http://127.0.0.1:{sla.settings.http_port}"
        async with visit(browser, url, token, **options) as visitor:
            yield visitor
            assert visitor.complaints == []

    return open_window


_numbers = iter(range(1, 1000))


def a_story(sla: Sla, **fields: Any) -> Story:
    """A ticket of its own, opened now; half an hour is promised for its first response."""
    return Story(next(_numbers), start=sla.clock.now()).opened(**fields)


def row_id(story: Story, metric: str = "first_response") -> str:
    return f"t-{story.ticket_id}-{metric}-1"


def row_of(page: Page, story: Story, metric: str = "first_response") -> Locator:
    return page.locator(f"#{row_id(story, metric)}")


async def live(page: Page) -> None:
    await expect(page.locator("#live")).to_have_text("Live")


async def test_board_counts_down_in_place_and_shows_a_breach_without_reload(
    sla: Sla, visits: Visits, record_property: Callable[[str, object], None]
) -> None:
    story = a_story(sla)
    await sla.deliver(story)
    async with visits() as visitor:
        page = await visitor.open("/board")
        await live(page)
        left = row_of(page, story).locator(".c-left")
        before, box = await left.text_content(), await left.bounding_box()
        await expect(left).not_to_have_text(before or "")
        assert await left.bounding_box() == box
        await page.evaluate("window.isSamePage = true")
        await page.evaluate(WATCH, [row_id(story), "breached"])
        await sla.advance(minutes(30) - timedelta(seconds=1))
        await expect(row_of(page, story)).to_contain_text("! at risk")
        due = real_now()
        await sla.advance(timedelta(seconds=1))
        await expect(row_of(page, story)).to_have_attribute("data-state", "breached")
        await expect(row_of(page, story)).to_contain_text("✕ breached")
        await expect(page.locator("#news")).to_contain_text(f"{story.number}, first response")
        assert await page.evaluate("window.isSamePage")
        shown_ms = await page.evaluate("window.shownAt") - due.timestamp() * 1000
        record_property("milliseconds from due to shown", round(shown_ms))
        print(f"from due to shown: {shown_ms:.0f} ms")


async def test_filters_stand_in_the_address_so_that_a_link_shares_them(
    sla: Sla, visits: Visits
) -> None:
    urgent, other = a_story(sla, severity="p1"), a_story(sla, severity="p2").waiting(1)
    elsewhere = Story(1, desk=DESK, start=sla.clock.now()).opened(severity="p2")
    await sla.deliver(urgent, other, elsewhere)
    async with visits(desks=["acme", DESK]) as visitor, visits() as friend:
        page = await visitor.open("/board")
        await page.get_by_label("Desk").select_option("acme")
        await page.get_by_label("Severity").select_option("p2")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="Paused").click()
        await expect(page.locator("#rows tr")).to_have_count(1)
        await expect(row_of(page, other, "resolution")).to_contain_text("‖ paused")
        address = page.url.removeprefix(visitor.base_url)
        assert address == "/board?desk=acme&severity=p2&state=paused"
        shared = await friend.open(address)
        await expect(row_of(shared, other, "resolution")).to_be_visible()
        await expect(shared.locator("#rows tr")).to_have_count(1)
        await expect(shared.get_by_label("Severity")).to_have_value("p2")
        await expect(shared.get_by_role("link", name="Paused")).to_have_attribute(
            "aria-current", "true"
        )
        await friend.open("/board")
        # Somebody else's desk is not offered, and asking for it shows nothing.
        assert DESK not in await shared.content()
        await friend.open(f"/board?desk={DESK}")
        await expect(shared.locator("#rows tr")).to_have_count(0)


async def test_keyboard_alone_leads_to_a_tickets_explanation(sla: Sla, visits: Visits) -> None:
    stories = [a_story(sla, severity="p1") for _ in range(3)]
    await sla.deliver(*stories)
    async with visits() as visitor:
        page = await visitor.open("/board")
        await live(page)
        focused = page.locator("*:focus")
        for _ in range(25):
            await page.keyboard.press("Tab")
            if await focused.evaluate("one => Boolean(one.closest('#rows'))"):
                break
        outline = await focused.evaluate("one => getComputedStyle(one).outlineStyle")
        assert outline == "solid"
        await page.keyboard.press("End")
        await page.keyboard.press("ArrowUp")
        # What happens meanwhile takes the focus from nobody.
        number = await focused.text_content()
        place = await focused.evaluate("one => one.closest('tr').id")
        await sla.deliver(stories[0].replied(0))
        await expect(row_of(page, stories[0])).to_have_count(0)
        assert await focused.evaluate("one => one.closest('tr').id") == place
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(number or "")


async def test_screen_reader_is_told_states_in_words_and_what_each_cell_is(
    sla: Sla, visits: Visits
) -> None:
    story = a_story(sla, subject_line="Printer is on fire")
    await sla.deliver(story)
    await sla.advance(minutes(1))
    async with visits() as visitor:
        page = await visitor.open("/board")
        await live(page)
        snapshot = await page.locator("main").aria_snapshot()
        for said in (
            'heading "Promises by urgency" [level=1]',
            'search "Filters"',
            'combobox "Desk"',
            'navigation "States"',
            'table "Promises, the most urgent first"',
            'columnheader "Time left"',
            f'rowheader "{story.number} Printer is on fire"',
            'cell "▶ running"',
            "- status",
        ):
            assert said in snapshot, snapshot
        await visitor.open(f"/ticket/{story.ticket_id}")
        snapshot = await page.locator("main").aria_snapshot()
        for said in (
            'region "first response"',
            'img "first response: running, due ',
            'list "How the time was counted"',
        ):
            assert said in snapshot, snapshot


async def test_explanationsays_rule_line_stretches_and_what_would_have_met_it(
    sla: Sla, visits: Visits
) -> None:
    story = a_story(sla).waiting(10)
    await sla.deliver(story)
    await sla.advance(minutes(40))
    async with visits() as visitor:
        page = await visitor.open("/board")
        await row_of(page, story).locator(".c-due").click()
        await page.wait_for_url(f"**/ticket/{story.ticket_id}")
        first, resolution = (page.locator("section.why").nth(number) for number in (0, 1))
        line = 1 + next(n for n, text in enumerate(ACME.splitlines()) if "within: 30m" in text)
        await expect(first).to_contain_text(f"number 1, line {line} of acme/sla.yaml")
        await expect(first.locator(".quoted")).to_have_text("- {when: {severity: p1}, within: 30m}")
        await expect(first).to_contain_text("30 minutes counted")
        await expect(first).to_contain_text("10 minutes counted past the due time")
        await expect(first).to_contain_text(
            "agent replied, or contact attempted, by Mon 2026-11-16"
        )
        await expect(resolution).to_contain_text("30 minutes not counted, paused: ")
        await resolution.locator("summary").click()
        await expect(resolution.locator("table")).to_contain_text(
            "no, paused: waiting on customer by Ann"
        )
        await expect(resolution.locator("svg .bar.paused title")).to_contain_text("by Ann")


async def test_narrow_and_dark_pages_neither_scroll_sideways_nor_pale(
    sla: Sla, visits: Visits
) -> None:
    story = a_story(sla).waiting(10)
    await sla.deliver(story, a_story(sla, severity="p2"))
    await sla.advance(minutes(29))
    for scheme in ("light", "dark"):
        async with visits(viewport=PHONE, color_scheme=scheme, has_touch=True) as visitor:
            for path in ("/board", f"/ticket/{story.ticket_id}"):
                page = await visitor.open(path)
                content, window = await visitor.widths()
                assert content <= window, path
                assert await page.evaluate(PALE) == [], (scheme, path)


async def test_page_without_script_says_how_old_it_is_and_still_filters(
    sla: Sla, visits: Visits
) -> None:
    story, other = a_story(sla, severity="p1"), a_story(sla, severity="p2")
    await sla.deliver(story, other)
    async with visits(java_script_enabled=False) as visitor:
        page = await visitor.open("/board")
        await expect(page.locator("#live")).to_contain_text("As of 2026-11-16")
        await page.get_by_label("Severity").select_option("p2")
        await page.get_by_role("button", name="Show").click()
        await expect(row_of(page, other)).to_be_visible()
        await expect(row_of(page, story)).to_have_count(0)
        await row_of(page, other).get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(other.number)


async def test_lost_connection_is_said_and_found_again(sla: Sla, visits: Visits) -> None:
    async with visits() as visitor:
        page = visitor.page
        await page.route("**/board/changes", lambda route: route.abort())
        await visitor.open("/board")
        await expect(page.locator("#live")).to_contain_text("Connection lost at ")
        await expect(page.locator("#live")).to_contain_text("may be out of date; trying again")
        await expect(page.get_by_role("status")).to_have_text("The connection is lost.")
        story = a_story(sla)
        await sla.deliver(story)
        await page.unroute("**/board/changes")
        await live(page)
        await expect(page.get_by_role("status")).to_have_text("The board is live again.")
        await expect(row_of(page, story)).to_be_visible()
        # The browser itself reports each attempt that failed.
        assert all("ERR_FAILED" in one for one in visitor.complaints)
        visitor.complaints.clear()


async def test_hostile_subject_is_only_ever_text(sla: Sla, visits: Visits) -> None:
    evil = '<script>window.isOwned = 1</script><img src=x onerror="window.isOwned = 1">'
    long = "\u202egnp.exe \u0645\u0631\u062d\u0628\u0627 " + "W" * 5000
    stories = [a_story(sla, subject_line=evil), a_story(sla, subject_line=long)]
    await sla.deliver(*stories)
    async with visits(viewport=PHONE) as visitor:
        page = await visitor.open("/board")
        await live(page)
        await expect(row_of(page, stories[0]).locator(".subject")).to_have_text(evil)
        for story in (None, *stories):
            await visitor.open(f"/ticket/{story.ticket_id}" if story else "/board")
            content, window = await visitor.widths()
            assert content <= window
            assert await page.evaluate("window.isOwned") is None
            assert await page.locator("main img").count() == 0
        # Text that runs the other way ends with the subject.
        direction = "one => getComputedStyle(one).unicodeBidi"
        assert await page.locator("h1 bdi").evaluate(direction) == "isolate"


async def test_ten_thousand_open_tickets_are_paged_and_stay_live(
    sla: Sla, visits: Visits, record_property: Callable[[str, object], None]
) -> None:
    await gather(sla.connection, sla.clock.now())
    total = await sla.connection.fetchval("SELECT count(*) FROM timers WHERE desk = $1", DESK)
    assert total >= 2 * TICKETS
    async with visits(desks=[DESK]) as visitor:
        page = await visitor.open("/board")
        await live(page)
        answered, painted = await page.evaluate(FIRST_PAINT)
        record_property("milliseconds to the answer and to the first paint", [answered, painted])
        print(f"the list was sent after {answered:.0f} ms, painted after {painted:.0f} ms")
        await expect(page.locator("#range")).to_contain_text(f"1–100 of {total:,}")
        await page.get_by_role("link", name="Less urgent ones").click()
        await expect(page.locator("#range")).to_contain_text(f"101–200 of {total:,}")
        await expect(page.locator("#rows tr")).to_have_count(100)
        await page.get_by_role("link", name="Back to the most urgent").click()
        await live(page)
        elements = await page.evaluate("document.querySelectorAll('*').length")
        # One more on top of them: its breach appears, and nothing piles up in the page.
        story = Story(7, desk=DESK, start=sla.clock.now()).opened()
        await sla.deliver(story)
        await expect(row_of(page, story)).to_contain_text("running")
        await sla.advance(minutes(30))
        await expect(row_of(page, story)).to_contain_text("✕ breached")
        calmer_above = f'tr:not([data-state="breached"]) ~ #{row_id(story)}'
        await expect(page.locator(calmer_above)).to_have_count(0)
        await expect(page.locator("#rows tr")).to_have_count(100)
        assert await page.evaluate("document.querySelectorAll('*').length") < elements + 20
