"""The request for a rating that the end of a ticket brings (INF-10)."""

from typing import Final
from uuid import UUID, uuid5

from intake.domain.admission.rules import automatic_mail
from intake.domain.requester_links import LinkKind
from intake.domain.ticket import CommandContext, Ticket, fact_fields
from pledge.events import EmailRequested, RatingRequested, TicketEvent

UNRATED: Final = frozenset(("merged", "misuse", "not_entitled", "duplicate", "spam"))
"""Ends of tickets on which nobody worked: there is nothing to rate."""


def rating_request(ticket: Ticket, context: CommandContext, reason: str) -> tuple[TicketEvent, ...]:
    """What asks the requester of a ticket that closes for ``reason`` for a rating; nothing where
    the desk asks for none, the requester has no address, or no page can take the answer."""
    template, to = context.desk.care.rating_template, ticket.requester
    if template is None or to.email is None or context.links is None or reason in UNRATED:
        return ()
    facts = fact_fields(ticket, context)
    # Each closing has a link of its own: it can be used once, and a ticket that was reopened is
    # rated anew.
    rating_id = uuid5(ticket.id, f"rating {ticket.sequence}")
    link = context.links.url(ticket.desk, ticket.id, rating_id, LinkKind.RATING)
    mails = automatic_mail(ticket, template, facts, link=link)
    return (
        RatingRequested(**facts, to=to),
        # It can wait for the end of a maintenance window (INF-09).
        *(_patient(each) for each in mails if isinstance(each, EmailRequested)),
    )


def _patient(mail: EmailRequested) -> EmailRequested:
    return mail.model_copy(update={"is_urgent": False})


def delivery_of(rating_id: UUID) -> str:
    """The delivery key of the rating that a link gives: given twice it is one."""
    return f"rating:{rating_id}"
