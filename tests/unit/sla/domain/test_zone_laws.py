"""Due times follow the zone laws of 2026, also where the machine's own files are older."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sla.desk_file import read as policy_file
from support.sla_cases import Story

FILE = """
desk: acme
timezone: {zone}
calendars:
  office: {{timezone: {zone}, hours: {{mon-fri: ["09:00-17:00"]}}}}
metrics:
  first_response:
    starts: opened
    meets: agent_replied
    targets:
      - {{within: 2h, calendar: office}}
"""


@pytest.mark.parametrize(
    ("zone", "opened", "due"),
    [
        # Two open hours from 09:00 on the wall: 11:00 there, in UTC.
        ("America/Vancouver", "2026-03-06T12:00", "2026-03-06T19:00"),
        ("America/Vancouver", "2026-03-09T12:00", "2026-03-09T18:00"),
        ("America/Vancouver", "2026-11-02T12:00", "2026-11-02T18:00"),
        ("America/Vancouver", "2027-01-15T12:00", "2027-01-15T18:00"),
        ("America/Edmonton", "2026-11-02T12:00", "2026-11-02T17:00"),
        ("America/Edmonton", "2027-01-15T12:00", "2027-01-15T17:00"),
        ("America/Winnipeg", "2026-10-30T12:00", "2026-10-30T16:00"),
        ("America/Winnipeg", "2026-11-02T12:00", "2026-11-02T16:00"),
        ("Africa/Casablanca", "2026-09-18T03:00", "2026-09-18T10:00"),
        ("Africa/Casablanca", "2026-09-21T03:00", "2026-09-21T11:00"),
        ("Africa/Casablanca", "2027-02-22T03:00", "2027-02-22T11:00"),
        ("America/Havana", "2026-12-15T12:00", "2026-12-15T15:00"),
        ("America/Havana", "2027-01-15T12:00", "2027-01-15T15:00"),
    ],
)
def test_due_time_follows_the_law(zone: str, opened: str, due: str) -> None:
    policy = policy_file.parse(FILE.format(zone=zone), Path("acme/sla.yaml"))
    timer = Story(policy).opened(opened).timer("first_response")
    assert timer.due_at == datetime.fromisoformat(due).replace(tzinfo=UTC)
