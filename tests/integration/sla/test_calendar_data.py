"""Zone and holiday data change under running timers: one due time everywhere, and it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from integration.sla.acme import write_acme
from integration.sla.harness import Sla, about, said
from integration.sla.stories import AGENT, MONDAY, Story, minutes
from integration.sla.test_commands import pledge
from pledge.events import Closed, TimerRescheduled
from pledge.runtime.desk_file.yaml_file import load as load_yaml
from pledge.runtime.testing import VirtualClock
from sla.desk_file.version import text_version_of
from sla.storage.policy_versions import NOT_RECORDED_AT
from support.databases import Databases
from support.waiting import eventually
from support.zone_folder import ZoneFolder, zone_folder

Makes = Callable[..., Sla]

# 17:00 in Berlin is 16:00 UTC, in London 17:00 UTC; this is when Berlin's day begins.
MORNING = MONDAY - minutes(60 * 8)
BERLIN, LONDON = "2026-11-16T16:00:00.000Z", "2026-11-16T17:00:00.000Z"
MOVED = """\
desk: acme
timezone: Test/Moved
severity: {levels: [p1, p2], default: p1}
calendars:
  office: {timezone: Test/Moved, hours: {mon-fri: ["09:00-17:00"]}}
metrics:
  first_response:
    starts: opened
    meets: [agent_replied, contact_attempted]
    calendar: office
    targets: [{by: close of same business day}]
  resolution:
    starts: opened
    meets: [resolved]
    pauses:
      - {on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}
    calendar: office
    targets: [{within: 24h}]
"""


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[ZoneFolder]:
    with zone_folder(tmp_path / "zones") as found:
        found.moved_is("Europe/Berlin")
        yield found


@pytest.fixture
def desks(tmp_path: Path) -> Path:
    return write_acme(tmp_path / "moved", MOVED)


def a_story(number: int) -> Story:
    return Story(number, start=MORNING)


async def due_everywhere(sla: Sla, story: Story, metric: str = "first_response") -> str:
    """The due time of a timer, the same in the list, on the board and in the explanation."""
    states = "running,paused,met,breached"
    found = await sla.get("/timers", ticket=story.number, metric=metric, state=states)
    (timer,) = found["items"]
    explained = await sla.get(f"/tickets/{story.number}/explanation")
    (told,) = [each for each in explained["timers"] if each["metric"] == metric]
    due = str(timer["due_at"])
    assert datetime.fromisoformat(told["due"]) == datetime.fromisoformat(due)
    assert told["state"] == timer["state"]
    assert told["policy_version"] == timer["policy_version"]
    async with sla.http() as client:
        board = (await client.get("/board")).text
    assert due[:19] in board, f"{due} is not on the board"
    return due


async def moved_on(sla: Sla) -> dict[str, Any]:
    """The order by which tickets go on under the new data, once it is done."""

    async def is_done() -> bool:
        async with sla.http() as client:
            answer = await client.get("/policies/acme/apply")
        return answer.is_success and answer.json()["state"] == "done"

    await eventually(is_done)
    await sla.settled()
    found: dict[str, Any] = await sla.get("/policies/acme/apply")
    return found


async def test_timers_move_with_the_zone_and_say_why(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    """What is due between the old time and the new one is not breached by the old one."""
    clock = VirtualClock(MORNING)
    running, answered, waiting, closed = (a_story(number) for number in range(1, 5))
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(
            running.opened(),
            answered.opened().attempted(5),
            waiting.opened().attempted(5).waiting(30),
            closed.opened().attempted(5).resolved(10),
        )
        assert await due_everywhere(before, running) == BERLIN
        (first,) = (await before.get("/policies/acme"))["items"]
        assert first["calendar_changes"] == []
    zones.moved_is("Europe/London")
    clock.advance_to(MONDAY + minutes(10))
    async with make_sla(clock=clock, desks=desks) as sla:
        done = await moved_on(sla)
        assert (done["reason"], done["ordered_by"]) == ("calendar_data_changed", "sla")
        assert await sla.breach_events() == []
        assert await due_everywhere(sla, running) == LONDON
        newest, oldest = (await sla.get("/policies/acme"))["items"]
        assert oldest["version"] == first["version"] != newest["version"]
        assert newest["text_version"] == oldest["text_version"]
        (why,) = newest["calendar_changes"]
        assert why.startswith("Moved is at UTC+0 instead of UTC+1 from 2026-10-25")
        told = [each for each in await sla.timer_events() if each.envelope.subject == _id(running)]
        moved = about(told, "rescheduled", "first_response")
        assert isinstance(moved, TimerRescheduled)
        assert (moved.reason, moved.policy_version) == (
            "calendar_data_changed",
            newest["version"],
        )
        assert (moved.due_at, moved.previous_due_at) == (MONDAY + minutes(60), MONDAY)
        # The half hour before it waited did not count after all.
        (paused,) = (await sla.get("/timers", ticket=waiting.number, metric="resolution"))["items"]
        assert paused["seconds_left"] == 24 * 3600
        assert said(await sla.timer_events(), waiting)[-1] == ("paused", "resolution")
        explained = await sla.get(f"/tickets/{closed.number}/explanation")
        assert {each["state"] for each in explained["timers"]} == {"met"}

        await sla.advance(minutes(60))
        (breach,) = await sla.breach_events()
        assert breach.envelope.subject == _id(running)
        assert breach.event.model_dump()["due_at"] == MONDAY + minutes(60)
        assert await due_everywhere(sla, running) == LONDON

        status, output = await pledge(sla, "policy", "history", "acme")
        assert (status, "Moved is at UTC+0" in output.replace("\n", " ")) == (0, True)
        status, output = await pledge(
            sla, "policy", "diff", "acme", oldest["version"], newest["version"]
        )
        assert (status, "Moved is at UTC+0 instead of UTC+1" in output) == (0, True)


async def test_what_is_due_earlier_by_the_new_data_is_breached_at_once(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    zones.moved_is("Europe/London")
    clock = VirtualClock(MORNING)
    story = a_story(1).opened()
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(story)
        assert await due_everywhere(before, story) == LONDON
    zones.moved_is("Europe/Berlin")
    clock.advance_to(MONDAY + minutes(20))
    async with make_sla(clock=clock, desks=desks) as sla:
        await moved_on(sla)
        (breach,) = await sla.breach_events()
        assert breach.event.model_dump()["due_at"] == MONDAY
        assert await due_everywhere(sla, story) == BERLIN


async def test_data_that_changes_nothing_for_a_desk_makes_no_version(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    """Oslo has had Berlin's clocks for as long as anybody looks back."""
    clock = VirtualClock(MORNING)
    story = a_story(1).opened()
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(story)
    zones.moved_is("Europe/Oslo")
    async with make_sla(clock=clock, desks=desks) as sla:
        assert len((await sla.get("/policies/acme"))["items"]) == 1
        async with sla.http() as client:
            assert (await client.get("/policies/acme/apply")).status_code == 404


async def test_former_data_is_the_former_version_again(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    clock = VirtualClock(MORNING)
    story = a_story(1).opened()
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(story)
        (first,) = (await before.get("/policies/acme"))["items"]
    for name, due in (("Europe/London", LONDON), ("Europe/Berlin", BERLIN)):
        zones.moved_is(name)
        clock.advance_to(clock.now() + minutes(1))
        async with make_sla(clock=clock, desks=desks) as sla:
            await moved_on(sla)
            assert await due_everywhere(sla, story) == due
            newest = (await sla.get("/policies/acme"))["items"][0]
            assert (newest["version"] == first["version"]) == (due == BERLIN)


async def test_tickets_under_an_older_text_keep_it_and_move_too(
    make_sla: Makes, zones: ZoneFolder, desks: Path, tmp_path: Path
) -> None:
    clock = VirtualClock(MORNING)
    old, new = a_story(1).opened(), a_story(2).opened(2)
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(old)
    clock.advance_to(MORNING + minutes(1))
    other = write_acme(tmp_path / "other", MOVED.replace("same business", "next business"))
    async with make_sla(clock=clock, desks=other) as between:
        clock.advance_to(MORNING + minutes(2))
        await between.deliver(new)
    zones.moved_is("Europe/London")
    async with make_sla(clock=clock, desks=other) as sla:
        await moved_on(sla)
        assert await due_everywhere(sla, old) == LONDON
        assert await due_everywhere(sla, new) == "2026-11-17T17:00:00.000Z"
        late = a_story(3).opened(0.5)
        await sla.deliver(late)
        assert await due_everywhere(sla, late) == LONDON


async def test_preview_shows_what_other_data_would_change(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    """The command reckons by what is installed where it runs; the service still has the old."""
    clock = VirtualClock(MORNING)
    async with make_sla(clock=clock, desks=desks) as sla:
        await sla.deliver(a_story(1).opened())
        zones.moved_is("Europe/London")
        status, output = await pledge(sla, "policy", "preview", str(desks / "acme"))
        assert status == 0, output
        assert "Moved is at UTC+0 instead of UTC+1" in output
        assert "1 of 1 open tickets change" in output
        assert await due_everywhere(sla, a_story(1)) == BERLIN


async def test_versions_of_a_release_that_kept_no_data_move_quietly(
    make_sla: Makes, zones: ZoneFolder, desks: Path, database: Databases
) -> None:
    clock = VirtualClock(MORNING)
    story = a_story(1).opened().attempted(5)
    closed = (
        a_story(2).opened().attempted(5).resolved(6).add(Closed, 7, by=AGENT, reason="resolved")
    )
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(story, closed)
        await as_before_this_release(before, database, desks)
        told = len(await before.timer_events())
        due = await due_everywhere_but_version(before, story)
    clock.advance_to(MORNING + minutes(30))
    async with make_sla(clock=clock, desks=desks) as sla:
        done = await moved_on(sla)
        assert (done["done_tickets"], done["affected_tickets"]) == (1, 0)
        assert len(await sla.timer_events()) == told
        assert await due_everywhere(sla, story, "resolution") == due
        newest, oldest = (await sla.get("/policies/acme"))["items"]
        assert (oldest["version"], oldest["recorded_at"]) == (newest["text_version"], None)
        assert newest["calendar_changes"][0].startswith("it is not known")
        assert newest["calendar_changes"][1] == "corrections count from the opening"
        for each, unknown in ((story, []), (closed, [oldest["version"]])):
            told = await sla.get(f"/tickets/{each.number}/explanation")
            assert told["versions_without_calendar_data"] == unknown
        async with sla.http() as client:
            text = await client.get(f"/tickets/{closed.number}/explanation?format=text")
            page = await client.get(f"/ticket/{closed.number}")
        sentence = f"By what zone and holiday data version {oldest['version']} was reckoned"
        assert sentence in text.text
        assert sentence in page.text
    async with make_sla(clock=clock, desks=desks) as again:
        assert len((await again.get("/policies/acme"))["items"]) == 2


async def due_everywhere_but_version(sla: Sla, story: Story) -> str:
    (timer,) = (await sla.get("/timers", ticket=story.number, metric="resolution"))["items"]
    return str(timer["due_at"])


async def as_before_this_release(
    sla: Sla, database: Databases, desks: Path, desk: str = "acme"
) -> str:
    """Make a desk's rows what the release before left: a version is the hash of its text alone."""
    version = text_version_of(load_yaml(desks / desk / "sla.yaml").data)
    owner = await asyncpg.connect(database.owner(sla.dsn))
    try:
        await owner.execute(
            "UPDATE policy_versions SET version = $1, text_version = NULL, calendar_data = NULL,"
            " recorded_at = $2 WHERE desk = $3",
            version,
            NOT_RECORDED_AT,
            desk,
        )
        await owner.execute("UPDATE tickets SET policy_version = $1 WHERE desk = $2", version, desk)
    finally:
        await owner.close()
    return version


def _id(story: Story) -> str:
    return str(story.ticket_id)
