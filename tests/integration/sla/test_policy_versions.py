"""A ticket keeps the promises of its opening; what another policy would change is shown first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from integration.sla.acme import ACME, write_acme
from integration.sla.harness import Sla
from integration.sla.stories import MONDAY, Story, minutes
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.testing import VirtualClock

Makes = Callable[..., Sla]
FASTER = ACME.replace(
    "within: 30m}\n      - {when: {severity: p2}", "within: 20m}\n      - {when: {severity: p2}"
)


async def due_of(sla: Sla, story: Story) -> str:
    items = (await sla.get("/timers", ticket=story.number, metric="first_response"))["items"]
    return str(items[0]["due_at"])


async def test_open_ticket_keeps_its_version_when_the_file_changes(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    old, new = Story(1).opened(), Story(2, start=MONDAY + minutes(5)).opened()
    async with make_sla(clock=clock) as before:
        await before.deliver(old)
    clock.advance_to(MONDAY + minutes(2))
    desks = write_acme(tmp_path, FASTER)
    async with make_sla(clock=clock, desks=desks) as after:
        clock.advance_to(MONDAY + minutes(5))
        await after.deliver(old.triaged(4, "p1").last, new)
        assert await due_of(after, old) == "2026-11-16T16:30:00.000Z"
        assert await due_of(after, new) == "2026-11-16T16:25:00.000Z"
        versions = (await after.get("/policies/acme"))["items"]
        assert [each["effective_from"] for each in versions] == [
            "2026-11-16T16:02:00.000Z",
            "2026-11-16T16:00:00.000Z",
        ]
        explained = await after.get(f"/tickets/{old.number}/explanation")
        assert explained["policy_version"] == versions[1]["version"]


async def test_ticket_from_before_a_version_is_under_the_one_before(
    make_sla: Makes, tmp_path: Path
) -> None:
    """It was opened under the old version and read only after the new one had come."""
    clock = VirtualClock(MONDAY)
    story = Story().opened(1)
    async with make_sla(clock=clock):
        pass
    clock.advance_to(MONDAY + minutes(2))
    async with make_sla(clock=clock, desks=write_acme(tmp_path, FASTER)) as after:
        await after.deliver(story)
        assert await due_of(after, story) == "2026-11-16T16:31:00.000Z"


async def test_version_for_later_waits_for_its_time(make_sla: Makes, tmp_path: Path) -> None:
    clock = VirtualClock(MONDAY)
    async with make_sla(clock=clock):
        pass
    later = f"effective_from: 2026-11-16T17:00:00Z\n{FASTER}"
    async with make_sla(clock=clock, desks=write_acme(tmp_path, later)) as sla:
        clock.advance_to(MONDAY + minutes(70))
        early, late = Story(1).opened(30), Story(2).opened(65)
        await sla.deliver(early, late)
        assert await due_of(sla, late) == "2026-11-16T17:25:00.000Z"
        explained = await sla.get(f"/tickets/{early.number}/explanation")
        (first,) = [e for e in explained["timers"] if e["metric"] == "first_response"]
        assert first["due"] == "2026-11-16T17:00:00Z"


async def test_ticket_under_a_version_that_was_replaced_keeps_it(
    make_sla: Makes, tmp_path: Path
) -> None:
    """A planned version is replaced after a ticket was opened under it, its clock being ahead."""
    clock = VirtualClock(MONDAY)
    async with make_sla(clock=clock):
        pass
    planned = f"effective_from: 2026-11-16T17:00:00Z\n{FASTER}"
    story = Story().opened(65)
    async with make_sla(clock=clock, desks=write_acme(tmp_path / "planned", planned)) as sla:
        await sla.deliver(story)
    clock.advance_to(MONDAY + minutes(2))
    replaced = f"effective_from: 2026-11-16T16:30:00Z\n{ACME}"
    async with make_sla(clock=clock, desks=write_acme(tmp_path / "replaced", replaced)) as sla:
        clock.advance_to(MONDAY + minutes(70))
        await sla.settled()
        assert await due_of(sla, story) == "2026-11-16T17:25:00.000Z"
        assert len((await sla.get("/policies/acme"))["items"]) == 2


async def test_restart_with_the_same_file_adds_no_version(make_sla: Makes) -> None:
    for _ in range(2):
        async with make_sla() as sla:
            assert len((await sla.get("/policies/acme"))["items"]) == 1


async def test_preview_tells_what_would_change_and_changes_nothing(sla: Sla) -> None:
    await sla.deliver(Story(1).opened(), Story(2).opened(severity="p2"), Story(3).opened())
    await sla.advance(minutes(25))
    before = await sla.get("/timers")
    async with sla.http() as client:
        answer = await client.post(
            "/policies/acme/preview", content=FASTER, headers={"content-type": "text/plain"}
        )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["open_tickets"] == 3
    assert found["affected_tickets"] == 2
    assert found["counts"] == {"breaches": 2}
    assert {each["number"] for each in found["changes"]} == {"ACM-1", "ACM-3"}
    assert found["changes"][0]["due_after"] == "2026-11-16T16:20:00.000Z"
    assert await sla.get("/timers") == before
    assert await sla.breach_events() == []


@pytest.mark.parametrize(
    "content", ["metrics: 5", "desk: other\n" + ACME.removeprefix("desk: acme\n")]
)
async def test_preview_of_a_wrong_file_says_what_is_wrong(sla: Sla, content: str) -> None:
    async with sla.http() as client:
        answer = await client.post(
            "/policies/acme/preview", content=content, headers={"content-type": "text/plain"}
        )
        stranger = await client.post("/policies/demo/preview", content=ACME)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert stranger.status_code in (404, 422)


async def test_broken_file_keeps_the_service_from_starting_and_names_the_line(
    make_sla: Makes, tmp_path: Path
) -> None:
    desks = write_acme(tmp_path, ACME.replace("within: 4h}", "withn: 4h}"))
    with pytest.raises(DeskFileError, match=r"acme/sla\.yaml:\d+:\d+: .*withn"):
        async with make_sla(desks=desks, clock=VirtualClock(MONDAY + timedelta(0))):
            pass
