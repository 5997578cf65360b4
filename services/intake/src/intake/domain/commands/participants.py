"""Who is in copy of a ticket: colleagues are brought in and left out (SIG-03)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from intake.domain.command_registry import ANY_STATE, Command, command
from intake.domain.participants import MAX_PARTICIPANTS, with_added
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
    nothing_to_change,
)
from pledge.events import ParticipantsChanged
from pledge.events.addresses import normal_address


def _address(value: str) -> str:
    normal = normal_address(value)
    if normal is None:
        raise ValueError("should be a mail address such as ann@example.com")
    return normal


def _listed(value: object) -> object:
    """Addresses in one line of a form, apart by commas, semicolons or white space."""
    if isinstance(value, str):
        return value.replace(",", " ").replace(";", " ").split()
    return value


_Addresses = Annotated[
    tuple[Annotated[str, Field(max_length=320), AfterValidator(_address)], ...],
    BeforeValidator(_listed),
    Field(max_length=MAX_PARTICIPANTS),
]


@command("participants", states=ANY_STATE)
@dataclass(frozen=True, slots=True)
class ChangeParticipants(Command):
    """Bring people in who get a copy of every mail to the requester, or leave them out (SIG-03)."""

    add: _Addresses = ()
    remove: _Addresses = ()

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Agents may bring in anybody but ourselves, the requester's side whom the desk lets."""
        detail = self._unsuitable(ticket, context)
        if detail is not None:
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        gone = {each.lower() for each in self.remove}
        kept = tuple(each for each in ticket.participants if (each.email or "").lower() not in gone)
        room = max(context.desk.participants.most, len(ticket.participants))
        people = with_added(ticket.requester, kept, self.add, room)
        if people == ticket.participants:
            return nothing_to_change(ticket, "they are in copy, or are not, already")
        event = ParticipantsChanged(
            **fact_fields(ticket, context),
            requester=ticket.requester,
            participants=people,
            by=context.by,
        )
        return done(ticket, context, "participants_changed", event, participants=people)

    def _unsuitable(self, ticket: Ticket, context: CommandContext) -> str | None:
        desk, is_agent = context.desk, context.by.kind != "requester"
        for address in self.add:
            if desk.is_own_address(address):
                return f"{address} is one of the desk's own addresses"
            if not is_agent and not desk.may_copy(ticket.requester, address):
                return f"{address} is not of your organisation; ask us to add them"
        most = max(desk.participants.most, len(ticket.participants))
        if len(ticket.participants) + len(self.add) - len(self.remove) > most:
            return f"at most {most} people are in copy"
        return None
