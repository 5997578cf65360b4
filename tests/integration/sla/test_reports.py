"""Reports agree with what was published, and are about the asker's desks alone."""

from __future__ import annotations

import csv
import io
from datetime import timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integration.sla.harness import Sla
from integration.sla.stories import MONDAY, Story, minutes
from sla.storage import reports
from sla.storage.reports import Period


async def report(sla: Sla, name: str, **params: Any) -> list[dict[str, Any]]:
    return list((await sla.get(f"/reports/{name}", desk="acme", **params))["items"])


async def three_tickets(sla: Sla) -> None:
    """One answered in time, one never, one that a late fact proves answered in time."""
    kept, missed = Story(1).opened(customer="Ada Inc").attempted(10), Story(2).opened()
    taken_back = Story(3).opened(severity="p2", customer="=cmd()")
    await sla.deliver(kept, missed, taken_back)
    await sla.advance(minutes(70))
    await sla.deliver(taken_back.attempted(20, known_after=70).last)


async def test_attainment_counts_what_was_kept_and_missed(sla: Sla) -> None:
    await three_tickets(sla)
    (first,) = await report(sla, "attainment")
    assert first == {
        "metric": "first_response",
        "kept": 2,
        "missed": 1,
        "attainment": 0.6667,
        "measured": 0,
        "median_seconds": 900.0,
    }
    standing = (await sla.get("/breaches", retracted=False))["items"]
    assert len(standing) == first["missed"]


async def test_attainment_is_divided_as_asked(sla: Sla) -> None:
    await three_tickets(sla)
    rows = await report(sla, "attainment", by="severity,customer,month")
    assert [
        (row["severity"], row["customer"], row["month"], row["kept"], row["missed"]) for row in rows
    ] == [
        ("p1", "", "2026-11", 0, 1),
        ("p1", "Ada Inc", "2026-11", 1, 0),
        ("p2", "=cmd()", "2026-11", 1, 0),
    ]


async def test_attainment_is_of_the_period_alone(sla: Sla) -> None:
    await three_tickets(sla)
    until = {"to": (MONDAY + minutes(30)).isoformat()}
    assert await report(sla, "attainment", **until) == []


async def test_breaches_are_counted_by_the_hour_of_the_desk(sla: Sla) -> None:
    await three_tickets(sla)
    assert await report(sla, "breaches") == [
        # 16:30 UTC on a Monday is 11:30 in Toronto.
        {"metric": "first_response", "weekday": 1, "hour": 11, "breaches": 1}
    ]


async def test_ticket_parked_right_before_it_is_due_is_found_with_who_did_it(sla: Sla) -> None:
    early, late = Story(1).opened().attempted(1).waiting(60), Story(2).opened().attempted(1)
    await sla.deliver(early, late.waiting(220))
    await sla.advance(minutes(240))
    (pause,) = await report(sla, "pauses")
    assert (pause["number"], pause["agent"], pause["metric"]) == ("ACM-2", "Ann", "resolution")
    assert pause["left_seconds"] == 20 * 60
    assert pause["resumed_at"] is None


async def test_csv_has_a_heading_and_no_formulas(sla: Sla) -> None:
    await three_tickets(sla)
    async with sla.http() as client:
        answer = await client.get("/reports/attainment?desk=acme&by=customer&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["customer"] for row in rows} == {"", "Ada Inc", "'=cmd()"}


async def test_metrics_show_the_share_kept(sla: Sla) -> None:
    await three_tickets(sla)
    await sla.advance(minutes(2))  # for the next count
    async with sla.http() as client:
        text = (await client.get("/metrics")).text
    assert 'sla_breaches_total{desk="acme",late="false",metric="first_response"} 2.0' in text
    assert 'sla_breach_retractions_total{desk="acme",metric="first_response"} 1.0' in text
    assert 'sla_timers{desk="acme",state="running"}' in text
    assert 'sla_attainment_ratio{desk="acme",metric="first_response"}' in text
    assert "sla_detection_seconds_bucket" in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports/attainment?desk=demo", 404),
        ("/reports/attainment", 422),
        ("/reports/attainment?desk=acme&by=moon", 422),
        ("/reports/attainment?desk=acme&from=2027-01-01T00:00:00Z", 422),
        ("/reports/breaches?desk=acme&format=xml", 422),
    ],
)
async def test_wrong_questions_are_told_what_is_wrong(sla: Sla, path: str, status: int) -> None:
    async with sla.http() as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "zone",
    [
        ZoneInfo("America/Toronto"),
        ZoneInfo("America/Winnipeg"),
        ZoneInfo("Asia/Kathmandu"),
        ZoneInfo("Pacific/Chatham"),
        timezone(timedelta(hours=-5)),
        timezone(timedelta(hours=5.5)),
    ],
)
async def test_hours_and_months_are_those_of_the_zone(sla: Sla, zone: tzinfo) -> None:
    await three_tickets(sla)
    due = MONDAY + minutes(30)
    local = due.astimezone(zone)
    # Years long, as nobody asks: it is counted a year at a time.
    period = Period("acme", due - timedelta(days=2000), due + timedelta(days=1), zone)
    assert await reports.breaches_by_hour(sla.connection, period) == [
        ("first_response", local.isoweekday(), local.hour, 1)
    ]
    rows = await reports.ended_timers(
        sla.connection, period, by_severity=False, by_customer=False, by_month=True
    )
    assert {row["month"] for row in rows} == {f"{local:%Y-%m}"}
