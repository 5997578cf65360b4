"""How a request stands to the promises: its plan, its scope, its requester's right to ask."""

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import StringConstraints

from intake.domain.admission.rules import automatic_mail, items_of, lacking, request_information
from intake.domain.command_fields import Line, Name
from intake.domain.command_registry import ANY_STATE, NOT_CLOSED, Command, command
from intake.domain.misuse import MisuseState
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
from pledge.events import (
    EntitlementDecided,
    MisuseDecided,
    PlanChanged,
    ScopeDecided,
    TicketEvent,
)


@command("plan", states=NOT_CLOSED)
@dataclass(frozen=True, slots=True)
class ChangePlan(Command):
    """The customer's plan from now on, or from `occurred_at` on; time counted stays (INF-07)."""

    plan: Name

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        plans = context.desk.plans
        if plans and self.plan not in plans:
            detail = f"{self.plan} is no plan here; one of: {', '.join(plans)}"
            return Refusal(RefusalReason.UNKNOWN_PLAN, detail, ticket.allowed)
        if self.plan == ticket.plan:
            return nothing_to_change(ticket, f"the plan is {ticket.plan} already")
        event = PlanChanged(
            **fact_fields(ticket, context),
            plan=self.plan,
            previous_plan=ticket.plan,
            customer=ticket.customer,
            is_trial=ticket.is_trial,
            by=context.by,
        )
        return done(ticket, context, "plan_changed", event, plan=self.plan)


@command("scope", states=NOT_CLOSED)
@dataclass(frozen=True, slots=True)
class DecideScope(Command):
    """Whether the desk's promises cover the request (SIG-10); `best_effort` is help at the
    engineer's discretion, without a promise (SIG-11). `answer` names a template of notify.yaml."""

    scope: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    why: Line = ""
    answer: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        facts = fact_fields(ticket, context)
        mail = automatic_mail(ticket, self.answer, facts)
        event = ScopeDecided(
            **facts,
            scope=self.scope,
            by=context.by,
            why=self.why,
            answer=self.answer if mail else None,
        )
        request_details = replace(ticket.request_details, scope=self.scope, scope_rule=None)
        return done(ticket, context, "scope_decided", event, *mail, request_details=request_details)


@command("misuse", states=ANY_STATE, applies_to=lambda ticket: _is_recorded(ticket))
@dataclass(frozen=True, slots=True)
class DecideMisuse(Command):
    """Whether the misuse that was recorded is one, for the fee that somebody may charge; Pledge
    charges nothing (SMS-05)."""

    confirmed: bool
    why: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        misuse = ticket.request_details.misuse
        state = MisuseState.CONFIRMED if self.confirmed else MisuseState.DISMISSED
        if misuse is None:
            return nothing_to_change(ticket, "no misuse of a line is recorded on the ticket")
        if misuse.state is state:
            return nothing_to_change(ticket, f"the misuse is {state} already")
        event = MisuseDecided(
            **fact_fields(ticket, context), is_confirmed=self.confirmed, by=context.by, why=self.why
        )
        decided = replace(misuse, state=state, decided_by=context.by, why=self.why)
        request_details = replace(ticket.request_details, misuse=decided)
        return done(ticket, context, f"misuse_{state}", event, request_details=request_details)


def _is_recorded(ticket: Ticket) -> bool:
    misuse = ticket.request_details.misuse
    return misuse is not None and misuse.state is MisuseState.RECORDED


@command("entitlement", states=NOT_CLOSED)
@dataclass(frozen=True, slots=True)
class DecideEntitlement(Command):
    """Whether the requester may ask after all (SIG-01)."""

    entitled: bool

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if self.entitled is ticket.request_details.entitled:
            return nothing_to_change(ticket, "that is decided already")
        facts = fact_fields(ticket, context)
        events: list[TicketEvent] = [
            EntitlementDecided(**facts, entitled=self.entitled, by=context.by)
        ]
        decided = replace(
            ticket, request_details=replace(ticket.request_details, entitled=self.entitled)
        )
        if not self.entitled:
            decided = replace(decided, missing=())
        elif ticket.request_details.entitled is False:
            decided = lacking(decided, context.desk)
            if decided.missing not in ((), ticket.missing):
                events += request_information(
                    decided, items_of(decided, context.desk), context.desk, facts
                )
        return done(decided, context, "entitlement_decided", *events)
