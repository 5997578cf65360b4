"""Impact and urgency give severity or priority, where nobody chose it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from intake.domain.admission.open_for_client import ClientRequest, open_for
from intake.domain.admission.request import Request
from intake.domain.commands import decide
from intake.domain.commands.progress import Triage
from intake.domain.commands.relations import FollowUp, NewTicket, Split, follow_up, split
from intake.domain.desk import classify
from intake.domain.matrix import Level, Matrix, Origin
from intake.domain.request_details import RequestDetails
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from pledge.events import Contact, TicketOpened, Triaged
from unit.intake.builders import TOM, a_desk, a_ticket, at

IMPACTS = (Level("everybody", "Everybody", "Nobody can work."), Level("one", "One", "A person."))
URGENCIES = (Level("high", "High", "Now."), Level("low", "Low", "Later."))
MATRIX = Matrix(
    "severity",
    IMPACTS,
    URGENCIES,
    {
        ("everybody", "high"): "p1",
        ("everybody", "low"): "p2",
        ("one", "high"): "p3",
        ("one", "low"): "p3",
    },
)
DESK = a_desk(matrix=MATRIX, requester_sets_severity=True)
BY_PRIORITY = replace(
    MATRIX, gives="priority", table={("everybody", "high"): "high", ("one", "low"): "low"}
)
NEW = NewTicket(UUID(int=8), "VIR-10008", "support+y@vircom.example")


def request(**changes: Any) -> Request:
    return replace(Request("portal", None, "x", "eve@y.example"), **changes)


def triaged(ticket: Ticket, command: Triage, **desk: Any) -> tuple[Ticket, Triaged]:
    context = CommandContext(replace(DESK, **desk), TOM, at(10), at(60))
    decision = decide(ticket, command, context)
    assert isinstance(decision, Decision), decision
    (event,) = decision.events
    assert isinstance(event, Triaged)
    return decision.ticket, event


def test_impact_and_urgency_of_a_request_give_its_severity() -> None:
    found = classify(DESK, request(impact="Everybody", urgency="high"))
    assert (found.severity, found.impact, found.urgency) == ("p1", "everybody", "high")
    assert found.origin is Origin.MATRIX


@pytest.mark.parametrize(
    ("changes", "severity", "origin"),
    [
        ({"impact": "everybody"}, "p3", Origin.DEFAULT),
        ({"impact": "everybody", "urgency": "nonsense"}, "p3", Origin.DEFAULT),
        ({"impact": "everybody", "urgency": "high", "severity": "p2"}, "p2", Origin.CHOSEN),
        (
            {"impact": "one", "urgency": "low", "subject": "[P1] down", "channel": "email"},
            "p1",
            Origin.CHOSEN,
        ),
        ({"impact": "one", "urgency": "low", "is_trial": True}, "p2", Origin.MATRIX),
    ],
)
def test_what_was_chosen_comes_first_and_the_default_last(
    changes: dict[str, Any], severity: str, origin: Origin
) -> None:
    found = classify(DESK, request(**changes))
    assert (found.severity, found.origin) == (severity, origin)


def test_requesters_of_a_desk_that_does_not_let_them_set_neither() -> None:
    desk = replace(DESK, matrix=replace(MATRIX, requester_sets=False))
    found = classify(desk, request(impact="everybody", urgency="high"))
    assert (found.severity, found.impact, found.urgency) == ("p3", None, None)


def test_a_matrix_may_give_the_priority() -> None:
    desk = replace(DESK, matrix=BY_PRIORITY, default_priority="low")
    found = classify(desk, request(impact="everybody", urgency="high"))
    assert (found.severity, found.priority, found.origin) == ("p3", "high", Origin.MATRIX)


def test_triage_by_impact_and_urgency_changes_what_nobody_chose() -> None:
    ticket = a_ticket(request_details=RequestDetails(origin=Origin.DEFAULT))
    ticket, event = triaged(ticket, Triage(impact="everybody", urgency="high"))
    assert (event.severity, event.impact, event.urgency) == ("p1", "everybody", "high")
    assert event.is_by_matrix
    assert (ticket.severity, ticket.request_details.origin) == ("p1", Origin.MATRIX)
    ticket, event = triaged(ticket, Triage(urgency="low"))
    assert (event.severity, event.impact, event.is_by_matrix) == ("p2", "everybody", True)
    ticket, event = triaged(ticket, Triage(product="mail"))
    assert (event.severity, event.is_by_matrix) == ("p2", True)


def test_a_severity_that_an_agent_chose_stays_until_it_is_given_back() -> None:
    own = RequestDetails(impact="everybody", urgency="high", origin=Origin.MATRIX)
    ticket = a_ticket(severity="p1", request_details=own)
    ticket, event = triaged(ticket, Triage(severity="p3", why="a test system"))
    assert (event.severity, event.is_by_matrix) == ("p3", False)
    ticket, event = triaged(ticket, Triage(urgency="low"))
    assert (event.severity, event.urgency, event.is_by_matrix) == ("p3", "low", False)
    ticket, event = triaged(ticket, Triage(by_matrix=True))
    assert (event.severity, event.is_by_matrix) == ("p2", True)


def test_priority_follows_and_severity_is_kept() -> None:
    ticket = a_ticket(severity="p2", request_details=RequestDetails(origin=Origin.DEFAULT))
    _, event = triaged(ticket, Triage(impact="everybody", urgency="high"), matrix=BY_PRIORITY)
    assert (event.severity, event.priority, event.is_by_matrix) == ("p2", "high", True)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Triage(impact="planet"), RefusalReason.UNKNOWN_IMPACT),
        (Triage(urgency="yesterday"), RefusalReason.UNKNOWN_URGENCY),
    ],
)
def test_what_the_desk_does_not_have_is_refused(command: Triage, reason: RefusalReason) -> None:
    for desk in (DESK, a_desk()):
        refusal = decide(a_ticket(), command, CommandContext(desk, TOM, at(10), at(60)))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is reason
        assert " here; one of: " in refusal.detail


def test_an_agent_gives_both_for_a_client() -> None:
    client = ClientRequest(
        Contact(email="eve@y.example"), "Down", impact="everybody", urgency="high"
    )
    decision = open_for(client, CommandContext(DESK, TOM, at(10), at(60)), NEW)
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, TicketOpened)
    assert (event.severity, event.impact, event.is_by_matrix) == ("p1", "everybody", True)
    chosen = replace(client, severity="p2")
    decision = open_for(chosen, CommandContext(DESK, TOM, at(10), at(60)), NEW)
    assert isinstance(decision, Decision)
    assert (decision.ticket.severity, decision.ticket.request_details.origin) == (
        "p2", Origin.CHOSEN,
    )  # fmt: skip


def test_an_issue_that_is_split_off_reaches_as_far_and_a_follow_up_begins_anew() -> None:
    own = RequestDetails(impact="everybody", urgency="high", origin=Origin.MATRIX)
    ticket = a_ticket(severity="p1", request_details=own)
    context = CommandContext(DESK, TOM, at(10), at(60))
    found = split(ticket, Split("The other fault"), context, NEW)
    assert not isinstance(found, Refusal)
    (event,) = found[1].events
    assert isinstance(event, TicketOpened)
    assert (event.severity, event.impact, event.is_by_matrix) == ("p1", "everybody", True)
    followed = follow_up(ticket, FollowUp("Again"), context, NEW)
    assert not isinstance(followed, Refusal)
    details = followed[1].ticket.request_details
    assert (details.impact, details.origin) == (None, Origin.DEFAULT)
