"""Promises of one team, and of whoever has the ticket."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from pledge.events import PromiseBreached, Topic
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.records import Partition
from sla.assessment.publishing import EventContext, event_of
from sla.desk_file import read
from sla.domain.changes import diff
from sla.domain.values import ChangeKind, PublishedState, State
from sla.storage.ticket_cache import Cause, Ticket
from support.guide import Row, example
from support.sla_cases import TICKET, Story, instant

GUIDE = example("Promises of a team, and of whoever has the ticket")
ZONE = "Europe/Berlin"


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: row.metric)
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def comes(story: Story, at: str, team: str, previous: str | None = None) -> Story:
    return story.then("assigned", at, team=team, previous_team=previous, is_team_changed=True)


def second_line() -> Story:
    return comes(Story(GUIDE.policy, ZONE).opened("2026-03-02 09:00"), "2026-03-02 10:00", "l2")


def test_a_team_is_done_when_the_ticket_leaves_it_and_begins_anew_when_it_is_back() -> None:
    story = comes(second_line(), "2026-03-02 11:00", "l1", "l2")
    assert story.timer("second_line").cancelled_at == instant("2026-03-02 11:00", ZONE)
    assert not any(timer.met_at for timer in story.assess().timers)
    comes(story, "2026-03-03 09:00", "l2", "l1")
    assert story.due("second_line", 2) == "2026-03-03 17:00"
    story.then("agent_replied", "2026-03-03 10:00")
    assert story.state("second_line", "2026-03-03 10:00", 2) is State.MET


def test_another_assignee_of_the_same_team_changes_nothing() -> None:
    story = second_line().then("assigned", "2026-03-02 12:00", team="l2", previous_team="l2")
    assert story.due("second_line") == "2026-03-03 10:00"
    assert story.timer("second_line").cancelled_at is None


def test_whoever_takes_it_next_has_the_whole_time() -> None:
    story = Story(GUIDE.policy, ZONE).opened("2026-03-02 09:00")
    story.then("assigned", "2026-03-02 10:00", is_taken=True)
    story.then("assigned", "2026-03-02 12:00", is_taken=True, is_left=True)
    assert story.timer("owner_answers").cancelled_at == instant("2026-03-02 12:00", ZONE)
    assert story.due("owner_answers", 2) == "2026-03-02 16:00"


def test_a_breach_names_the_team() -> None:
    story = second_line()
    at = instant("2026-03-03 10:00", ZONE)
    changes = diff(PublishedState(), story.assess(), at).changes
    (breach,) = [each for each in changes if each.kind is ChangeKind.BREACHED]
    home = Partition(Topic.TICKET_EVENTS.value, 0)
    cause = Cause("1", "1", None)
    ticket = Ticket(UUID(TICKET), home, "acme", "ACM-1", None, 2, cause, facts=tuple(story.facts))
    context = EventContext(ticket, GUIDE.policy, None, at, lambda _: False, False)
    event = event_of(breach, context)
    assert isinstance(event, PromiseBreached)
    assert (event.metric, event.team) == ("second_line", "l2")


FILE = """\
metrics:
  second_line:
    team: l2
    meets: agent_replied
    cancels: resolved
    targets: [{within: 8h}]
"""


def test_what_the_file_says_itself_stands() -> None:
    (metric,) = read.parse(FILE, Path("acme") / "sla.yaml").metrics
    assert [one.fact for one in metric.cancels] == ["resolved", "assigned"]
    assert (metric.team, metric.repeats) == ("l2", "on_start")
    own = FILE.replace("meets:", "starts: opened\n    repeats: never\n    meets:")
    (metric,) = read.parse(own, Path("acme") / "sla.yaml").metrics
    assert [one.fact for one in metric.starts] == ["opened"]
    assert metric.repeats == "never"


def test_without_a_team_a_metric_says_what_starts_it() -> None:
    with pytest.raises(DeskFileError, match="`starts` is missing"):
        read.parse(FILE.replace("    team: l2\n", ""), Path("acme") / "sla.yaml")
    schema = Draft202012Validator(read.json_schema())
    metric = {"meets": "agent_replied", "targets": [{"within": "8h"}]}
    assert schema.is_valid({"metrics": {"a": {**metric, "team": "l2"}}})
    assert schema.is_valid({"metrics": {"a": {**metric, "starts": "opened"}}})
    assert not schema.is_valid({"metrics": {"a": metric}})
