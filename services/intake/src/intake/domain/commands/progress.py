"""How far a ticket has come: its severity, who has it, whose turn it is, resolved or closed."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal
from uuid import UUID

from intake.domain.command_fields import INTERNAL, Line, LongText, Name
from intake.domain.command_registry import (
    FINISHED,
    NOT_CLOSED,
    WAITING,
    Command,
    State,
    command,
)
from intake.domain.commands.services import unconfirmed
from intake.domain.desk import Desk
from intake.domain.history_words import Data, Words, joined, plain, said
from intake.domain.matrix import Assessed, Origin, Values, assess
from intake.domain.misuse import Misuse, misused
from intake.domain.rating import rating_request
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
    nothing_to_change,
    reach_of,
    reopening_fields,
    unknown_reach,
    unknown_values,
)
from pledge.events import (
    Actor,
    Assigned,
    Closed,
    CustomerUnavailable,
    LinkedToIncident,
    MisuseRecorded,
    Reopened,
    Resolved,
    TicketEvent,
    Triaged,
    WaitingOnCustomer,
    WaitingOnProvider,
    WorkaroundProvided,
)


class WaitingFor(StrEnum):
    """Whose turn it is while a ticket waits."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    UNAVAILABLE = "unavailable"


def _assessed(data: Data) -> Words:
    parts = [(name, data.get(name)) for name in ("severity", "priority", "impact", "urgency")]
    values = joined(f"{name} {value}" for name, value in parts if value)
    return f"Assessed: {values}" if values else "Assessed", "", ""


def _picked_up(data: Data) -> Words:
    assignee = data.get("assignee")
    if not assignee:
        return "Back in the queue", "", ""
    return "Picked up", str(assignee.get("name") or assignee.get("id") or ""), ""


def _workaround(data: Data) -> Words:
    return "A way around it", "", said(data)


def _resolved(data: Data) -> Words:
    release = f" {data['release']}" if data.get("release") else ""
    what = f"To be fixed in a release{release}" if data.get("fixed_in_release") else "Resolved"
    return what, "", str(data.get("resolution") or "")


@command("triage", states=NOT_CLOSED, history={"triaged": _assessed})
@dataclass(frozen=True, slots=True)
class Triage(Command):
    """Severity, priority, impact, urgency, product; what is left out stays as it is. Severity (or
    priority) that somebody chose stays, too, unless `by_matrix` leaves it to impact and urgency."""

    severity: Name | None = None
    priority: Name | None = None
    impact: Name | None = None
    urgency: Name | None = None
    by_matrix: bool = False
    product: Line | None = None
    why: Line = ""
    known_incident: bool = False

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        desk = context.desk
        refusal = unknown_values(
            self.severity, self.priority, desk, ticket.allowed
        ) or unknown_reach(self.impact, self.urgency, desk, ticket.allowed)
        if refusal is not None:
            return refusal
        assessed = self._assessed(ticket, desk)
        asked, own = assessed.severity, ticket.request_details
        severity = desk.floored(asked, is_trial=ticket.is_trial)
        if desk.matrix is not None:
            own = replace(
                own,
                impact=self.impact or own.impact,
                urgency=self.urgency or own.urgency,
                origin=assessed.origin,
            )
        event = Triaged(
            **fact_fields(ticket, context),
            **reach_of(own),
            severity=severity,
            priority=assessed.priority,
            previous_severity=ticket.severity,
            previous_priority=ticket.priority,
            requested_severity=asked if severity != asked else None,
            by=context.by,
            why=self.why,
            product=self.product,
            known_incident=self.known_incident,
        )
        is_other = (severity, event.priority) != (ticket.severity, ticket.priority)
        if is_other:
            own = replace(own, assessed_by=context.by, assessed_why=self.why)
        events: list[TicketEvent] = [event]
        if (misuse := _misuse(ticket, severity, context)) is not None:
            facts = fact_fields(ticket, context)
            found = {"line": misuse.line, "severity": misuse.severity, "rule": misuse.rule}
            events.append(MisuseRecorded(**facts, **found, by=context.by))
            own = replace(own, misuse=misuse)
        return done(
            ticket, context, "triaged", *events,
            severity=severity, priority=event.priority, product=self.product or ticket.product,
            request_details=own,
            # To the regular queue (SMS-05).
            is_urgent=ticket.is_urgent and misuse is None,
        )  # fmt: skip

    def _assessed(self, ticket: Ticket, desk: Desk) -> Assessed:
        own, matrix = ticket.request_details, desk.matrix
        current = Values(ticket.severity, ticket.priority)
        gives = ""  # what is not chosen, and so left to the matrix
        if matrix is not None and (self.by_matrix or own.origin is not Origin.CHOSEN):
            gives = matrix.gives
        return assess(
            matrix,
            Values(
                self.severity or (ticket.severity if gives != "severity" else None),
                self.priority or (ticket.priority if gives != "priority" else None),
            ),
            current,
            self.impact or own.impact,
            self.urgency or own.urgency,
        )


def _misuse(ticket: Ticket, severity: str | None, context: CommandContext) -> Misuse | None:
    """What this severity first shows to be a misuse of the line that the request came by."""
    if ticket.request_details.misuse is not None:
        return None
    return misused(context.desk.misuse_rules, ticket.line, severity, context.occurred_at)


@command("assign", states=NOT_CLOSED, history={"assigned": _picked_up})
@dataclass(frozen=True, slots=True)
class Assign(Command):
    """Who has the ticket now; null for nobody. `team` is the team that it goes to; without, it
    stays with the team that has it."""

    assignee: Name | None
    name: Line | None = None
    team: Name | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        assignee = None
        if self.assignee is not None:
            assignee = Actor(kind="agent", id=self.assignee, name=self.name)
        known = [each.name for each in context.desk.teams]
        if self.team is not None and self.team not in known:
            detail = f"{self.team} is no team here; one of: {', '.join(known) or 'none are listed'}"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        team = self.team or ticket.team
        is_other = assignee != ticket.assignee
        if not is_other and team == ticket.team:
            return nothing_to_change(ticket, "the ticket has that assignee and team already")
        event = Assigned(
            **fact_fields(ticket, context),
            assignee=assignee,
            by=context.by,
            team=team,
            previous_team=ticket.team,
            is_team_changed=team != ticket.team,
            is_taken=is_other and assignee is not None,
            is_left=is_other and ticket.assignee is not None,
        )
        return done(ticket, context, "assigned", event, assignee=assignee, team=team)


@command("link-incident", states=NOT_CLOSED)
@dataclass(frozen=True, slots=True)
class LinkIncident(Command):
    """The incident of the status page that the ticket belongs to."""

    incident_id: UUID

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if self.incident_id == ticket.incident_id:
            return nothing_to_change(ticket, "the ticket is linked to that incident already")
        event = LinkedToIncident(
            **fact_fields(ticket, context), incident_id=self.incident_id, by=context.by
        )
        return done(ticket, context, "linked", event, incident_id=self.incident_id)


@command(
    "wait",
    history={
        "waiting_on_customer": plain("Waiting for your answer"),
        "waiting_on_provider": plain("Support has the next step"),
    },
)
@dataclass(frozen=True, slots=True)
class Wait(Command):
    """Whose turn it is: the customer's, the provider's, or the customer is unavailable (VIR-09)."""

    waiting_for: WaitingFor
    why: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        facts = {**fact_fields(ticket, context), "by": context.by, "why": self.why}
        event: TicketEvent
        if self.waiting_for is WaitingFor.PROVIDER:
            state, event = State.OPEN, WaitingOnProvider(**facts)
        elif self.waiting_for is WaitingFor.CUSTOMER:
            state, event = State.WAITING_ON_CUSTOMER, WaitingOnCustomer(**facts)
        else:
            state, event = State.CUSTOMER_UNAVAILABLE, CustomerUnavailable(**facts)
        if state is ticket.state:
            return nothing_to_change(ticket, f"the ticket is {ticket.state} already")
        return done(ticket, context, str(self.waiting_for), event, state=state)


@command("resume", states=WAITING)
@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Why waiting is over."""

    why: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        event = WaitingOnProvider(**fact_fields(ticket, context), by=context.by, why=self.why)
        return done(ticket, context, "resumed", event, state=State.OPEN)


@command("workaround", states=NOT_CLOSED, history={"workaround_provided": _workaround})
@dataclass(frozen=True, slots=True)
class ProvideWorkaround(Command):
    """A way around the fault (VIR-04, INF-14)."""

    circumvention: Literal["none", "circumvention", "workaround"] = "workaround"
    is_suitable: bool = True
    text: LongText = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if (refusal := unconfirmed(ticket)) is not None:
            return refusal
        event = WorkaroundProvided(
            **fact_fields(ticket, context),
            by=context.by,
            circumvention=self.circumvention,
            # Where there is no way around the fault, nothing serves in place of its repair.
            is_suitable=self.is_suitable and self.circumvention != "none",
            severity=ticket.severity,
            text=self.text,
        )
        request_details = replace(ticket.request_details, circumvention=self.circumvention)
        return done(ticket, context, "workaround_provided", event, request_details=request_details)


@command("resolve", history={"resolved": _resolved})
@dataclass(frozen=True, slots=True)
class Resolve(Command):
    """How it was resolved, or that a future release fixes it (VIR-06)."""

    resolution: LongText = ""
    fixed_in_release: bool = False
    release: Line | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if (refusal := unconfirmed(ticket)) is not None:
            return refusal
        event = Resolved(
            **fact_fields(ticket, context),
            by=context.by,
            resolution=self.resolution,
            fixed_in_release=self.fixed_in_release,
            release=self.release,
        )
        return done(
            ticket,
            context,
            "resolved",
            event,
            state=State.RESOLVED,
            resolved_at=context.occurred_at,
        )


@command("reopen", states=FINISHED, history={"reopened": plain("At work again")})
@dataclass(frozen=True, slots=True)
class Reopen(Command):
    """Why work goes on."""

    why: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if (into := ticket.merged_into) is not None:
            detail = f"it was merged into {into.number}: reopen or split that one"
            return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
        event = Reopened(**reopening_fields(ticket, context), by=context.by, why=self.why)
        return done(
            ticket, context, "reopened", event, state=State.OPEN, resolved_at=None, closed_at=None
        )


@command("close", states=NOT_CLOSED, history={"closed": plain("Closed")})
@dataclass(frozen=True, slots=True)
class Close(Command):
    """Why the ticket is over."""

    reason: Name = "resolved"
    conditions: tuple[str, ...] = field(default=(), metadata=INTERNAL)

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        event = Closed(
            **fact_fields(ticket, context),
            by=context.by,
            reason=self.reason,
            conditions=self.conditions,
        )
        asked = rating_request(ticket, context, self.reason)
        return done(
            ticket, context, "closed", event, *asked,
            state=State.CLOSED, closed_at=context.occurred_at,
        )  # fmt: skip
