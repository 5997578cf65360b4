"""What the API shows of a ticket, and what agents send."""

import dataclasses
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from intake.domain import commands as do
from intake.domain.misuse import Misuse
from intake.domain.request_details import Particulars
from intake.domain.text import storable
from intake.domain.ticket import Ticket
from intake.domain.ticket_parts import Feedback, Link, Meeting
from pledge.events import EXCERPT_LENGTH, LINE_LENGTH, Actor, Contact
from pledge.runtime.instants import Timestamp


class Requester(BaseModel):
    """Who asks; at least one way to answer is needed."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    phone: str | None = Field(default=None, pattern=r"^\+[0-9]{5,15}$", description="E.164.")
    chat: str | None = Field(default=None, max_length=200)
    zone: str | None = Field(default=None, max_length=60, description="IANA zone.")
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")


_PARTICULARS = dataclasses.fields(Particulars)


class TicketView(BaseModel):
    """A ticket as it stands. ``allowed`` names what can be done with it now."""

    id: UUID
    desk: str
    number: str
    state: str
    severity: str | None
    priority: str | None
    requested_severity: str | None = Field(description="As the requester chose (INF-01).")
    requested_priority: str | None
    assessed_by: Actor | None = Field(description="Who last changed severity or priority.")
    assessed_why: str
    subject: str
    channel: str
    line: str | None
    requester: Contact
    participants: tuple[Contact, ...]
    plan: str | None
    product: str | None
    customer: str | None
    is_trial: bool
    is_urgent: bool
    missing: tuple[str, ...]
    information: dict[str, str] = Field(description="What was told of what the request needs.")
    entitled: bool | None = Field(description="Whether the requester may ask; null: no rule.")
    scope: str | None
    scope_rule: str | None
    circumvention: str | None
    misuse: Misuse | None = Field(description="Of the line that it came by (SMS-05).")
    assignee: Actor | None
    incident_id: UUID | None
    unanswered_attempts: int
    reply_to: str | None
    opened_at: Timestamp
    changed_at: Timestamp
    heard_at: Timestamp | None
    resolved_at: Timestamp | None
    closed_at: Timestamp | None
    reported_at: Timestamp | None
    links: tuple[Link, ...]
    feedback: tuple[Feedback, ...]
    meetings: tuple[Meeting, ...]
    sequence: int
    allowed: tuple[str, ...]


def view(ticket: Ticket) -> TicketView:
    """The API's view of a ticket."""
    particular = {each.name: getattr(ticket.particulars, each.name) for each in _PARTICULARS}
    del particular["requirement"]
    return TicketView(
        subject=ticket.subject_line,
        allowed=ticket.allowed,
        **particular,
        **{
            name: getattr(ticket, name)
            for name in TicketView.model_fields
            if name not in {"subject", "allowed", *particular}
        },
    )


class TicketPage(BaseModel):
    """Tickets, newest first; ``next`` is the cursor of the following page, or null."""

    items: list[TicketView]
    next: str | None


class FactView(BaseModel):
    """One fact of a ticket: ``data`` is the event as it was published."""

    sequence: int
    event_id: str
    type: str
    occurred_at: Timestamp
    text: str | None = Field(description="The whole text, where the event repeats only a part.")
    data: dict[str, Any]


class FactPage(BaseModel):
    """A ticket's facts in order."""

    items: list[FactView]
    next: str | None


_Text = Annotated[str, StringConstraints(min_length=1, max_length=EXCERPT_LENGTH)]
_Line = Annotated[str, StringConstraints(max_length=LINE_LENGTH)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Told(BaseModel):
    """What an agent tells. ``occurred_at`` is when it happened, if that was not just now."""

    model_config = ConfigDict(extra="forbid")

    occurred_at: AwareDatetime | None = None

    def command(self) -> do.Command:
        """The command for the domain."""
        raise NotImplementedError


class TriageBody(Told):
    """Severity, priority, product; what is left out stays as it is."""

    severity: _Name | None = None
    priority: _Name | None = None
    product: _Line | None = None
    why: _Line = ""
    known_incident: bool = False

    def command(self) -> do.Triage:
        """The command for the domain."""
        return do.Triage(
            self.severity, self.priority, self.product, storable(self.why), self.known_incident
        )


class ReplyBody(Told):
    """Words to the requester and the participants; by mail unless said otherwise."""

    text: _Text
    channel: Literal["email", "chat", "phone", "portal"] = "email"
    is_initial_response: bool = False

    def command(self) -> do.Reply:
        """The command for the domain; what happened earlier was sent by other means."""
        sends = self.channel in {"email", "portal"} and self.occurred_at is None
        return do.Reply(storable(self.text), self.channel, self.is_initial_response, sends)


class NoteBody(Told):
    """Words for the desk's own eyes."""

    text: _Text

    def command(self) -> do.Note:
        """The command for the domain."""
        return do.Note(storable(self.text))


class ContactAttemptBody(Told):
    """An attempt to reach the customer, answered or not (VIR-08)."""

    channel: Literal["phone", "email", "chat"] = "phone"
    reached: bool
    note: _Line = ""

    def command(self) -> do.AttemptContact:
        """The command for the domain."""
        return do.AttemptContact(self.channel, self.reached, storable(self.note))


class ResolveBody(Told):
    """How it was resolved, or that a future release fixes it (VIR-06)."""

    resolution: Annotated[str, StringConstraints(max_length=EXCERPT_LENGTH)] = ""
    fixed_in_release: bool = False
    release: _Line | None = None

    def command(self) -> do.Resolve:
        """The command for the domain."""
        return do.Resolve(storable(self.resolution), self.fixed_in_release, self.release)


class ReopenBody(Told):
    """Why work goes on."""

    why: _Line = ""

    def command(self) -> do.Reopen:
        """The command for the domain."""
        return do.Reopen(storable(self.why))


class CloseBody(Told):
    """Why the ticket is over."""

    reason: _Name = "resolved"

    def command(self) -> do.Close:
        """The command for the domain."""
        return do.Close(storable(self.reason))


class WaitBody(Told):
    """Whose turn it is: the customer's, the provider's, or the customer is unavailable (VIR-09)."""

    waiting_for: do.WaitingFor
    why: _Line = ""

    def command(self) -> do.Wait:
        """The command for the domain."""
        return do.Wait(self.waiting_for, storable(self.why))


class ResumeBody(Told):
    """Why waiting is over."""

    why: _Line = ""

    def command(self) -> do.Resume:
        """The command for the domain."""
        return do.Resume(storable(self.why))


class WorkaroundBody(Told):
    """A way around the fault (VIR-04, INF-14)."""

    circumvention: Literal["none", "circumvention", "workaround"] = "workaround"
    is_suitable: bool = True
    text: Annotated[str, StringConstraints(max_length=EXCERPT_LENGTH)] = ""

    def command(self) -> do.ProvideWorkaround:
        """The command for the domain."""
        return do.ProvideWorkaround(self.circumvention, self.is_suitable, storable(self.text))


class RequestInformationBody(Told):
    """What is missing (INF-06)."""

    missing: Annotated[tuple[_Line, ...], Field(min_length=1, max_length=50)]

    def command(self) -> do.RequestInformation:
        """The command for the domain."""
        return do.RequestInformation(tuple(storable(each) for each in self.missing))


class CompleteInformationBody(Told):
    """Nothing is missing any more."""

    fields: dict[_Name, _Line] = Field(default_factory=dict, max_length=50)

    def command(self) -> do.CompleteInformation:
        """The command for the domain."""
        return do.CompleteInformation({name: storable(each) for name, each in self.fields.items()})


class AssignBody(Told):
    """Who has the ticket now; null for nobody."""

    assignee: _Name | None
    name: _Line | None = None

    def command(self) -> do.Assign:
        """The command for the domain."""
        if self.assignee is None:
            return do.Assign(None)
        return do.Assign(Actor(kind="agent", id=storable(self.assignee), name=self.name))


class LinkIncidentBody(Told):
    """The incident of the status page that the ticket belongs to."""

    incident_id: UUID

    def command(self) -> do.LinkIncident:
        """The command for the domain."""
        return do.LinkIncident(self.incident_id)


class PlanBody(Told):
    """The customer's plan from now on, or from `occurred_at` on; time counted stays (INF-07)."""

    plan: _Name

    def command(self) -> do.ChangePlan:
        """The command for the domain."""
        return do.ChangePlan(storable(self.plan))


class ScopeBody(Told):
    """Whether the desk's promises cover the request (SIG-10); `best_effort` is help at the
    engineer's discretion, without a promise (SIG-11). `answer` names a template of notify.yaml."""

    scope: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    why: _Line = ""
    answer: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] | None = None

    def command(self) -> do.DecideScope:
        """The command for the domain."""
        return do.DecideScope(self.scope, storable(self.why), self.answer)


class EntitlementBody(Told):
    """Whether the requester may ask after all (SIG-01)."""

    entitled: bool

    def command(self) -> do.DecideEntitlement:
        """The command for the domain."""
        return do.DecideEntitlement(self.entitled)


class MisuseBody(Told):
    """Whether the misuse that was recorded is one, for the fee that somebody may charge; Pledge
    charges nothing (SMS-05)."""

    confirmed: bool
    why: _Line = ""

    def command(self) -> do.DecideMisuse:
        """The command for the domain."""
        return do.DecideMisuse(self.confirmed, storable(self.why))


BODIES: dict[do.Action, type[Told]] = {
    do.Action.TRIAGE: TriageBody,
    do.Action.REPLY: ReplyBody,
    do.Action.NOTE: NoteBody,
    do.Action.CONTACT_ATTEMPTS: ContactAttemptBody,
    do.Action.RESOLVE: ResolveBody,
    do.Action.REOPEN: ReopenBody,
    do.Action.CLOSE: CloseBody,
    do.Action.WAIT: WaitBody,
    do.Action.RESUME: ResumeBody,
    do.Action.WORKAROUND: WorkaroundBody,
    do.Action.REQUEST_INFORMATION: RequestInformationBody,
    do.Action.COMPLETE_INFORMATION: CompleteInformationBody,
    do.Action.ASSIGN: AssignBody,
    do.Action.LINK_INCIDENT: LinkIncidentBody,
    do.Action.PLAN: PlanBody,
    do.Action.SCOPE: ScopeBody,
    do.Action.ENTITLEMENT: EntitlementBody,
    do.Action.MISUSE: MisuseBody,
}
"""What is sent with each action of an agent."""
