"""What `pledge desk check` finds where the files of one desk contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.desk_commands import check_files, check_folder
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.template import write_desk
from support.cluster import ROOT

FAULTS = ROOT.parent / "shared" / "faults"
SERVICES = cli.services()
TEMPLATES = {f"{name}.yaml": one.desk_template or "" for name, one in SERVICES.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A new desk, as the templates make it."""
    write_desk(tmp_path / "acme", TEMPLATES)
    return tmp_path / "acme"


def change(desk: Path, service: str, old: str, new: str) -> None:
    path = desk / f"{service}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(desk: Path, service: str, text: str) -> None:
    with (desk / f"{service}.yaml").open("a", encoding="utf-8") as file:
        file.write(text)


def check(desk: Path) -> list[Problem]:
    return check_folder(desk, SERVICES)


def the_only(desk: Path) -> Problem:
    """The one problem of the desk, which each of its files alone does not have."""
    assert check_files(desk, SERVICES)[0] == []
    (problem,) = check(desk)
    return problem


def line_of(problem: Problem) -> str:
    return problem.file.read_text(encoding="utf-8").splitlines()[problem.line - 1]


def test_customers_with_hours_of_their_own_are_those_that_intake_lists(desk: Path) -> None:
    append(
        desk,
        "sla",
        "customers:\n  otherwise: office\n  calendars:\n    Contosa: always\n",
    )
    assert check(desk) == [], "as long as no file lists customers"
    append(desk, "intake", "customers: [{name: Contoso, domains: [contoso.example]}]\n")
    problem = the_only(desk)
    assert (problem.severity, problem.message) == (
        "warning", "there is no customer `Contosa` in intake.yaml",
    )  # fmt: skip
    assert line_of(problem) == "    Contosa: always"
    change(desk, "sla", "Contosa", "contoso")
    assert check(desk) == []


REACH = """\
matrix:
  impact:
    - {name: everybody, title: All, definition: All.}
    - {name: one, title: One, definition: One.}
  urgency: [{name: high, title: High, definition: Now.}]
  table:
    everybody: {high: critical}
    one: {high: normal}
"""
TABLE = """\
matrix:
  table:
    everybody: {high: critical}
    one: {high: high}
"""


def test_the_matrix_is_the_same_where_it_is_chosen_and_where_it_is_promised(desk: Path) -> None:
    append(desk, "intake", REACH)
    assert check(desk) == []
    append(desk, "sla", TABLE)
    problem = the_only(desk)
    assert problem.message.startswith("impact one and urgency high give high here and normal in")
    assert line_of(problem) == "    one: {high: high}"
    change(desk, "sla", "one: {high: high}", "one: {high: normal}")
    assert check(desk) == []
    change(desk, "sla", "    one: {high: normal}\n", "")
    problem = the_only(desk)
    assert problem.message == "sla.yaml does not say what impact one and urgency high give"
    assert line_of(problem) == "    one: {high: normal}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    one: {high: normal}\n", "", "the table does not say what one and high give"),
        ("one: {high: normal}", "one: {high: mild}", "mild"),
        ("    one: {high", "    two: {high: normal}\n    one: {high", "two"),
        ("one: {high: normal}", "one: {high: normal, low: normal}", "low"),
        ("{name: one, title: One", "{name: everybody, title: One", "everybody"),
    ],
)
def test_a_mistake_in_the_matrix_of_intake_is_told(
    desk: Path, old: str, new: str, says: str
) -> None:
    assert old in REACH
    append(desk, "intake", REACH.replace(old, new, 1))
    problems = check_files(desk, SERVICES)[0]
    assert any(says in each.message for each in problems), problems


def test_milestones_of_promises_are_those_that_agents_record(desk: Path) -> None:
    append(desk, "sla", "milestones: [service_restored]\n")
    problem = the_only(desk)
    assert problem.message == "there is no milestone `service_restored` in intake.yaml"
    assert line_of(problem) == "milestones: [service_restored]"
    append(desk, "intake", "milestones: [{name: service_restored, title: Service restored}]\n")
    assert check(desk) == []


def test_agents_agree_other_due_times_where_the_promise_takes_them(desk: Path) -> None:
    append(desk, "intake", "revisable: [{metric: resolution, title: Resolution}]\n")
    problem = the_only(desk)
    assert "`resolution`" in problem.message
    assert "revisable: true" in problem.message
    change(desk, "sla", "    # revisable: true", "    revisable: true")
    assert check(desk) == []


def test_teams_of_promises_are_those_that_tickets_go_to(desk: Path) -> None:
    change(desk, "sla", "    meets: [resolved, work", "    team: l3\n    meets: [resolved, work")
    problem = the_only(desk)
    assert problem.message == "there is no team `l3` in intake.yaml"
    append(desk, "intake", "teams: [{name: l3, title: Third line}]\n")
    assert check(desk) == []


def test_a_new_desk_agrees_with_itself(desk: Path) -> None:
    assert check(desk) == []


SHIPPED = sorted({path.parent for path in ROOT.glob("deploy/desks/**/sla.yaml")})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_desks_that_ship_agree_with_themselves(path: Path) -> None:
    assert check(path) == []


@pytest.mark.parametrize(
    ("service", "old", "new", "found_in", "line", "message", "hint"),
    [
        pytest.param(
            "status", "update_every: 30m", "update_every: 1h",
            "status.yaml", "update_every: 1h",
            "promises an update every 1h, but sla.yaml, line ", "the same time in both files",
            id="cadence-differs",
        ),
        pytest.param(
            "sla", "    repeats: on_meet  #", "    #",
            "status.yaml", "update_every", "times the first one only", "repeats: on_meet",
            id="cadence-of-the-first-update-only",
        ),
        pytest.param(
            "sla", "- {within: 30m}\n", "- {within: 30m, calendar: office}\n",
            "status.yaml", "update_every", "counts the hours of `office`", "calendar: always",
            id="cadence-on-office-hours",
        ),
        pytest.param(
            "sla", "meets: incident_updated", "meets: incident_resolved",
            "status.yaml", "update_every", "no metric of sla.yaml times it", "public_update",
            id="cadence-that-nobody-times",
        ),
        pytest.param(
            "sla", "- {within: 30m}\n", "- {measure: true}\n",
            "status.yaml", "update_every", "no metric of sla.yaml times it", "remove this line",
            id="cadence-that-is-only-measured",
        ),
        pytest.param(
            "intake", "  - name: high\n", "  - name: serious\n    title: x\n    definition: x\n"
            "  - name: high\n",
            "intake.yaml", "name: serious", "not among the severities in sla.yaml", "name it in",
            id="severity-of-intake-alone",
        ),
        pytest.param(
            "sla", "[critical, high, normal]", "[critical, high, normal, low]",
            "sla.yaml", "low", "`low` is not among the severities in intake.yaml", "name it in",
            id="severity-of-sla-alone",
        ),
        pytest.param(
            "sla", "[critical, high, normal]", "[critical, normal, high]",
            "sla.yaml", "levels:", "another order than in intake.yaml", "critical, high, normal",
            id="severities-in-another-order",
        ),
        pytest.param(
            "notify", "{event: ticket.opened, urgent: true}",
            "{event: ticket.opened, severity: [critical, hihg]}",
            "notify.yaml", "hihg", "no severity `hihg` in intake.yaml or sla.yaml", "`high`",
            id="severity-of-a-route",
        ),
        pytest.param(
            "status", "severities: [critical]", "severities: [p1]",
            "status.yaml", "[p1]", "no severity `p1`", "known: critical, high, normal",
            id="severity-of-a-page-rule",
        ),
        pytest.param(
            "notify", "{event: promise.breached}", "{event: promise.breached, metric: resoluton}",
            "notify.yaml", "resoluton", "no metric `resoluton` in sla.yaml", "`resolution`",
            id="metric-of-a-route",
        ),
        pytest.param(
            "status", "any_of: [ticket_confirmed, ticket_linked]",
            "any_of: [promise_broken]\n    metrics: [first_answer]",
            "status.yaml", "first_answer", "no metric `first_answer` in sla.yaml", "first_response",
            id="metric-of-a-page-rule",
        ),
        pytest.param(
            "notify", "{event: ticket.opened, urgent: true}",
            "{event: ticket.opened, priority: urgent}",
            "notify.yaml", "priority", "no priority `urgent` in intake.yaml", "add it to",
            id="priority-of-a-route",
        ),
        pytest.param(
            "sla", "{severity: high}", "{severity: high, line: emergency@acme.example}",
            "sla.yaml", "emergency@", "no address or phone line `emergency@acme.example`",
            "support@acme.example", id="line-of-a-promise",
        ),
        pytest.param(
            "intake", "  # sign_in_template: sign_in", "  sign_in_template: sing_in",
            "intake.yaml", "sing_in", "no template `sing_in` in notify.yaml", "`sign_in`",
            id="template-of-a-mail",
        ),
        pytest.param(
            "intake", "  - address: support@acme.example\n",
            "  - address: support@acme.example\n    escalates_to: manager\n",
            "intake.yaml", "manager", "no person, rotation or escalation `manager` in notify.yaml",
            "first", id="person-of-an-escalation",
        ),
        pytest.param(
            "intake", "addresses:\n", "addresses:\n  - address: urgent@acme.example\n",
            "intake.yaml", "urgent@", "missing in the desk's own addresses of notify.yaml",
            "add it to own_addresses", id="address-that-notify-does-not-know",
        ),
        pytest.param(
            "notify", "first@acme-staff.example", "support@acme.example",
            "notify.yaml", "email: support@", "is an address of the desk (intake.yaml, line ",
            "the person reads", id="person-at-an-address-of-the-desk",
        ),
    ],
)  # fmt: skip
def test_each_disagreement_is_found_where_it_can_be_corrected(
    desk: Path,
    service: str,
    old: str,
    new: str,
    found_in: str,
    line: str,
    message: str,
    hint: str,
) -> None:
    change(desk, service, old, new)
    problem = the_only(desk)
    assert problem.file == desk / found_in
    assert line in line_of(problem)
    assert message in problem.message
    assert hint in (problem.hint or "")
    assert problem.severity == "error"


@pytest.mark.parametrize(
    ("service", "old", "new", "line", "message"),
    [
        ("notify", '"acme support"', '"Bolt support"', "title", "called `Bolt support` here"),
        ("notify", "sender: support@", "sender: noreply@", "sender", "none of the addresses in"),
        ("notify", "zone: Etc/UTC", "zone: Asia/Tokyo", "timezone", "in Europe/Paris here"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_a_warning(
    desk: Path, service: str, old: str, new: str, line: str, message: str
) -> None:
    change(desk, service, old, new)
    problem = the_only(desk)
    assert problem.severity == "warning"
    assert line in line_of(problem)
    assert message in problem.message


@pytest.mark.parametrize("name", ["Etc/UTC", "Europe/Rome", "Europe/Berlin"])
def test_zones_of_one_wall_clock_agree_and_utc_with_all(desk: Path, name: str) -> None:
    change(desk, "notify", "zone: Etc/UTC", f"zone: {name}")
    assert check(desk) == []


def test_plans_are_compared_where_intake_lists_them(desk: Path) -> None:
    change(
        desk,
        "sla",
        "targets:  # the first one that matches\n",
        "targets:\n      - {when: {plan: {not: [gold, glod]}}, within: 5m, calendar: always}\n",
    )
    assert "glod" not in " ".join(map(str, check(desk)))
    change(desk, "intake", "# plans: [standard, premium]", "plans: [gold, silver]")
    found = [str(one) for one in check(desk) if one.severity == "error"]
    assert len(found) == 1
    assert "no plan `glod` in intake.yaml (did you mean `gold`?)" in found[0]


def test_roles_that_the_file_itself_names_are_compared(desk: Path) -> None:
    append(desk, "intake", "feedback: {review_owner: head-of-support, arbitration_owner: first}\n")
    problem = the_only(desk)
    assert "`head-of-support`" in problem.message


def test_what_is_missing_or_wrong_contradicts_nobody(desk: Path) -> None:
    change(desk, "status", "update_every: 30m", "update_every: 1h")
    (desk / "sla.yaml").unlink()
    assert [one.severity for one in check(desk)] == ["warning"]
    (desk / "sla.yaml").write_text("metrics: [", encoding="utf-8")
    assert {one.file.name for one in check(desk)} == {"sla.yaml"}


@pytest.mark.skipif(not FAULTS.is_dir(), reason="the collection of faults is not beside the clone")
def test_two_cadences_of_one_page_are_found() -> None:
    found = [str(one) for one in check(FAULTS / "status" / "two-cadences")]
    assert any("every 60m, but sla.yaml, line 8 says 30m" in one for one in found)
