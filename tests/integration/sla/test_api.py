"""What the API answers, to whom."""

from __future__ import annotations

import pytest

from integration.sla.harness import Sla
from integration.sla.stories import Story, minutes


async def test_explanationnames_rule_segments_and_what_would_meet_it(sla: Sla) -> None:
    story = Story().opened().waiting(60)
    await sla.deliver(story)
    await sla.advance(minutes(90))

    explanation = await sla.get(f"/tickets/{story.number}/explanation")
    first = next(each for each in explanation["timers"] if each["metric"] == "first_response")
    assert first["state"] == "breached"
    assert first["rule"]["line"] > 1
    assert first["segments"]
    assert explanation["policy_version"]
    by_id = await sla.get(f"/tickets/{story.ticket_id}/explanation")
    assert by_id["timers"] == explanation["timers"]


async def test_explanationis_text_for_people(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    async with sla.http() as client:
        asked = await client.get(
            f"/tickets/{story.number}/explanation", headers={"accept": "text/plain"}
        )
        by_name = await client.get(f"/tickets/{story.number}/explanation?format=text")
    assert asked.headers["content-type"].startswith("text/plain")
    assert story.number in asked.text
    assert asked.text == by_name.text


async def test_other_desks_are_not_shown(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(60))
    async with sla.http(desks=["demo"]) as stranger:
        for path in ("/timers", "/breaches", "/timers?desk=acme"):
            assert (await stranger.get(path)).json()["items"] == []
        assert (await stranger.get(f"/tickets/{story.number}/explanation")).status_code == 404


async def test_no_token_no_answer(sla: Sla) -> None:
    async with sla.http() as client:
        answer = await client.get("/timers", headers={"authorization": "Bearer nothing"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_pages_follow_each_other_without_gap_or_overlap(sla: Sla) -> None:
    stories = [Story(number).opened(number) for number in range(8)]
    await sla.deliver(*stories)
    seen = []
    cursor: dict[str, str] = {}
    while True:
        page = await sla.get("/timers", limit=3, **cursor)
        assert len(page["items"]) <= 3
        seen += [(each["due_at"], each["number"], each["metric"]) for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 16
    assert [each[0] for each in seen] == sorted(each[0] for each in seen)


async def test_lists_are_cut_down_by_filters(sla: Sla) -> None:
    await sla.deliver(Story(1).opened(), Story(2).opened(severity="p2"))
    assert len((await sla.get("/timers", metric="resolution"))["items"]) == 2
    assert len((await sla.get("/timers", ticket="ACM-1"))["items"]) == 2
    assert len((await sla.get("/timers", due_before="2026-11-16T16:31:00Z"))["items"]) == 1
    assert (await sla.get("/timers", state="met,cancelled"))["items"] == []
    await sla.advance(minutes(31))
    assert len((await sla.get("/breaches", ticket="ACM-1"))["items"]) == 1
    assert (await sla.get("/breaches", metric="resolution"))["items"] == []


async def test_timers_of_a_ticket_honour_every_filter(sla: Sla) -> None:
    await sla.deliver(Story(1).opened(), Story(2).opened(severity="p2"))

    async def listed(**asked: object) -> list[str]:
        page = await sla.get("/timers", ticket="ACM-1", **asked)
        return [each["metric"] for each in page["items"]]

    assert await listed() == ["first_response", "resolution"]
    assert await listed(metric="resolution") == ["resolution"]
    assert await listed(severity="p1", desk="acme") == ["first_response", "resolution"]
    assert await listed(severity="p2") == []
    assert await listed(desk="demo") == []
    assert await listed(state="met") == []
    assert await listed(state="at_risk") == []
    assert await listed(due_before="2026-11-16T16:31:00Z") == ["first_response"]


async def test_timers_of_a_ticket_come_in_pages_beyond_a_thousand(sla: Sla) -> None:
    story = Story(1).opened()
    await sla.deliver(story)
    await sla.connection.execute(
        """
        INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at,
            at_risk_sent, target, reason)
        SELECT ticket_id, metric, 1 + n, desk, 'running', started_at,
            CASE WHEN n % 10 > 0 THEN due_at + n * interval '1 hour' END,
            at_risk_sent, target, reason
        FROM timers, generate_series(1, 600) AS n WHERE ticket_id = $1
        """,
        story.ticket_id,
    )
    seen: list[tuple[str | None, str, int]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await sla.get("/timers", ticket=story.number, limit=200, **cursor)
        seen += [(each["due_at"], each["metric"], each["cycle"]) for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 2 * 601
    known = [due_at for due_at, _, _ in seen if due_at is not None]
    assert known == sorted(known)
    assert [due_at for due_at, _, _ in seen] == known + [None] * (2 * 60), "no due time: last"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/timers?state=sleeping", 422),
        ("/timers?cursor=xx", 422),
        ("/timers?limit=0", 422),
        ("/timers?due_before=yesterday", 422),
        ("/timers?ticket=ACM-404", 404),
        ("/tickets/ACM-404/explanation", 404),
    ],
)
async def test_wrong_requests_are_told_what_is_wrong(sla: Sla, path: str, status: int) -> None:
    async with sla.http() as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
