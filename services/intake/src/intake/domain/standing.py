"""How a request stands to the promises: its plan, its scope, its requester's right to ask."""

from dataclasses import replace

from intake.domain import commands as do
from intake.domain.admission import answer
from intake.domain.deciding import apply, common, done, nothing
from intake.domain.ticket import Decision, Hand, Refusal, RefusalReason, Ticket
from pledge.events import EntitlementDecided, PlanChanged, ScopeDecided


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
def _entitlement(command: do.DecideEntitlement, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if command.is_entitled is ticket.particulars.entitled:
        return nothing(ticket, "that is decided already")
    event = EntitlementDecided(**common(ticket, hand), entitled=command.is_entitled, by=hand.by)
    particulars = replace(ticket.particulars, entitled=command.is_entitled)
    return done(ticket, hand, "entitlement_decided", event, particulars=particulars)
