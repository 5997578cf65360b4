"""Billable work: offered with its price, confirmed by the customer before it starts (VIR-15)."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid5

from intake.domain.admission.rules import automatic_mail
from intake.domain.command_fields import Line, LongText, Name
from intake.domain.command_registry import ANY_STATE, Command, State, command
from intake.domain.commands.parts_of_ticket import room_for_one, the_one
from intake.domain.history_words import Data, Words, step
from intake.domain.requester_links import LinkKind
from intake.domain.services import Offer, OfferState, outstanding
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
)
from pledge.events import (
    Contact,
    ServicesConfirmed,
    ServicesOffered,
    ServicesWithdrawn,
    TicketEvent,
    WaitingOnCustomer,
    WaitingOnProvider,
)

MAX_OUTSTANDING: Final = 5
"""So many offers may wait for an answer at once."""
MAX_KEPT: Final = 30
"""A ticket keeps so many offers; answered ones are dropped first."""
_WHY: Final = "professional services wait for the customer's confirmation"


def _has_outstanding(ticket: Ticket) -> bool:
    return bool(outstanding(ticket.offers))


def _offered(data: Data) -> Words:
    parts = (str(data.get("title") or ""), str(data.get("price") or ""))
    what = ", ".join(part for part in parts if part)
    return f"Billable work is offered: {what}", "", str(data.get("description") or "")


def _answered(data: Data) -> Words:
    what = "accepted" if data.get("is_accepted") else "declined"
    return f"The offer of billable work was {what}", "", ""


@command("offer-services", history={"services_offered": _offered})
@dataclass(frozen=True, slots=True)
class OfferServices(Command):
    """Offer a service of the desk's file, at its price or another one; the work starts when the
    customer has confirmed it (VIR-15)."""

    service: Name
    text: LongText = ""
    price: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        rules = context.desk.services
        service = rules.named(self.service)
        if service is None:
            names = ", ".join(each.name for each in rules.services) or "none are defined"
            detail = f"{self.service} is no service here; one of: {names}"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        waiting = outstanding(ticket.offers)
        if len(waiting) >= MAX_OUTSTANDING or any(each.service == service.name for each in waiting):
            detail = f"{service.title} waits for the customer's answer already; withdraw that first"
            return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
        offer = Offer(
            # Derived, so that the same offer has the same id whichever replica computes it.
            uuid5(ticket.id, f"offer {ticket.sequence}"),
            service.name,
            service.title,
            self.price.strip() or service.price,
            self.text.strip() or service.text,
            context.occurred_at,
        )
        events = _offering(ticket, context, offer)
        kept = room_for_one(
            ticket.offers, MAX_KEPT, lambda each: each.state is not OfferState.OFFERED
        )
        state = ticket.state
        if state is State.OPEN:
            waits = WaitingOnCustomer(**fact_fields(ticket, context), by=context.by, why=_WHY)
            state, events = State.WAITING_ON_CUSTOMER, (*events, waits)
        return done(
            ticket, context, "services_offered", *events, state=state, offers=(*kept, offer)
        )


def _offering(ticket: Ticket, context: CommandContext, offer: Offer) -> tuple[TicketEvent, ...]:
    """The offer, and the mail that brings it with the link to its page."""
    facts = fact_fields(ticket, context)
    url = context.links and context.links.url(ticket.desk, ticket.id, offer.id, LinkKind.OFFER)
    offered = ServicesOffered(
        **facts, by=context.by, description=offer.text, offer_id=offer.id, service=offer.service,
        title=offer.title, price=offer.price, answer_url=url,
    )  # fmt: skip
    mails = automatic_mail(
        ticket, context.desk.services.template, facts,
        service=offer.title, price=offer.price, offer=offer.text, link=url or "",
    )  # fmt: skip
    return (offered, *mails)


@command(
    "confirm-services",
    states=ANY_STATE,
    applies_to=_has_outstanding,
    history={"services_confirmed": _answered},
)
@dataclass(frozen=True, slots=True)
class ConfirmServices(Command):
    """The customer's answer to an offer; from the requester unless `by` says otherwise (VIR-15)."""

    is_accepted: bool
    offer_id: UUID | None = None
    by: Contact | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _one(ticket, self.offer_id)
        if isinstance(found, Refusal):
            return found
        by = self.by or ticket.requester
        event = ServicesConfirmed(
            **fact_fields(ticket, context), by=by, is_accepted=self.is_accepted, offer_id=found.id
        )
        state = OfferState.ACCEPTED if self.is_accepted else OfferState.DECLINED
        answered = replace(found, state=state, answered_by=by, answered_at=context.occurred_at)
        return _changed(ticket, context, found, answered, event)


@command(
    "withdraw-services",
    states=ANY_STATE,
    applies_to=_has_outstanding,
    history={"services_withdrawn": step("The offer of billable work is taken back", "")},
)
@dataclass(frozen=True, slots=True)
class WithdrawServices(Command):
    """Take an offer back that the customer has not answered."""

    why: Line = ""
    offer_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _one(ticket, self.offer_id)
        if isinstance(found, Refusal):
            return found
        event = ServicesWithdrawn(
            **fact_fields(ticket, context), by=context.by, offer_id=found.id, why=self.why
        )
        return _changed(ticket, context, found, replace(found, state=OfferState.WITHDRAWN), event)


def _changed(
    ticket: Ticket, context: CommandContext, found: Offer, answered: Offer, event: TicketEvent
) -> Decision:
    """The ticket with the answered offer; the desk has the next step once none waits."""
    offers = tuple(answered if each is found else each for each in ticket.offers)
    events, state = [event], ticket.state
    if state is State.WAITING_ON_CUSTOMER and not outstanding(offers):
        why = f"the offer was {answered.state}"
        events.append(WaitingOnProvider(**fact_fields(ticket, context), by=context.by, why=why))
        state = State.OPEN
    reason = f"services_{answered.state}"
    return done(ticket, context, reason, *events, state=state, offers=offers)


def _one(ticket: Ticket, wanted: UUID | None) -> Offer | Refusal:
    return the_one(
        ticket, outstanding(ticket.offers), wanted, lambda each: (each.id,),
        noun="offer", what="waits for an answer", several="offers wait for an answer",
    )  # fmt: skip


def unconfirmed(ticket: Ticket) -> Refusal | None:
    """Why work may not start or end yet: the customer has not confirmed what was offered."""
    waiting = outstanding(ticket.offers)
    if not waiting:
        return None
    titles = ", ".join(each.title for each in waiting)
    detail = f"the customer has not confirmed {titles}; log the answer or withdraw the offer first"
    return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
