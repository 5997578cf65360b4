"""An emergency line used for what is none (SMS-05)."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.desk_file.load import check_desk_file
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.commands import decide
from intake.domain.commands.coverage import DecideMisuse
from intake.domain.commands.progress import Triage
from intake.domain.misuse import MisuseRule, MisuseState
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from pledge.events import MisuseDecided, MisuseRecorded
from unit.intake.builders import NINE, TOM, a_desk, a_ticket

RULE = MisuseRule("critical", frozenset({"critical"}), frozenset({"p1", "p2"}))
CONTEXT = CommandContext(a_desk(misuse_rules=(RULE,)), TOM, NINE, NINE)


def triaged(ticket: Ticket, severity: str) -> Decision:
    decision = decide(ticket, Triage(severity=severity), CONTEXT)
    assert isinstance(decision, Decision)
    return decision


@pytest.mark.promise("SMS-05")
def test_misuse_is_recorded_once_and_takes_the_urgency_away() -> None:
    ticket = a_ticket(line="critical", is_urgent=True, severity="p1")
    assert not [each for each in triaged(ticket, "p2").events if isinstance(each, MisuseRecorded)]
    first = triaged(ticket, "p3")
    [event] = [each for each in first.events if isinstance(each, MisuseRecorded)]
    assert (event.line, event.severity, event.rule) == ("critical", "p3", "critical")
    assert not first.ticket.is_urgent
    assert first.ticket.sequence == ticket.sequence + 2
    again = triaged(triaged(first.ticket, "p1").ticket, "p3")
    assert not [each for each in again.events if isinstance(each, MisuseRecorded)]


@pytest.mark.promise("SMS-05")
def test_what_came_by_another_line_is_no_misuse() -> None:
    for line in ("main", None):
        assert triaged(a_ticket(line=line), "p3").ticket.request_details.misuse is None


@pytest.mark.promise("SMS-05")
def test_a_person_decides_and_may_think_again() -> None:
    ticket = triaged(a_ticket(line="critical"), "p3").ticket
    for is_confirmed, state in ((True, MisuseState.CONFIRMED), (False, MisuseState.DISMISSED)):
        decided = decide(ticket, DecideMisuse(is_confirmed, "because"), CONTEXT)
        assert isinstance(decided, Decision)
        [event] = decided.events
        assert isinstance(event, MisuseDecided)
        assert event.is_confirmed is is_confirmed
        ticket = decided.ticket
        assert ticket.request_details.misuse is not None
        assert ticket.request_details.misuse.state is state
        again = decide(ticket, DecideMisuse(is_confirmed), CONTEXT)
        assert isinstance(again, Refusal)
        assert again.reason is RefusalReason.NOTHING_TO_CHANGE
    assert isinstance(decide(a_ticket(), DecideMisuse(True), CONTEXT), Refusal)


def test_lines_and_severities_that_the_desk_has_not_are_told(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    rule = "misuse:\n  - {name: line, lines: [hotline], only_for: [critical, p1]}\n"
    path.write_text(DESK_TEMPLATE.replace("{desk}", "acme") + rule, encoding="utf-8")
    problems = [str(each) for each in check_desk_file(path).problems]
    assert len(problems) == 2
    assert "no address or phone line `hotline`" in problems[0]
    assert "no severity `p1`" in problems[1]
