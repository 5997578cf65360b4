"""Who is in copy of a ticket, and who may bring somebody in."""

from __future__ import annotations

from typing import Any

import pytest

from intake.domain.admission.open_ticket import copied_in
from intake.domain.command_registry import Command
from intake.domain.commands import decide
from intake.domain.commands.conversation import RecordReply
from intake.domain.commands.participants import ChangeParticipants
from intake.domain.desk import Customer
from intake.domain.participants import Copying, ParticipantRules
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket
from pledge.events import Actor, Authentication, Contact, EmailMessageReceived
from unit.intake.builders import ANN, NINE, TOM, a_desk, a_ticket, at, kinds

ANNS = Actor(kind="requester", id="ann@contoso.example")
BO, CY = "bo@contoso.example", "cy@elsewhere.example"


def attempt(ticket: Ticket, command: Command, by: Actor = TOM, **desk: Any) -> Decision | Refusal:
    return decide(ticket, command, CommandContext(a_desk(**desk), by, at(10), at(10)))


def in_copy(decision: Decision | Refusal) -> list[str | None]:
    assert isinstance(decision, Decision), decision
    return [each.email for each in decision.ticket.participants]


def a_mail(*addresses: str) -> EmailMessageReceived:
    return EmailMessageReceived(
        desk="vircom", occurred_at=NINE, recorded_at=NINE, delivery="d", conversation="c",
        sender=ANN, recipients=("support@vircom.example",), to=addresses[:1], cc=addresses[1:],
        authentication=Authentication(result="none", method="none"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "let_in"),
    [
        (Copying.ORGANISATION, (BO, "di@contoso.co.example")),
        (Copying.ANYONE, (BO, CY, "di@contoso.co.example")),
        (Copying.NOBODY, ()),
    ],
)
def test_a_mails_addressees_join_as_far_as_the_desk_says_and_never_ourselves(
    rule: Copying, let_in: tuple[str, ...]
) -> None:
    contoso = Customer("Contoso")
    desk = a_desk(
        participants=ParticipantRules(rule),
        customers_by_domain={"contoso.example": contoso, "contoso.co.example": contoso},
    )
    mail = a_mail(
        "support@vircom.example", BO, "support+tag@vircom.example", CY, "di@contoso.co.example"
    )

    assert copied_in(mail, ANN, desk) == let_in


def test_an_agent_brings_in_anybody_but_ourselves_and_leaves_people_out() -> None:
    added = attempt(a_ticket(), ChangeParticipants(add=(BO, CY, BO)))
    assert in_copy(added) == [BO, CY]
    assert isinstance(added, Decision)
    assert kinds(added) == ["participants_changed"]
    assert in_copy(attempt(added.ticket, ChangeParticipants(remove=(BO.upper(),)))) == [CY]
    assert isinstance(attempt(added.ticket, ChangeParticipants(add=(BO,))), Refusal)
    assert isinstance(attempt(a_ticket(), ChangeParticipants(remove=(BO,))), Refusal)
    ours = attempt(a_ticket(), ChangeParticipants(add=("support+x@vircom.example",)))
    assert isinstance(ours, Refusal)
    assert "own addresses" in ours.detail


def test_the_requesters_side_brings_in_colleagues_only() -> None:
    assert in_copy(attempt(a_ticket(), ChangeParticipants(add=(BO,)), ANNS)) == [BO]
    refusal = attempt(a_ticket(), ChangeParticipants(add=(CY,)), ANNS)
    assert isinstance(refusal, Refusal)
    assert "not of your organisation" in refusal.detail


def test_people_in_copy_are_bounded() -> None:
    crowd = tuple(f"p{number}@contoso.example" for number in range(3))
    rules = ParticipantRules(most=2)
    refusal = attempt(a_ticket(), ChangeParticipants(add=crowd), participants=rules)
    assert isinstance(refusal, Refusal)
    assert "at most 2" in refusal.detail
    heard = RecordReply(by=ANN, channel="email", delivery="d", copied=crowd)
    assert in_copy(attempt(a_ticket(), heard, participants=rules)) == list(crowd[:2])


def test_who_is_in_copy_of_a_strangers_mail_does_not_join() -> None:
    stranger = Contact(email="eve@contoso.example")
    heard = RecordReply(by=stranger, channel="email", delivery="d", copied=(BO,))
    assert in_copy(attempt(a_ticket(), heard)) == []
    joined = RecordReply(by=stranger, channel="email", delivery="d", copied=(BO,), joins=True)
    assert in_copy(attempt(a_ticket(), joined)) == ["eve@contoso.example", BO]
