"""What agents ask over the API and on the pages: commands by their kind, refusals as problems."""

from dataclasses import dataclass, replace

from intake.application.file_store import FileStore
from intake.application.idempotency import asked
from intake.application.ticket_commands import TicketCommands, TicketUnknown
from intake.application.ticket_relations import TicketRelations
from intake.application.ticket_search import TicketSearch, no_ticket
from intake.domain.commands.conversation import Note, Reply
from intake.domain.commands.relations import FollowUp, Merge, Split
from intake.domain.ticket import Refusal, RefusalReason, Ticket
from intake.schemas import CommandBody, ForClientBody
from pledge.events import Actor, Malformed
from pledge.runtime.auth.access import Principal
from pledge.runtime.http.app import FieldProblem, HttpProblem


@dataclass(frozen=True, slots=True)
class AgentActions:
    """Does what agents ask, over the API and on the pages."""

    tickets: TicketSearch
    commands: TicketCommands
    relations: TicketRelations
    files: FileStore

    async def open_ticket(
        self, body: ForClientBody, principal: Principal, key: str | None = None
    ) -> Ticket:
        """Open a ticket on a client's behalf (SIG-09). Raises HttpProblem for a refusal."""
        if not principal.may(body.desk) or body.desk not in self.relations.desks:
            problem = FieldProblem("body.desk", f"there is no desk {body.desk}")
            raise HttpProblem(422, problem.detail, errors=[problem])
        by = Actor(kind="agent", id=principal.subject)
        try:
            opened = await self.relations.open_for(
                body.desk, body.client(), by, body.occurred_at, asked(key, body)
            )
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _ticket_or_problem(opened)

    async def act(
        self,
        ref: str,
        principal: Principal,
        body: CommandBody,
        key: str | None = None,
        *,
        ends_draft: bool = False,
    ) -> Ticket:
        """Carry out an agent's command and give the ticket as it is then; where that makes or names
        another ticket, that one. With `ends_draft` the agent's draft of it is gone then. Raises
        HttpProblem for a refusal."""
        ticket = await self.tickets.find(ref, principal)
        by = Actor(kind="agent", id=principal.subject)
        command, at, once = body.command(), body.occurred_at, asked(key, body)
        if body.seen is not None and isinstance(command, Merge | Split | FollowUp):
            raise HttpProblem(422, f"{command.action} takes no `seen`; leave it out")
        try:
            if isinstance(command, Merge):
                into = await self.tickets.find(command.into, principal)
                merged = await self.relations.merge(ticket.id, into.id, command, by, at, once)
                return _ticket_or_problem(merged)
            if isinstance(command, Split | FollowUp):
                new = await self.relations.split(ticket.id, command, by, at, once)
                return _ticket_or_problem(new)
            if isinstance(command, Reply | Note) and command.files:
                found = await self.files.uploaded(
                    ticket.desk, ticket.id, command.files, principal.subject
                )
                command = replace(command, attachments=tuple(each.ref for each in found))
            decision = await self.commands.do(
                ticket.id, command, by, at, once, body.seen, ends_draft=ends_draft
            )
        except TicketUnknown as error:
            raise no_ticket(ref) from error
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _ticket_or_problem(decision if isinstance(decision, Refusal) else decision.ticket)


def _ticket_or_problem(result: Ticket | Refusal) -> Ticket:
    if isinstance(result, Ticket):
        return result
    conflicts = {
        RefusalReason.NOT_ALLOWED_NOW,
        RefusalReason.NOTHING_TO_CHANGE,
        RefusalReason.CONFLICT,
        RefusalReason.MOVED_ON,
    }
    detail = result.detail
    if result.reason is RefusalReason.NOT_ALLOWED_NOW:
        detail += f"; allowed now: {', '.join(result.allowed) or 'nothing'}"
    raise HttpProblem(
        409 if result.reason in conflicts else 422,
        detail,
        type=f"urn:pledge:problem:{result.reason}",
        errors=[FieldProblem("allowed", each) for each in result.allowed],
    )
