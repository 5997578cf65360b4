"""How many automatic answers an address gets."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from intake.domain.answer_limits import Unanswered, budgets, held_back, is_counted, note_of
from intake.domain.answer_rules import AnswerRules
from pledge.events import Contact, EmailRequested
from unit.intake.builders import at

RULES = AnswerRules()


def an_answer(ticket: int = 1, to: str = "ann@contoso.example", **fields: Any) -> EmailRequested:
    return EmailRequested(
        desk="vircom",
        occurred_at=at(0),
        recorded_at=at(0),
        ticket_id=UUID(int=ticket),
        ticket_number=f"VIR-{ticket}",
        email_id=UUID(int=9),
        to=(Contact(email=to),),
        template="promised",
        **fields,
    )


def verdicts(answers: list[EmailRequested], rules: AnswerRules = RULES) -> list[Unanswered | None]:
    spent = Counter(budget.key for each in answers for budget in budgets(each, rules))
    return held_back(answers, rules, spent)


def test_replies_of_agents_and_invitations_are_not_counted() -> None:
    assert is_counted(an_answer())
    assert not is_counted(an_answer(is_automatic=False))
    assert not is_counted(an_answer(calendar="BEGIN:VCALENDAR"))


def test_the_fourth_on_a_ticket_is_held() -> None:
    rules = AnswerRules(per_address=100)
    assert verdicts([an_answer()] * 4, rules) == [None, None, None, Unanswered.TICKET]


def test_the_fourth_of_an_address_is_held_whatever_its_ticket() -> None:
    found = verdicts([an_answer(ticket) for ticket in range(4)])
    assert found == [None, None, None, Unanswered.ADDRESS]


def test_addresses_count_apart_and_their_case_does_not_matter() -> None:
    assert budgets(an_answer(to="ANN@contoso.example"), RULES) == budgets(an_answer(), RULES)
    others = [an_answer(to=f"user{number}@contoso.example") for number in range(9)]
    assert verdicts(others) == [None] * 9


def test_the_note_is_of_the_ticket_and_says_whom_and_how_many() -> None:
    rules = AnswerRules(per_ticket=2, within=timedelta(minutes=30))
    answer = an_answer()
    note = note_of(answer, Unanswered.TICKET, rules)
    assert (note.desk, note.ticket_id, note.occurred_at) == ("vircom", UUID(int=1), at(0))
    assert "ann@contoso.example: it got 2 within 30 minutes on this ticket" in note.text
    assert "3 within 60 minutes at this desk" in note_of(answer, Unanswered.ADDRESS, RULES).text


@given(
    tickets=st.lists(st.integers(1, 4), max_size=30),
    per_ticket=st.integers(1, 5),
    per_address=st.integers(1, 9),
)
def test_no_address_gets_more_than_either_limit(
    tickets: list[int], per_ticket: int, per_address: int
) -> None:
    rules = AnswerRules(per_ticket=per_ticket, per_address=per_address)
    found = verdicts([an_answer(each) for each in tickets], rules)
    sent = [ticket for ticket, why in zip(tickets, found, strict=True) if why is None]
    assert len(sent) <= per_address
    assert all(count <= per_ticket for count in Counter(sent).values())
    assert found[:1] == [None] * len(found[:1])
