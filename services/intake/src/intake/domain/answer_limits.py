"""How many automatic answers an address gets: two programs that answer each other stop.

What a responder writes may look like a person's mail, so that it gets an acknowledgement, which it
answers, and so on without end. Its mails are taken all the same; only our answers stop.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from intake.domain.admission.rules import INTAKE
from intake.domain.answer_rules import AnswerRules
from intake.domain.paging import Budget, over_budget
from intake.domain.thread_matching import Key, key_of
from pledge.events import EmailRequested, Noted, TicketEvent


class Unanswered(StrEnum):
    """Why an automatic answer is held back."""

    TICKET = "ticket_limit"
    ADDRESS = "address_limit"


_WHERE: Final[Mapping[Unanswered, str]] = {
    Unanswered.TICKET: "on this ticket",
    Unanswered.ADDRESS: "at this desk",
}


def is_counted(event: TicketEvent) -> bool:
    """Whether the fact is an automatic answer. Invitations and their withdrawals are none: they go
    out once for each meeting."""
    return isinstance(event, EmailRequested) and event.is_automatic and event.calendar is None


def budgets(event: EmailRequested, rules: AnswerRules) -> tuple[Budget, Budget]:
    """What the address may get on the ticket, and at the desk."""
    address = (event.to[0].email or "").lower()
    return (
        Budget(key_of("answers on", str(event.ticket_id), address), rules.per_ticket),
        Budget(key_of("answers to", event.desk, address), rules.per_address),
    )


def held_back(
    answers: Sequence[EmailRequested], rules: AnswerRules, spent: Mapping[Key, int]
) -> list[Unanswered | None]:
    """Of each answer, in order, why it is held back; ``spent`` counts those of the window, these
    ones included."""
    pairs = [budgets(each, rules) for each in answers]
    on_ticket = over_budget([each for each, _ in pairs], spent)
    at_desk = over_budget([each for _, each in pairs], spent)
    return [
        Unanswered.TICKET if ticket else Unanswered.ADDRESS if desk else None
        for ticket, desk in zip(on_ticket, at_desk, strict=True)
    ]


def note_of(answer: EmailRequested, why: Unanswered, rules: AnswerRules) -> Noted:
    """What the ticket says in place of the answer."""
    most = rules.per_ticket if why is Unanswered.TICKET else rules.per_address
    minutes = int(rules.within.total_seconds() // 60)
    text = (
        f"No automatic answer ({answer.template}) to {answer.to[0].email}: it got {most} within"
        f" {minutes} minutes {_WHERE[why]}, so a program may answer ours. If a person wrote, answer"
        " them yourself."
    )
    return Noted(
        **{name: getattr(answer, name) for name in TicketEvent.model_fields if name != "type"},
        by=INTAKE,
        text=text,
    )
