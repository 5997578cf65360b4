"""Who may add to a ticket by mail: those who take part in it, not all who know one of its ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from intake.domain.desk import Desk
from intake.domain.ticket import Ticket
from pledge.events import EmailMessageReceived

FAILED: Final = "failed"
"""The border's finding about a mail whose sender is not who it says (RFC 8601)."""


@dataclass(frozen=True, slots=True)
class People:
    """The mail addresses of those who take part in a ticket, and their organisation."""

    addresses: frozenset[str]
    customer: str | None = None


def people_of(ticket: Ticket) -> People:
    """The requester, those in copy, and the organisation."""
    known = (ticket.requester, *ticket.participants)
    addresses = frozenset(each.email.lower() for each in known if each.email)
    return People(addresses, ticket.customer)


def people_named(event: EmailMessageReceived, desk: Desk) -> People:
    """Those who take part in the ticket that the mail opens."""
    sender = event.sender.email
    named = (each for each in (sender, *event.to, *event.cc) if each)
    customer = desk.customer_of(sender)
    return People(frozenset(each.lower() for each in named), customer.name if customer else None)


def takes_part(address: str | None, people: People, desk: Desk) -> bool:
    """Whether the sender is one of them, of their organisation as the desk's file knows it, or of
    the desk's own staff."""
    if not address:
        return False
    if address.lower() in people.addresses or desk.is_staff(address):
        return True
    customer = desk.customer_of(address)
    return customer is not None and customer.name == people.customer


def is_forged(event: object) -> bool:
    """Whether the desk's border found that the mail's sender is not who it says."""
    return isinstance(event, EmailMessageReceived) and event.authentication.result == FAILED


@dataclass(slots=True)
class Members:
    """Who takes part in which ticket, while a batch of deliveries is routed."""

    tickets: Mapping[UUID, Ticket]
    opened: dict[UUID, People] = field(default_factory=dict)
    joined: dict[UUID, set[str]] = field(default_factory=dict)

    def may_join(self, event: object, desk: Desk, ticket_id: UUID) -> bool:
        """Whether the delivery may add to the ticket, if no signed address proves it invited."""
        if not isinstance(event, EmailMessageReceived):
            return True
        if is_forged(event):
            return False
        if event.is_auto_submitted:
            return True  # it is noted, and changes nothing
        address = event.sender.email
        if address is not None and address.lower() in self.joined.get(ticket_id, ()):
            return True
        people = self.opened.get(ticket_id)
        if people is None:
            ticket = self.tickets.get(ticket_id)
            if ticket is None:
                return False
            people = people_of(ticket)
        return takes_part(address, people, desk)

    def opens(self, event: object, desk: Desk, ticket_id: UUID) -> None:
        """The delivery opens the ticket."""
        if isinstance(event, EmailMessageReceived):
            self.opened[ticket_id] = people_named(event, desk)

    def joins(self, event: object, ticket_id: UUID) -> None:
        """The delivery's sender takes part in the ticket from now on."""
        if isinstance(event, EmailMessageReceived) and event.sender.email:
            self.joined.setdefault(ticket_id, set()).add(event.sender.email.lower())
