"""A desk whose file or version can't be used is set aside and said; the others run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from integration.sla.acme import ACME, write_acme
from integration.sla.harness import Sla, said
from integration.sla.stories import MONDAY, Story, minutes
from integration.sla.test_calendar_data import as_before_this_release
from pledge.runtime.testing import VirtualClock
from support.databases import Databases
from support.waiting import eventually
from support.zone_folder import MOVED, ZoneFolder, zone_folder

Makes = Callable[..., Sla]
BAD = ACME.replace("within: 4h}", "withn: 4h}")
IN_MOVED = ACME.replace("America/Toronto", MOVED)


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[ZoneFolder]:
    with zone_folder(tmp_path / "zones") as found:
        found.moved_is("America/Toronto")
        yield found


@pytest.fixture
def desks(tmp_path: Path) -> Path:
    """The folder of the desk beta, in whose calendars nothing is special."""
    path = tmp_path / "desks" / "beta" / "sla.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(ACME.replace("desk: acme", "desk: beta"), encoding="utf-8")
    return tmp_path / "desks"


def both() -> tuple[Story, Story]:
    return Story(1).opened(), Story(2, desk="beta").opened()


async def breached(sla: Sla) -> set[str]:
    return {each.envelope.subject for each in await sla.breach_events()}


async def waiting(sla: Sla) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await sla.get("/quarantine"))["items"]
    return items


def ids(*stories: Story) -> set[str]:
    return {str(each.ticket_id) for each in stories}


async def test_desk_whose_zone_and_file_are_gone_goes_on_by_what_was_recorded(
    make_sla: Makes, zones: ZoneFolder, desks: Path
) -> None:
    clock = VirtualClock(MONDAY)
    gone, other = both()
    write_acme(desks.parent, IN_MOVED)
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(gone, other)
    zones.remove()
    (desks / "acme" / "sla.yaml").unlink()
    with structlog.testing.capture_logs() as logs:
        async with make_sla(clock=clock, desks=desks) as sla:
            await sla.advance(minutes(31))
            assert await breached(sla) == ids(gone, other)
    assert [each["desk"] for each in logs if each["event"] == "desk_file_gone"] == ["acme"]


async def test_version_that_nobody_can_reckon_waits_and_goes_on_when_its_zone_is_back(
    make_sla: Makes, zones: ZoneFolder, desks: Path, database: Databases
) -> None:
    """A release that kept no data wrote it; zone and file are gone, and come again."""
    clock = VirtualClock(MONDAY)
    gone, other = both()
    write_acme(desks.parent, IN_MOVED)
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(gone, other)
        await as_before_this_release(before, database, desks, "acme")
    zones.remove()
    (desks / "acme" / "sla.yaml").unlink()
    with structlog.testing.capture_logs() as logs:
        async with make_sla(clock=clock, desks=desks) as sla:
            await sla.advance(minutes(31))
            assert await breached(sla) == ids(other)
            (item,) = await waiting(sla)
            assert (item["number"], item["what"]) == ("ACM-1", "policy")
            assert f"`{MOVED}` is no time zone" in item["reason"]
            await sla.deliver(gone.triaged(32, "p1").last)
            async with sla.http() as client:
                told = await client.get("/tickets/ACM-1/explanation")
                page = await client.get("/ticket/ACM-1")
                board = await client.get("/board")
            assert (told.status_code, "can't be told" in told.text) == (409, True)
            assert (page.status_code, "told at present" in page.text) == (200, True)
            assert "A version of acme can&#39;t be reckoned" in board.text
    said_so = [each for each in logs if each["event"] == "policy_version_not_reckonable"]
    assert [each["desk"] for each in said_so] == ["acme"]

    zones.moved_is("America/Toronto")
    write_acme(desks.parent, IN_MOVED)
    async with make_sla(clock=clock, desks=desks) as sla:
        await taken_up(sla)
        assert await breached(sla) == ids(gone, other)
        assert said(await sla.breach_events(), gone) == [("breached", "first_response")]
        explained = await sla.get("/tickets/ACM-1/explanation")
        assert explained["timers"][0]["state"] == "breached"


async def taken_up(sla: Sla) -> None:
    """Wait until nothing waits any more."""

    async def is_empty() -> bool:
        return await waiting(sla) == []

    await eventually(is_empty)
    await sla.settled()


async def test_new_desk_with_a_bad_file_waits_until_it_is_mended(
    make_sla: Makes, desks: Path
) -> None:
    clock = VirtualClock(MONDAY)
    bad, other = both()
    write_acme(desks.parent, BAD)
    with structlog.testing.capture_logs() as logs:
        async with make_sla(clock=clock, desks=desks) as sla:
            await sla.deliver(bad, other, bad.noted(5).last)
            await sla.advance(minutes(31))
            assert await breached(sla) == ids(other)
            (item,) = await waiting(sla)
            assert "withn" in item["reason"]

            async def is_counted() -> bool:
                async with sla.http() as client:
                    figures = (await client.get("/metrics")).text
                return 'sla_desks_in_trouble{desk="acme",what="set_aside"} 1.0' in figures

            await eventually(is_counted)
    (told,) = [each for each in logs if each["event"] == "desk_set_aside"]
    assert told["desk"] == "acme"
    assert "withn" in told["why"]
    write_acme(desks.parent)
    async with make_sla(clock=clock, desks=desks) as sla:
        await taken_up(sla)
        assert await breached(sla) == ids(bad, other)
        assert said(await sla.timer_events(), bad)[0] == ("started", "first_response")


async def test_bad_file_leaves_the_version_before_in_force(make_sla: Makes, desks: Path) -> None:
    clock = VirtualClock(MONDAY)
    old, new = Story(1).opened(), Story(3).opened(2)
    write_acme(desks.parent)
    async with make_sla(clock=clock, desks=desks) as before:
        await before.deliver(old)
        (first,) = (await before.get("/policies/acme"))["items"]
    write_acme(desks.parent, BAD)
    with structlog.testing.capture_logs() as logs:
        async with make_sla(clock=clock, desks=desks) as sla:
            clock.advance_to(MONDAY + minutes(2))
            await sla.deliver(new)
            await sla.advance(minutes(31))
            assert await breached(sla) == ids(old, new)
            assert await waiting(sla) == []
    (told,) = [each for each in logs if each["event"] == "desk_file_not_used"]
    assert (told["desk"], told["goes_on_under"]) == ("acme", first["version"])
