"""How a request stands to the promises: its plan, its scope, its requester's right to ask."""

from dataclasses import replace

from intake.domain import commands as do
from intake.domain.admission import answer, ask, items_of, lacking
from intake.domain.command_dispatch import apply, common, done, nothing
from intake.domain.misuse import MisuseState
from intake.domain.ticket import Decision, Hand, Refusal, RefusalReason, Ticket
from pledge.events import (
    EntitlementDecided,
    MisuseDecided,
    PlanChanged,
    ScopeDecided,
    TicketEvent,
)


@apply.register
def _plan(command: do.ChangePlan, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    plans = hand.desk.plans
    if plans and command.plan not in plans:
        detail = f"{command.plan} is no plan here; one of: {', '.join(plans)}"
        return Refusal(RefusalReason.UNKNOWN_PLAN, detail, ticket.allowed)
    if command.plan == ticket.plan:
        return nothing(ticket, f"the plan is {ticket.plan} already")
    event = PlanChanged(
        **common(ticket, hand),
        plan=command.plan,
        previous_plan=ticket.plan,
        customer=ticket.customer,
        is_trial=ticket.is_trial,
        by=hand.by,
    )
    return done(ticket, hand, "plan_changed", event, plan=command.plan)


@apply.register
def _scope(command: do.DecideScope, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    facts = common(ticket, hand)
    mail = answer(ticket, command.answer, facts)
    event = ScopeDecided(
        **facts,
        scope=command.scope,
        by=hand.by,
        why=command.why,
        answer=command.answer if mail else None,
    )
    particulars = replace(ticket.particulars, scope=command.scope, scope_rule=None)
    return done(ticket, hand, "scope_decided", event, *mail, particulars=particulars)


@apply.register
def _misuse(command: do.DecideMisuse, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    misuse = ticket.particulars.misuse
    state = MisuseState.CONFIRMED if command.is_confirmed else MisuseState.DISMISSED
    if misuse is None:
        return nothing(ticket, "no misuse of a line is recorded on the ticket")
    if misuse.state is state:
        return nothing(ticket, f"the misuse is {state} already")
    event = MisuseDecided(
        **common(ticket, hand), is_confirmed=command.is_confirmed, by=hand.by, why=command.why
    )
    decided = replace(misuse, state=state, decided_by=hand.by, why=command.why)
    particulars = replace(ticket.particulars, misuse=decided)
    return done(ticket, hand, f"misuse_{state}", event, particulars=particulars)


@apply.register
def _entitlement(command: do.DecideEntitlement, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if command.is_entitled is ticket.particulars.entitled:
        return nothing(ticket, "that is decided already")
    facts = common(ticket, hand)
    events: list[TicketEvent] = [
        EntitlementDecided(**facts, entitled=command.is_entitled, by=hand.by)
    ]
    decided = replace(ticket, particulars=replace(ticket.particulars, entitled=command.is_entitled))
    if not command.is_entitled:
        decided = replace(decided, missing=())
    elif ticket.particulars.entitled is False:
        decided = lacking(decided, hand.desk)
        if decided.missing not in ((), ticket.missing):
            events += ask(decided, items_of(decided, hand.desk), hand.desk, facts)
    return done(decided, hand, "entitlement_decided", *events)
