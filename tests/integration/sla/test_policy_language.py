"""Business days, a matrix and customers' own hours: from the event to the explanation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from integration.sla.acme import write_acme
from integration.sla.conftest import Makes
from integration.sla.stories import Story, minutes
from pledge.events import PromiseBreached

# The stories open on Monday 2026-11-16, 16:00 UTC.
FILE = """\
desk: acme
timezone: America/Toronto
severity: {levels: [p1, p2, p3], default: p3}
matrix:
  table:
    everybody: {high: p1, low: p2}
    one: {high: p3, low: p3}
calendars:
  office: {timezone: America/Toronto, hours: {mon-fri: ["08:30-18:00"]}}
  together: {all_of: [office, customer]}
customers:
  otherwise: office
  calendars:
    Contoso: {timezone: Europe/London, hours: {mon-fri: ["09:00-17:30"]}}
metrics:
  first_response:
    starts: opened
    meets: [agent_replied]
    targets:
      - {when: {severity: p1}, within: 30m}
      - {within: 4h, calendar: together}
  resolution:
    starts: opened
    meets: [resolved]
    targets: [{within: 2bd, calendar: customer}]
"""


@pytest.fixture
def desks(tmp_path: Path) -> Path:
    return write_acme(tmp_path, FILE)


async def test_what_a_policy_says_is_reckoned_published_and_explained(
    make_sla: Makes, desks: Path
) -> None:
    grave = Story(1).opened(severity="p1", impact="everybody", urgency="high", is_by_matrix=True)
    chosen = Story(2).opened(severity="p3", impact="everybody", urgency="high", customer="Contoso")
    async with make_sla(desks=desks) as sla:
        await sla.deliver(grave, chosen)
        told = (await sla.get(f"/tickets/{grave.number}/explanation"))["timers"]
        due = {each["metric"]: each["due"] for each in told}
        assert due == {
            "first_response": "2026-11-16T16:30:00Z",
            "resolution": "2026-11-18T16:00:00Z",
        }
        explanation = await sla.get(f"/tickets/{chosen.number}/explanation")
        assert explanation["matrix"].startswith("Severity p3 was chosen, which comes first; ")
        first, resolution = explanation["timers"]
        # London has an hour and a half left on Monday, of the 4; Toronto opens at 13:30 UTC.
        assert first["due"] == "2026-11-17T16:00:00Z"
        assert first["calendar_of"] == "together, with Contoso's own hours"
        assert resolution["due"] == "2026-11-18T16:00:00Z"
        assert resolution["business_days"]["after"] == ["2026-11-17", "2026-11-18"]
        await sla.advance(minutes(31))
        await sla.advance(timedelta(days=1))
        breaches = {
            (each.event.ticket_number, each.event.metric, each.event.severity)
            for each in await sla.breach_events()
            if isinstance(each.event, PromiseBreached)
        }
        assert breaches == {
            (grave.number, "first_response", "p1"), (chosen.number, "first_response", "p3"),
        }  # fmt: skip
        async with sla.http() as client:
            page = await client.get(f"/ticket/{chosen.number}", headers={"accept": "text/html"})
        assert "together, with Contoso&#39;s own hours" in page.text
        assert "Business days after Mon 2026-11-16: Tue 2026-11-17, Wed 2026-11-18." in page.text
