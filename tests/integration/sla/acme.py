"""A desk with few, plain promises, so that tests can name due instants without a calendar."""

from __future__ import annotations

from pathlib import Path

ACME = """\
desk: acme
timezone: America/Toronto
severity:
  levels: [p1, p2, p3]
  default: p3
calendars:
  office:
    timezone: America/Toronto
    hours: {mon-fri: ["08:30-18:00"]}
at_risk: ["80%"]
metrics:
  first_response:
    starts: opened
    meets: [agent_replied, contact_attempted]
    calendar: always
    targets:
      - {when: {severity: p1}, within: 30m}
      - {when: {severity: p2}, within: 1h, calendar: office}
      - {within: 4h, calendar: office}
  resolution:
    starts: opened
    meets: [resolved]
    pauses:
      - {on: waiting_on_customer, until: [requester_replied, waiting_on_provider]}
    calendar: always
    targets:
      - {when: {severity: p1}, within: 4h}
      - {within: 24h}
  public_update:
    starts: incident_opened
    meets: incident_updated
    cancels: incident_resolved
    repeats: on_meet
    calendar: always
    targets: [{within: 30m}]
"""


def write_acme(folder: Path, text: str = ACME) -> Path:
    """The folder of desks with this desk alone."""
    path = folder / "desks" / "acme" / "sla.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder / "desks"
