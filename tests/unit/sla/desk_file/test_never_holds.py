"""What can never hold, begin or be met is refused where it stands, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file import read

FILE = """\
desk: test
severity:
  levels: [p1, p2]
  default: p2
calendars:
  office: {timezone: Europe/Paris, hours: {mon-fri: ["09:00-17:00"]}}
flags:
  phoned: {on: {fact: opened, where: {channel: phone}}}
milestones: [root_cause]
metrics:
  first:
    starts: opened
    meets: agent_replied
    cancels: [resolved]
    pauses: [{on: waiting_on_customer, until: requester_replied}]
    targets:
      - {when: {severity: p1}, within: 1h}
      - {within: 4h, calendar: office}
  update:
    starts: incident_opened
    meets: incident_updated
    repeats: on_meet
    targets: [{within: 30m}]
silences:
  quiet: {heard: requester_replied, quiet: 5d}
"""


def problems(text: str) -> list[str]:
    path = Path("test") / "sla.yaml"
    found = read.read(parse_yaml(text, path))[1]
    return [str(one).removeprefix(f"{path}:") for one in found]


def test_the_file_itself_is_right() -> None:
    assert problems(FILE) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{severity: p1}", '{trial: "yes"}', "`trial` is yes or no, not 'yes' (write true)"),
        ("{severity: p1}", "{urgent: no}", "`urgent` is yes or no, not 'no' (write false)"),
        ("{severity: p1}", "{urgent: {not: [off]}}", "`urgent` is yes or no, not 'off'"),
        ("{severity: p1}", "{phoned: maybe}", "not 'maybe' (write true or false)"),
        ("{severity: p1}", "{entitled: 1}", "`entitled` is yes or no, not 1 (write true)"),
        ("{severity: p1}", "{trial: null}", "`trial` always has a value (write true or false)"),
        ("{severity: p1}", "{severity: 1}", '`severity` is text, not 1 (write "1")'),
        ("{severity: p1}", "{plan: true}", '`plan` is text, not true (write "*" for any text'),
        ("{severity: p1}", "{severity: []}", "`severity` lists no value: it never holds"),
        ("{severity: p1}", "{plan: {not: []}}", "warning: `plan` leaves out nothing: it always"),
        ("{severity: p1}", '{severity: "s*"}', "no severity is left: it never holds"),
        ("{severity: p1}", "{severity: {not: [p1, p2]}}", "no severity is left: it never holds"),
        ("{severity: p1}", "{impact: major}", "no ticket has `impact` (only incidents have it"),
        ("metrics:\n",
         "matrix: {table: {wide: {high: p1, low: p2}}}\nmetrics:\n  other: {starts: opened,"
         " meets: resolved, targets: [{when: {impact: wiede}, within: 1h}]}\n",
         "`wiede` is no impact of the matrix (did you mean `wide`?)"),
        ("{severity: p1}", "{colour: red}", "a ticket has no attribute `colour`"),
        ("targets: [{within: 30m}]", "targets: [{when: {plan: x}, within: 30m}, {within: 1h}]",
         "no incident has `plan` (only tickets have it"),
        ("meets: agent_replied", "meets: {fact: agent_replied, where: {channel: 5}}",
         '`channel` is text, not 5 (write "5")'),
        ("meets: agent_replied", 'meets: {fact: agent_replied, where: {initial_response: "yes"}}',
         "`initial_response` is yes or no, not 'yes' (write true)"),
        ("meets: agent_replied", "meets: {fact: feedback_received, where: {rating: 9}}",
         "`rating` is at most 5"),
        ("meets: agent_replied", 'meets: {fact: feedback_received, where: {rating: "5"}}',
         "`rating` is a number, not '5' (write 5)"),
        ("meets: agent_replied", "meets: {fact: agent_replied, where: {to: eve}}",
         "`to` is a list or has parts, which no condition can ask about"),
        ("meets: agent_replied", "meets: {fact: triaged, where: {severity: p4}}",
         "`p4` is not among the severities"),
        ("meets: agent_replied", "meets: {fact: agent_replied, when: {state: open}}",
         "no ticket has `state`"),
        ("on: {fact: opened, where: {channel: phone}}",
         "on: {fact: opened, when: {channel: phone}}",
         "`when` has no effect here: flags and silences ask for a fact's own fields"),
        ("meets: agent_replied", "meets: incident_updated",
         "`incident_updated` happens to incidents, and this is about tickets"),
        ("cancels: [resolved]", "cancels: [incident_resolved]", "happens to incidents"),
        ("until: requester_replied", "until: incident_updated", "happens to incidents"),
        ("meets: incident_updated", "meets: root_cause", "`root_cause` happens to tickets"),
        ("starts: opened", "starts: [opened, incident_opened]",
         "no fact in `meets` happens to incidents: it is never met"),
        ("heard: requester_replied", "heard: incident_updated", "happens to incidents"),
        ("starts: opened", "starts: closed", "`closed` ends all promises: what it starts is over"),
        ("meets: agent_replied", "meets: agent_replied\n    after: first",
         "never begins: `first` after `first`"),
        ("meets: agent_replied", "meets: agent_replied\n    after: update",
         "never begins: `update` is about incidents"),
        ("within: 1h", "by: time given in next_update_by",
         "no fact that starts it gives a time `next_update_by`"),
        ("within: 1h", "outside: always, within: 1h", "`always` is never closed"),
        ("meets: agent_replied", "meets: ticket.agent_replied", "did you mean `agent_replied`?"),
        ("starts: opened", "starts: pledge.ticket.opened.v1", "did you mean `opened`?"),
        ("starts: opened", "starts: TicketOpened", "did you mean `opened`?"),
        ("starts: opened", "starts: created", "did you mean `opened`?"),
        ("meets: agent_replied", "meets: answered", "did you mean `agent_replied`?"),
        ('["09:00-17:00"]}}', '["09:00-17:00"]}, holidays: {countries: [gb-eng]}}',
         "did you mean GB-ENG?"),
        ("desk: test", "desk: test\ndefaults: {trial: maybe}", "`trial` is yes or no, not 'maybe'"),
        ("desk: test", "desk: test\ndefaults: {severity: p9}", "`p9` is not among the severities"),
    ],
)  # fmt: skip
def test_what_never_holds_is_told(old: str, new: str, says: str) -> None:
    assert old in FILE
    found = problems(FILE.replace(old, new, 1))
    assert any(says in one for one in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{severity: p1}", "{trial: true}"),
        ("{severity: p1}", "{plan: null}"),
        ("{severity: p1}", "{plan: {not: null}}"),
        ("{severity: p1}", "{entitled: null}"),
        ("{severity: p1}", "{severity: [P1]}".lower()),
        ("{severity: p1}", '{zone: ["Europe/*", "Africa/*"]}'),
        ("{severity: p1}", "{known_incident: true}"),
        ("targets: [{within: 30m}]",
         "targets: [{when: {impact: major}, within: 5m}, {within: 1h}]"),
        ("targets: [{within: 30m}]", "targets: [{when: {severity: p1}, within: 5m}, {within: 1h}]"),
        ("meets: agent_replied", "meets: root_cause"),
        ("meets: agent_replied", "meets: {fact: root_cause, when: {severity: p1}}"),
        ("meets: agent_replied", "meets: {fact: feedback_received, where: {rating: [4, 5]}}"),
        ("meets: agent_replied", "meets: {fact: triaged, where: {severity: p1}}"),
        ("starts: opened", "starts: closed\n    outlives_closing: true"),
        ("repeats: on_meet\n    targets: [{within: 30m}]",
         "repeats: on_meet\n    targets: [{by: time given in next_update_by}, {within: 30m}]"),
        ("desk: test", "desk: test\ndefaults: {plan: gold, trial: false}"),
    ],
)  # fmt: skip
def test_what_can_hold_is_not_told(old: str, new: str) -> None:
    assert old in FILE
    assert problems(FILE.replace(old, new, 1)) == []


def test_a_policy_that_was_in_force_stays_readable() -> None:
    text = FILE.replace("{severity: p1}", '{trial: "yes"}').replace(
        "meets: agent_replied", "meets: incident_updated"
    )
    path = Path("test") / "sla.yaml"
    with pytest.raises(DeskFileError):
        read.parse(text, path)
    policy = read.read_stored(text, path).policy
    assert [metric.name for metric in policy.metrics] == ["first", "update"]
