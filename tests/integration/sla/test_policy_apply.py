"""A version that `applies_to: open` is applied: open tickets go on under it, once, published."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from integration.sla.acme import ACME, write_acme
from integration.sla.harness import Sla, about, said
from integration.sla.stories import MONDAY, Story, minutes
from integration.sla.test_commands import pledge
from pledge.events import IncidentOpened, IncidentResolved, PromiseBreached, TimerRescheduled
from pledge.runtime.testing import VirtualClock
from support.waiting import eventually

Makes = Callable[..., Sla]
OPEN = f"applies_to: open\n{ACME}"


def responding_within(words: str) -> str:
    return OPEN.replace("{severity: p1}, within: 30m", f"{{severity: p1}}, within: {words}")


async def version_of(sla: Sla) -> str:
    return str((await sla.get("/policies/acme"))["items"][0]["version"])


async def ask(sla: Sla, **claims: Any) -> Any:
    version = await version_of(sla)
    async with sla.http(**({"roles": ["admin"]} | claims)) as client:
        return await client.post("/policies/acme/apply", json={"version": version})


async def applied(sla: Sla) -> dict[str, Any]:
    """Order it and wait until it is through."""
    answer = await ask(sla)
    assert answer.status_code == 202, answer.text

    async def is_done() -> bool:
        return bool((await sla.get("/policies/acme/apply"))["state"] == "done")

    await eventually(is_done)
    await sla.settled()
    found: dict[str, Any] = await sla.get("/policies/acme/apply")
    return found


async def previewed(sla: Sla, content: str) -> dict[str, Any]:
    async with sla.http() as client:
        answer = await client.post(
            "/policies/acme/preview", content=content, headers={"content-type": "text/plain"}
        )
    found: dict[str, Any] = answer.json()
    return found


def some_stories() -> list[Story]:
    return [
        Story(1).opened(),
        Story(2).opened(severity="p2"),
        Story(3).opened().attempted(5),
        Story(4).opened().waiting(3),
        Story(5).opened().resolved(6),
    ]


async def test_apply_does_what_preview_showed_and_tells_of_it(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    # An incident with a promise under way is open too; one that is over is not.
    over = Story(7).incident(IncidentOpened, 0).incident(IncidentResolved, 5)
    stories = [*some_stories(), Story(6).incident(IncidentOpened, 0), over]
    new = responding_within("10m").replace(
        "{severity: p1}, within: 4h", "{severity: p1}, within: 5h"
    )
    new = new.replace("targets: [{within: 30m}]", "targets: [{within: 45m}]")
    async with make_sla(clock=clock) as before:
        await before.deliver(*stories)
        await before.advance(minutes(15))
        shown = await previewed(before, new)
    assert shown["open_tickets"] == 6
    assert shown["counts"] == {"breaches": 3, "moves": 3}
    async with make_sla(clock=clock, desks=write_acme(tmp_path / "new", new)) as sla:
        assert await sla.breach_events() == []
        done = await applied(sla)
        assert done["counts"] == shown["counts"]
        assert (done["tickets"], done["done_tickets"]) == (6, 6)
        assert done["affected_tickets"] == shown["affected_tickets"]

        moved = about(
            [each for each in await sla.timer_events() if each.envelope.subject == _id(stories[0])],
            "rescheduled",
            "resolution",
        )
        assert isinstance(moved, TimerRescheduled)
        assert (moved.due_at, moved.previous_due_at) == (
            MONDAY + minutes(300),
            MONDAY + minutes(240),
        )
        assert (moved.reason, moved.policy_version) == ("policy_changed", await version_of(sla))
        assert ("met", "first_response") in said(await sla.timer_events(), stories[2])
        assert {each.envelope.subject for each in await sla.breach_events()} == {
            _id(stories[0]),
            _id(stories[3]),
            _id(stories[4]),
        }
        explained = await sla.get(f"/tickets/{stories[2].number}/explanation")
        assert {each["metric"]: each["policy_version"] for each in explained["timers"]} == {
            "first_response": (await sla.get("/policies/acme"))["items"][1]["version"],
            "resolution": await version_of(sla),
        }


def _id(story: Story) -> str:
    return str(story.ticket_id)


async def test_softer_version_moves_what_is_open_and_keeps_what_was_broken(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    broken, still_open = Story(1).opened(), Story(2).opened(20)
    async with make_sla(clock=clock) as before:
        await before.deliver(broken, still_open)
        await before.advance(minutes(31))
    desks = write_acme(tmp_path / "new", responding_within("45m"))
    async with make_sla(clock=clock, desks=desks) as sla:
        # Given three times at once and again later, it is carried out once.
        await asyncio.gather(ask(sla), ask(sla), ask(sla))
        first = await applied(sla)
        events = [each.envelope.id for each in await sla.timer_events()]
        again = await applied(sla)
        assert (first["tickets"], again["tickets"]) == (2, 0)
        assert [each.envelope.id for each in await sla.timer_events()] == events
        assert len(set(events)) == len(events)

        # The open one is due at its new instant, not at the old one.
        await sla.advance(minutes(33))
        assert [each.envelope.subject for each in await sla.breach_events()] == [_id(broken)]
        await sla.advance(minutes(1))
        (late,) = [
            each.event
            for each in await sla.breach_events()
            if each.envelope.subject == _id(still_open)
        ]
        assert isinstance(late, PromiseBreached)
        assert late.due_at == late.detected_at == MONDAY + minutes(65)

        # The broken one stays so, in the name of its own version; a late fact takes it back.
        await sla.deliver(broken.noted(66).last)
        old = (await sla.get("/policies/acme"))["items"][1]["version"]
        (breach,) = (await sla.get("/breaches", ticket=broken.number))["items"]
        assert (breach["retracted_at"], breach["policy_version"]) == (None, old)
        timers = (await sla.get("/timers", ticket=broken.number, state="breached,running"))["items"]
        assert {each["metric"]: each["policy_version"] == old for each in timers} == {
            "first_response": True,
            "resolution": False,
        }
        await sla.deliver(broken.attempted(20, known_after=67).last)
        (breach,) = (await sla.get("/breaches", ticket=broken.number))["items"]
        assert breach["retracted_at"] is not None


async def test_killed_in_the_middle_it_goes_on_where_it_was(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    stories = [Story(number).opened() for number in range(24)]
    async with make_sla(clock=clock) as before:
        await before.deliver(*stories)
    settings = {
        "clock": clock,
        "desks": write_acme(tmp_path / "new", responding_within("45m")),
        "reassess_batch": 2,
    }
    async with make_sla(**settings, reassess_pause=20) as first:  # time to see it under way
        await ask(first)

        async def is_under_way() -> bool:
            done = (await first.get("/policies/acme/apply"))["done_tickets"]
            return bool(0 < done < 24)

        await eventually(is_under_way)
        await first.kill()
        first.stop.set()
        first.serving = asyncio.create_task(asyncio.sleep(0))  # noqa: TID251
    async with make_sla(**settings) as second:

        async def is_done() -> bool:
            return bool((await second.get("/policies/acme/apply"))["state"] == "done")

        await eventually(is_done)
        await second.settled()
        kinds = said(await second.timer_events())
        assert kinds.count(("rescheduled", "first_response")) == 24
        assert (await second.get("/policies/acme/apply"))["counts"] == {"moves": 24}


async def test_what_happens_to_a_ticket_while_its_batch_is_worked_out_counts(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    async with make_sla(clock=clock) as before:
        await before.deliver(*[Story(number).opened() for number in range(24)])
    desks = write_acme(tmp_path / "new", responding_within("45m"))
    async with make_sla(clock=clock, desks=desks, reassess_batch=1, reassess_pause=10) as sla:
        await ask(sla)
        home = await eventually(lambda: _half_done(sla))
        assert home is not None
        owner = await asyncpg.connect(sla.dsn)
        async with owner.transaction():
            await owner.execute(_HOLD, *home)
            await eventually(lambda: sla.connection.fetchval(_IS_HELD_UP))
            changed = [row["ticket_id"] for row in await owner.fetch(_TELL_MORE, *home)]
        await owner.close()

        async def is_done() -> bool:
            return bool((await sla.get("/policies/acme/apply"))["state"] == "done")

        # It rests ten times as long as each of its batches of one ticket took.
        await eventually(is_done, within=timedelta(minutes=3))
        await sla.settled()
        moved = {
            each.envelope.subject: each.envelope.sequence
            for each in await sla.timer_events()
            if isinstance(each.event, TimerRescheduled)
        }
        assert {moved[str(ticket_id)] for ticket_id in changed} == {41}


_HOLD = "SELECT FROM consumed WHERE topic = $1 AND partition = $2 FOR UPDATE"
_IS_HELD_UP = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%consumed%'
"""
# As if meanwhile 40 events had been published of each ticket that is still to be done.
_TELL_MORE = """
UPDATE tickets SET timer_sequence = 40 FROM reassessment_tickets AS listed
WHERE listed.topic = $1 AND listed.partition = $2 AND listed.ticket_id = tickets.ticket_id
RETURNING tickets.ticket_id
"""


async def _half_done(sla: Sla) -> asyncpg.Record | None:
    """A partition with tickets to do, whose owner has acknowledged the order."""
    return await sla.connection.fetchrow(
        """
        SELECT topic, partition FROM reassessment_tickets
        JOIN reassessment_counts USING (topic, partition) WHERE what = 'heard'
        GROUP BY topic, partition HAVING count(*) > 1
        """
    )


async def versions_of_tickets(sla: Sla) -> set[str]:
    return {
        row["policy_version"]
        for row in await sla.connection.fetch("SELECT DISTINCT policy_version FROM tickets")
    }


async def test_tickets_opened_meanwhile_under_the_old_version_are_taken_too(
    make_sla: Makes, tmp_path: Path
) -> None:
    """By a process that runs on with the old file; and what is read only after all that."""
    clock = VirtualClock(MONDAY)
    desks = write_acme(tmp_path / "new", responding_within("45m"))
    async with make_sla(clock=clock) as old:
        clock.advance_to(MONDAY + minutes(2))
        async with make_sla(clock=clock, desks=desks) as new:
            await new.deliver(*[Story(number).opened(3) for number in range(12)])
            assert len(await versions_of_tickets(new)) == 2

            meanwhile = [Story(number).opened(3) for number in range(12, 60)]
            await asyncio.gather(applied(new), old.publish(*meanwhile))
            await new.deliver(
                *[Story(number).opened(1 + 2 * number % 4) for number in range(60, 80)]
            )
            assert await versions_of_tickets(new) == {await version_of(new)}


async def test_only_an_admin_applies_and_only_what_is_in_force_for_open_tickets(
    make_sla: Makes, tmp_path: Path
) -> None:
    async with make_sla() as sla:
        assert (await ask(sla, roles=["agent"])).status_code == 403
        assert (await ask(sla, desks=["other"])).status_code == 404
        refused = await ask(sla)
        assert (refused.status_code, "applies_to: open" in refused.text) == (409, True)
        async with sla.http(roles=["admin"]) as client:
            other = await client.post("/policies/acme/apply", json={"version": "nonsense"})
            nothing = await client.get("/policies/acme/apply")
        assert (other.status_code, "restart" in other.text) == (409, True)
        assert nothing.status_code == 404


async def test_command_previews_applies_and_shows_how_far_it_is(
    make_sla: Makes, tmp_path: Path
) -> None:
    clock = VirtualClock(MONDAY)
    async with make_sla(clock=clock) as before:
        await before.deliver(*some_stories())
    clock.advance_to(MONDAY + minutes(1))
    folder = write_acme(tmp_path / "new", responding_within("45m")) / "acme"
    with structlog.testing.capture_logs() as lines:
        async with make_sla(clock=clock, desks=folder.parent) as sla:
            pass
    warned = [each for each in lines if each["event"] == "policy_for_open_tickets_not_applied"]
    assert [(each["log_level"], each["desk"]) for each in warned] == [("warning", "acme")]
    async with make_sla(clock=clock, desks=folder.parent) as sla:
        asked = ("policy", "apply", str(folder))
        _, output = await pledge(sla, *asked, "--dry-run", "--json")
        assert json.loads(output)["counts"] == {"moves": 3}
        status, output = await pledge(sla, *asked, roles=["admin"])
        assert (status, "5 of 5 open tickets" in output, "moves 3" in output) == (0, True, True)
