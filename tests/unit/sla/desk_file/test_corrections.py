"""Since when a change of a ticket's attribute counts, as decided and as a desk's file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.yaml_file import load as load_yaml
from sla.desk_file import read
from sla.desk_file.version import text_version_of
from sla.domain.explain import explain
from sla.domain.policy.policy import Policy
from sla.domain.replay.missed_intervals import begun
from sla.domain.values import State
from support.sla_cases import DESKS, Story, desk, instant

EASTERN, PACIFIC = "America/New_York", "America/Los_Angeles"


def desk_that_counts(name: str, counts: str) -> Policy:
    """The policy of a desk whose file has `counts`, too."""
    path = DESKS / name / "sla.yaml"
    return read.parse(f"{path.read_text(encoding='utf-8')}\ncounts: {{{counts}}}\n", path)


def vircom(counts: str, at: str, **data: object) -> Story:
    return Story(desk_that_counts("vircom", counts), EASTERN).opened(at, **data)


def test_file_may_let_severity_count_from_its_change_on() -> None:
    # P3 on office hours from Saturday: nothing counted yet when it becomes a P1 on Sunday noon.
    story = vircom("severity: from_change", "2026-03-07 10:00", severity="p3")
    story.then("triaged", "2026-03-08 12:00", severity="p1")
    assert story.due("first_response") == "2026-03-08 12:30"
    # What was met before stays as it is.
    story = vircom("severity: from_change", "2026-03-02 09:00", severity="p3")
    story.then("agent_replied", "2026-03-02 12:00").then(
        "triaged", "2026-03-02 12:30", severity="p1"
    )
    assert story.due("first_response") == "2026-03-02 13:00"
    assert story.state("first_response", "2026-03-02 14:00") is State.MET


def test_version_of_an_earlier_release_counts_as_it_did_and_its_revision_does_not() -> None:
    path = DESKS / "vircom" / "sla.yaml"
    text = path.read_text(encoding="utf-8")
    named_then = text_version_of(load_yaml(path).data)
    for version, due in ((named_then, "2026-03-08 12:30"), (None, "2026-03-07 10:30")):
        policy = read.read_stored(text, path, version=version).policy
        assert (policy.version == named_then) is (version is not None)
        story = Story(policy, EASTERN).opened("2026-03-07 10:00", severity="p3")
        story.then("triaged", "2026-03-08 12:00", severity="p1")
        assert story.due("first_response") == due


def test_version_of_an_earlier_release_misses_one_interval_and_its_revision_each() -> None:
    path = DESKS / "vircom" / "sla.yaml"
    text = path.read_text(encoding="utf-8")
    named_then = text_version_of(load_yaml(path).data)
    for version, missed in ((named_then, 1), (None, 4)):
        policy = read.read_stored(text, path, version=version).policy
        story = Story(policy).then("incident_opened", "2026-03-07 10:00", impact="critical")
        until = instant("2026-03-07 12:00", "UTC")
        states = [each.state_at(until) for each in begun(story.assess(), until)]
        assert states.count(State.BREACHED) == missed
        story.then("incident_updated", "2026-03-07 12:10")
        assert story.assess().timers[-1].due_at == instant("2026-03-07 12:40", "UTC")


def test_file_may_let_scope_count_from_its_change_on() -> None:
    story = vircom("scope: from_change", "2026-03-02 09:00", severity="p2")
    story.then("scope_decided", "2026-03-02 10:00", scope="best_effort")
    assert story.state("resolution", "2026-03-10 09:00") is State.CANCELLED
    assert story.timer("resolution").reason == "no_promise"
    story.then("scope_decided", "2026-03-02 15:00", scope="covered")
    assert story.due("resolution") == "2026-03-03 14:00", "five hours nothing was promised"


def test_plan_counts_from_its_change_unless_the_file_says_otherwise() -> None:
    at, changed = "2026-07-01 16:00", "2026-07-01 20:00"
    for policy, due in (
        (desk("infocyte"), "2026-07-01 23:00"),  # an hour of Enlist's day, three of Patrol's
        (desk_that_counts("infocyte", "plan: from_opening"), "2026-07-01 20:00"),
    ):
        story = Story(policy, "Etc/GMT+5").opened(at, severity="s2", plan="enlist")
        story.then("plan_changed", changed, plan="patrol")
        assert story.due("first_response") == due


def test_flag_of_the_file_counts_from_its_moment_unless_the_file_says_otherwise() -> None:
    for policy, due in (
        (desk("sign-in-solutions"), "2026-03-03 21:15"),
        (desk_that_counts("sign-in-solutions", "phoned: from_opening"), "2026-03-03 20:15"),
    ):
        case = Story(policy, PACIFIC).opened("2026-03-03 20:00", severity="critical")
        case.then("requester_replied", "2026-03-03 21:00", channel="phone")
        assert case.due("first_response") == due


def test_impact_of_an_incident_counts_from_its_change_always() -> None:
    text = """
    desk: pages
    metrics:
      public_update:
        starts: incident_opened
        meets: incident_updated
        targets:
          - {when: {impact: critical}, within: 15m}
          - {within: 60m}
    """
    story = Story(read.parse(text, Path("pages/sla.yaml")))
    story.then("incident_opened", "2026-03-03 10:00", impact="minor")
    story.then("incident_updated", "2026-03-03 10:50", impact="minor")
    story.then("incident_updated", "2026-03-03 11:00", impact="critical")
    assert story.state("public_update", "2026-03-03 12:00") is State.MET


def test_severity_of_an_incident_is_its_own_or_its_impact_and_no_default() -> None:
    story = Story(desk("vircom"), EASTERN)
    story.then("incident_opened", "2026-03-03 10:00", impact="major", state="investigating")
    assert story.assess().attributes["severity"] == "major"
    story.then(
        "incident_updated", "2026-03-03 10:10", impact="major", state="identified", severity="p1"
    )
    assert story.assess().attributes["severity"] == "p1"
    assert story.due("public_update", 2) == "2026-03-03 10:40"


def test_explanation_tells_what_was_corrected_and_what_is_not_promised() -> None:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p3")
    story.then("triaged", "2026-03-02 10:00", severity="p1")
    story.then("scope_decided", "2026-03-02 11:00", scope="best_effort")
    explanation = explain(story.assess(), story.policy, instant("2026-03-02 12:00", EASTERN))
    notes = explanation.notes_text()
    assert notes[:2] == [
        "triaged (2) counts from the opening: severity p1.",
        "scope decided (3) counts from the opening: scope best_effort.",
    ]
    assert [note.partition(", line")[0] for note in notes[2:]] == [
        "first response is not promised, by rule 1",
        "resolution is not promised, by rule 1",
    ]


def test_finding_that_says_nothing_new_is_not_noted() -> None:
    story = Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p1")
    story.then("triaged", "2026-03-02 10:00", severity="p1", product="modusMail")
    assert story.assess().notes == ()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ("severty: from_change", "a ticket has no attribute `severty`"),
        ("severity: from_now", "from_opening"),
    ],
)
def test_mistake_in_what_counts_is_told_at_its_place(
    tmp_path: Path, counts: str, words: str
) -> None:
    path = tmp_path / "vircom" / "sla.yaml"
    path.parent.mkdir()
    text = (DESKS / "vircom" / "sla.yaml").read_text(encoding="utf-8")
    path.write_text(f"{text}\ncounts:\n  {counts}\n", encoding="utf-8")
    [problem] = read.check_desk_file(path).problems
    assert words in f"{problem.message} {problem.hint}"
    assert problem.line == len(text.splitlines()) + 3
