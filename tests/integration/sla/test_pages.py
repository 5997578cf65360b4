"""The board and the explanation page, as a browser without and with the live stream gets them."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import httpx

from integration.sla.conftest import Makes
from integration.sla.harness import Sla
from integration.sla.stories import AGENT, Story, minutes
from pledge.events import Closed
from support.waiting import eventually


async def page(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path, headers={"accept": "text/html"}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


async def test_board_lists_promises_by_urgency_and_says_states_in_words(sla: Sla) -> None:
    stories = [Story(1).opened(severity="p2"), Story(2).opened(), Story(3).opened().waiting(1)]
    await sla.deliver(*stories)
    await sla.advance(minutes(31))
    async with sla.http() as client:
        text = await page(client, "/")
    numbers = re.findall(r'<a href="/ticket/[^"]+">(ACM-\d)</a>', text)
    # Both breached ones, then by due instant; what is paused is due at no known instant.
    assert sorted(numbers[:2]) == ["ACM-2", "ACM-3"]
    assert numbers[2] == "ACM-1"
    assert numbers[-1] == "ACM-3"
    assert "✕ breached" in text
    assert "‖ paused" in text
    assert "data-due=" in text


async def test_breached_promise_tells_how_late_it_was_met_or_that_it_never_was(sla: Sla) -> None:
    late, never, open_ = (Story(number).opened() for number in (1, 2, 3))
    await sla.deliver(late, never, open_)
    await sla.advance(minutes(31))
    late.replied(35)
    never.add(Closed, 36, by=AGENT, reason="other")
    await sla.advance(minutes(9))
    await sla.deliver(late.last, never.last)
    async with sla.http() as client:
        text = html.unescape(await page(client, "/board?state=breached"))
    shown = {
        number: re.search(
            rf'id="t-{story.ticket_id}-first_response.*?c-left"[^>]*>([^<]*)<', text, re.S
        )
        for number, story in ((1, late), (2, never), (3, open_))
    }
    words = {number: found and found[1].replace("\xa0", " ") for number, found in shown.items()}
    assert words == {1: "met 5 min 00 s late", 2: "never met", 3: "over by 10 min 00 s"}


async def test_board_is_cut_down_by_its_filters_and_to_the_lookers_desks(sla: Sla) -> None:
    await sla.deliver(Story(1).opened(), Story(2).opened(severity="p2"))
    async with sla.http() as client:
        filtered = await page(client, "/board?severity=p2&state=running")
        rows = await page(client, "/board/rows?severity=p2&state=running")
    assert "ACM-2" in filtered
    assert "ACM-1" not in filtered
    assert "ACM-2" in rows
    assert "<html" not in rows
    async with sla.http(desks=["demo"]) as stranger:
        assert "ACM-" not in await page(stranger, "/board")
        hidden = await stranger.get(f"/ticket/{Story(1).ticket_id}")
    assert hidden.status_code == 404


async def test_stranger_is_sent_to_the_sign_in_page(sla: Sla) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sla.settings.http_port}") as stranger:
        answer = await stranger.get("/board", headers={"accept": "text/html"})
        stream = await stranger.get("/board/changes")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert stream.status_code == 401


async def test_explanationpage_shows_each_promise_with_its_timeline(sla: Sla) -> None:
    story = Story().opened(subject_line="<script>alert(1)</script>").waiting(10)
    await sla.deliver(story)
    await sla.advance(minutes(40))
    async with sla.http() as client:
        text = await page(client, f"/ticket/{story.ticket_id}")
        by_number = await page(client, f"/ticket/{story.number}")
    assert text.count("<svg") == 2
    assert "paused: waiting on customer by Ann" in text
    assert "would have met it" in text
    assert "<script>alert" not in text
    assert story.number in by_number


async def test_breach_reaches_the_open_board(sla: Sla) -> None:
    await sla.deliver(Story().opened())
    async with sla.http() as client, client.stream("GET", "/board/changes") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: alive"
        advancing = asyncio.create_task(sla.advance(minutes(31)))
        async with asyncio.timeout(20):
            async for line in lines:
                if line == "event: changed":
                    break
        await advancing


async def test_stream_wakes_those_who_may_see_the_desk_or_all_when_another_process_published(
    sla: Sla,
) -> None:
    path = "/board/changes"
    async with (
        sla.http() as client,
        sla.http(desks=["demo"], sub="eve") as stranger,
        client.stream("GET", path) as seen,
        stranger.stream("GET", path) as unseen,
    ):
        lines, hidden = seen.aiter_lines(), unseen.aiter_lines()
        for stream in (lines, hidden):
            assert [await anext(stream) for _ in range(3)] == ["event: alive", "data: ", ""]
        await sla.deliver(Story().opened())
        async with asyncio.timeout(20):
            assert await anext(lines) == "event: changed"
        change = asyncio.ensure_future(anext(hidden))
        await asyncio.wait({change}, timeout=0.2)
        assert not change.done()

        async def is_noticed() -> bool:
            # Each event that is published takes a number, whichever process writes it.
            await sla.connection.execute("SELECT nextval('outbox_id_seq')")
            sla.clock.advance_to(sla.clock.now() + timedelta(seconds=1))
            return change.done()

        await eventually(is_noticed, what="news of another process")
        assert await change == "event: changed"


async def test_more_boards_than_are_served_live_are_asked_to_come_again(make_sla: Makes) -> None:
    async with make_sla(boards=1) as sla, sla.http() as client:
        async with client.stream("GET", "/board/changes") as stream:
            await anext(stream.aiter_lines())
            refused = await client.get("/board/changes")
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "15"
            assert refused.json()["detail"] == "as many boards are open as are served live: 1"
            # The board itself is there for everybody.
            assert "Promises by urgency" in await page(client, "/board")

        async def has_room() -> bool:
            async with client.stream("GET", "/board/changes") as again:
                return again.status_code == 200

        await eventually(has_room, what="room after a board was closed")


async def test_stream_does_not_hold_up_the_stop(sla: Sla) -> None:
    async with sla.http() as client, client.stream("GET", "/board/changes") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        sla.stop.set()
        async with asyncio.timeout(15):
            async for _ in lines:
                pass
