"""The desk `chaos`: promises of seconds, a page for each that is broken, an incident."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

DESK = "chaos"
ADDRESS = "help@chaos.example"
FORM_KEY = "chaos-public-form-key"
RECEIVER = "pager"
# What the desk promises. The oracle computes with these, the service with its file.
FIRST_RESPONSE = timedelta(seconds=2)
RESOLUTION = timedelta(seconds=3)
# A page that is raised so long after its breach was noticed is late.
PAGE_LATE_AFTER = timedelta(seconds=2)

_FILES = {
    "intake.yaml": f"""\
desk: {DESK}
name: Chaos
tickets: {{prefix: CHAOS}}
reply_address: {ADDRESS}
severities:
  - {{name: critical, title: Critical, definition: Nothing works.}}
  - {{name: normal, title: Normal, definition: Everything else.}}
defaults: {{severity: normal}}
addresses: [{{address: {ADDRESS}}}]
portal: {{form_keys: [{FORM_KEY}]}}
""",
    "sla.yaml": f"""\
desk: {DESK}
timezone: UTC
severity: {{levels: [critical, normal], default: normal}}
at_risk: ["60%"]
metrics:
  first_response:
    starts: opened
    meets: [agent_replied, contact_attempted, resolved]
    targets: [{{within: {FIRST_RESPONSE.seconds}s}}]
  resolution:
    starts: opened
    meets: [resolved]
    targets: [{{within: {RESOLUTION.seconds}s}}]
  next_response:
    starts: requester_replied
    meets: [agent_replied, resolved]
    after: first_response
    repeats: on_start
    targets: [{{within: 1h}}]
""",
    "notify.yaml": f"""\
title: Chaos
zone: UTC
sender: {ADDRESS}
late_after: {PAGE_LATE_AFTER.seconds}s
receivers:
  {RECEIVER}: {{url: "${{SINK_URL}}/{RECEIVER}"}}
escalations:
  on-call: {{steps: [{{notify: ["receiver:{RECEIVER}"], wait: 12h}}]}}
routes:
  - name: page-on-a-breach
    when: {{event: promise.breached}}
    page: on-call
""",
    "status.yaml": f"""\
desk: {DESK}
page: {{name: Chaos, zone: Etc/UTC}}
components: [{{key: service, name: Service}}]
open_incident_when:
  - key: confirmed
    any_of: [ticket_confirmed]
    severities: [critical]
    incident:
      name: Service disruption
      message: We have confirmed a disruption and are working on it.
      components: {{service: major_outage}}
""",
}


def write_desk(desks: Path) -> None:
    """Write the desk's files into the folder `desks`."""
    folder = desks / DESK
    folder.mkdir(parents=True)
    for name, content in _FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
