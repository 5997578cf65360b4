"""Objectives: counted from what was published, told when lost, credits decided by a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integration.sla.acme import ACME, write_acme
from integration.sla.conftest import Makes
from integration.sla.harness import Sla
from integration.sla.stories import AGENT, Story, minutes
from pledge.events import Assigned, DueRevised, PromiseBreached, TimerMet, TimerRescheduled
from pledge.runtime.testing import VirtualClock
from sla.domain.objectives import Objective, PeriodKind, Standing, TimeKept, period_at
from sla.storage import objectives
from support.asking import asker
from support.waiting import eventually

OBJECTIVES = """\
objectives:
  p1_answers:
    title: P1 answered in time
    metric: first_response
    when: {severity: p1}
    share: 60%
    period: month
    credits:
      - {below: 60%, owes: 5%}
      - {below: 20%, owes: 10%}
"""
TEAM = """\
  second_line:
    team: l2
    meets: agent_replied
    targets: [{within: 1h}]
"""
FILE = ACME.replace("    meets: [resolved]\n", "    meets: [resolved]\n    revisable: true\n")
FILE += TEAM + OBJECTIVES
# The last day of November in Toronto is over at 05:00 UTC.
LAST_DAY = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
AFTER = timedelta(hours=13, minutes=15)


@pytest.fixture
async def acme(make_sla: Makes, tmp_path: Path) -> AsyncIterator[Sla]:
    desks = write_acme(tmp_path, FILE)
    async with make_sla(desks=desks, clock=VirtualClock(LAST_DAY)) as running:
        yield running


def story(number: int) -> Story:
    return Story(number, start=LAST_DAY)


async def november(sla: Sla) -> dict[str, Any]:
    rows = (await sla.get("/reports/objectives", desk="acme"))["items"]
    (row,) = [each for each in rows if each["period"] == "2026-11"]
    return dict(row)


async def counted(sla: Sla, **wanted: object) -> dict[str, Any]:
    """November once it is counted so; each look lets the next count begin."""

    async def is_so() -> bool:
        await sla.advance(minutes(1))
        rows = (await sla.get("/reports/objectives", desk="acme"))["items"]
        found: dict[str, Any] = next((each for each in rows if each["period"] == "2026-11"), {})
        return all(found.get(name) == value for name, value in wanted.items())

    await eventually(is_so, what=f"a count of {wanted}")
    return await november(sla)


async def told(sla: Sla) -> list[str]:
    events = await sla.timer_events()
    return [each.event.type.split(".")[2] for each in events if ".objective." in each.event.type]


async def test_an_objective_is_counted_lost_and_not_lost_after_all(acme: Sla) -> None:
    kept, late, other = story(1).opened().attempted(10), story(2).opened(), story(3)
    await acme.deliver(kept, late, other.opened(severity="p3"))
    row = await counted(acme, kept=1, running=1)
    assert (row["missed"], row["state"], row["left"], row["share"]) == (0, "on_track", 0, 0.6)
    await acme.advance(minutes(40))
    row = await counted(acme, kept=1, missed=1, state="at_risk")
    assert (row["attainment"], row["left"], row["burn_rate"]) == (0.5, -1, 1.25)
    assert row["credit"] is None
    await acme.advance(AFTER)
    row = await counted(acme, state="lost")
    assert (row["owes"], row["credit"]) == (0.05, "open")
    assert (row["from"], row["to"]) == ("2026-11-01T04:00:00.000Z", "2026-12-01T05:00:00.000Z")
    # Learnt late: the second one was answered in time, too.
    await acme.deliver(late.attempted(20, known_after=14 * 60).last)
    row = await counted(acme, state="kept")
    assert (row["kept"], row["missed"], row["owes"], row["credit"]) == (2, 0, 0, None)
    assert await told(acme) == ["at_risk", "lost", "loss_retracted"]


async def test_metrics_show_the_present_period(acme: Sla) -> None:
    await acme.deliver(story(1).opened().attempted(10), story(2).opened())
    await counted(acme, kept=1, running=1)
    async with acme.http() as client:
        series = (await client.get("/metrics")).text
    labels = '{desk="acme",objective="p1_answers"}'
    assert f"sla_objective_attainment_ratio{labels} 1.0" in series
    assert f"sla_objective_misses_left{labels} 0.0" in series


async def test_a_changed_severity_changes_who_counts(acme: Sla) -> None:
    ticket = story(1).opened(severity="p3")
    await acme.deliver(ticket)
    await acme.deliver(ticket.triaged(5, "p1").last)
    row = await counted(acme, running=1)
    assert row["kept"] == 0
    await acme.deliver(ticket.triaged(8, "p3").last)
    await counted(acme, running=0)


async def test_a_credit_is_confirmed_once_and_by_a_person(acme: Sla) -> None:
    await acme.deliver(story(1).opened())
    await acme.advance(AFTER)
    await counted(acme, state="lost", owes=0.1)
    (listed,) = (await acme.get("/credits"))["items"]
    assert (listed["objective"], listed["period"], listed["owes"]) == ("p1_answers", "2026-11", 0.1)
    path = "/credits/acme/p1_answers/2026-11"
    async with acme.http(roles=["agent"]) as client:
        assert (await client.post(path, json={"decision": "confirmed"})).status_code == 403
    async with acme.http(roles=["admin"]) as client:
        assert (await client.post(path, json={"decision": "waived"})).status_code == 409
        first = await client.post(path, json={"decision": "confirmed"})
        again = await client.post(path, json={"decision": "confirmed", "why": "again"})
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        other = await client.post(path, json={"decision": "waived", "why": "an outage"})
        assert other.status_code == 409
        unknown = await client.post("/credits/acme/p1_answers/2026-10", json={"decision": "waived"})
        assert unknown.status_code == 404
    assert first.json()["credit"] == "confirmed"
    assert (await acme.get("/credits"))["items"] == []
    assert len((await acme.get("/credits", state="confirmed"))["items"]) == 1
    assert await told(acme) == ["at_risk", "lost", "credit_decided"]


async def test_a_machine_that_slept_in_a_count_counts_again_within_the_hour(
    acme: Sla, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.deliver(story(1).opened())
    await counted(acme, running=1)
    count, slept = objectives.count, timedelta()

    async def sleep_in_it(*about: Any) -> list[Standing]:
        nonlocal slept
        if not slept:
            slept = AFTER
            acme.clock.advance_to(acme.clock.now() + slept)
        return await count(*about)

    monkeypatch.setattr(objectives, "count", sleep_in_it)

    async def has_slept() -> bool:
        if not slept:
            await acme.advance(minutes(1))
        return bool(slept)

    # Only then is the service asked: a token ends while the machine sleeps.
    await eventually(has_slept, what="the machine having slept in a count")
    woke = acme.clock.now()
    await counted(acme, state="lost")
    assert acme.clock.now() - woke <= timedelta(hours=1, minutes=10)


async def test_the_page_shows_objectives_and_takes_decisions(acme: Sla) -> None:
    await acme.deliver(story(1).opened())
    await acme.advance(AFTER)
    await counted(acme, state="lost")
    token = acme.signer.token(acme.clock.now(), roles=["admin"], desks=["acme"])
    browser = {"accept": "text/html"}
    url = f"http://127.0.0.1:{acme.settings.http_port}"
    async with asker(url, headers=browser, cookies={"pledge_session": token}) as client:
        page = await client.get("/reports")
        assert "P1 answered in time" in page.text
        assert "owes 10 %" in page.text
        code = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"desk": "acme", "objective": "p1_answers", "period": "2026-11", "csrf_token": code}
        waived = {**form, "decision": "waived", "why": "<b>planned</b>"}
        page = await client.post("/reports/credits", data=waived, follow_redirects=True)
        assert page.status_code == 200
        assert "10 % waived by" in page.text
        assert "&lt;b&gt;planned&lt;/b&gt;" in page.text
    async with acme.http(roles=["reader"]) as client:
        page = await client.get("/reports", headers=browser)
        assert "2026-11" in page.text


async def test_attainment_is_divided_by_team(acme: Sla) -> None:
    ticket = story(1).opened().attempted(5)
    ticket.add(Assigned, 10, assignee=None, by=AGENT, team="l2", is_team_changed=True)
    await acme.deliver(ticket.replied(20))
    await acme.advance(minutes(90))
    rows = (await acme.get("/reports/attainment", desk="acme", by="team"))["items"]
    assert {(row["team"], row["metric"], row["kept"]) for row in rows} == {
        ("", "first_response", 1), ("l2", "second_line", 1),
    }  # fmt: skip
    (event,) = [
        each.event
        for each in await acme.timer_events()
        if isinstance(each.event, TimerMet) and each.event.metric == "second_line"
    ]
    assert event.team == "l2"


async def test_a_revised_due_time_is_published_and_breached_at(acme: Sla) -> None:
    ticket = story(1).opened().attempted(5)
    agreed = LAST_DAY + timedelta(hours=6)
    ticket.add(DueRevised, 30, metric="resolution", due_at=agreed, by=AGENT, why="a spare part")
    await acme.deliver(ticket)
    (moved,) = [
        each.event for each in await acme.timer_events() if isinstance(each.event, TimerRescheduled)
    ]
    assert (moved.due_at, moved.reason) == (agreed, "due_revised")
    assert (moved.agreed_by, moved.agreed_why) == ("Ann", "a spare part")
    (timer,) = (await acme.get("/timers", metric="resolution"))["items"]
    assert timer["target"] == "as agreed by Ann: a spare part (instead of 4 hours round the clock)"
    await acme.advance(timedelta(hours=7))
    (breach,) = [each.event for each in await acme.breach_events()]
    assert isinstance(breach, PromiseBreached)
    assert (breach.due_at, breach.agreed_by) == (agreed, "Ann")


async def test_what_is_due_between_two_periods_counts_in_neither(acme: Sla) -> None:
    await acme.deliver(story(1).opened().attempted(10), story(2).opened(1440).attempted(1450))
    zone = ZoneInfo("America/Toronto")
    counted_in = [
        period_at(PeriodKind.WEEK, LAST_DAY - timedelta(days=14), zone),
        period_at(PeriodKind.WEEK, LAST_DAY + timedelta(days=14), zone),
    ]
    here = period_at(PeriodKind.WEEK, LAST_DAY, zone)
    for metric_time, kept in ((TimeKept.PROMISED, 2), (TimeKept.EXPECTED, 0)):
        objective = Objective(
            "p1_answers", "first_response", 600_000, PeriodKind.WEEK, time=metric_time
        )
        asked = acme.connection, "acme", objective
        none = await objectives.count(*asked, counted_in, LAST_DAY)
        assert none == [Standing(0, 0), Standing(0, 0)]
        assert await objectives.count(*asked, [here], LAST_DAY) == [Standing(kept, 0)]
