"""What agents and deliveries ask of a ticket. Each command's `action` is its name in the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pledge.events import Actor, Contact


class Action(StrEnum):
    """Everything that can be done with a ticket, by its name in the API."""

    TRIAGE = "triage"
    REPLY = "reply"
    NOTE = "note"
    CONTACT_ATTEMPTS = "contact-attempts"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    WAIT = "wait"
    RESUME = "resume"
    WORKAROUND = "workaround"
    REQUEST_INFORMATION = "request-information"
    COMPLETE_INFORMATION = "complete-information"
    ASSIGN = "assign"
    LINK_INCIDENT = "link-incident"
    MERGE = "merge"
    SPLIT = "split"
    FOLLOW_UP = "follow-up"
    FEEDBACK = "feedback"
    ACKNOWLEDGE_FEEDBACK = "acknowledge-feedback"
    OPEN_REVIEW = "open-review"
    UPDATE_REVIEW = "update-review"
    CONCLUDE_REVIEW = "conclude-review"
    REQUEST_ARBITRATION = "request-arbitration"
    PROPOSE_MEETING = "propose-meeting"
    AGREE_MEETING = "agree-meeting"
    HOLD_MEETING = "hold-meeting"
    CANCEL_MEETING = "cancel-meeting"
    PLAN = "plan"
    SCOPE = "scope"
    ENTITLEMENT = "entitlement"
    MISUSE = "misuse"
    HEAR = "hear"


class WaitingFor(StrEnum):
    """Whose turn it is while a ticket waits."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    UNAVAILABLE = "unavailable"


class Command:
    """The common type of all commands."""

    action: ClassVar[Action]


@dataclass(frozen=True, slots=True)
class Triage(Command):
    """Set severity, priority or product; None leaves a value as it is."""

    action: ClassVar[Action] = Action.TRIAGE
    severity: str | None = None
    priority: str | None = None
    product: str | None = None
    why: str = ""
    known_incident: bool = False


@dataclass(frozen=True, slots=True)
class Reply(Command):
    """An agent's words to the requester and the participants. ``sends`` asks for the mail; what is
    told later, or was said in a chat or on the phone, has reached the requester already."""

    action: ClassVar[Action] = Action.REPLY
    text: str
    channel: str = "email"
    is_initial_response: bool = False
    sends: bool = False


@dataclass(frozen=True, slots=True)
class Note(Command):
    """Something for the desk's own eyes."""

    action: ClassVar[Action] = Action.NOTE
    text: str


@dataclass(frozen=True, slots=True)
class AttemptContact(Command):
    """A technician tried to reach the customer (VIR-08)."""

    action: ClassVar[Action] = Action.CONTACT_ATTEMPTS
    channel: str
    reached: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolve(Command):
    """The desk deems the ticket resolved."""

    action: ClassVar[Action] = Action.RESOLVE
    resolution: str = ""
    fixed_in_release: bool = False
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Reopen(Command):
    """Work goes on."""

    action: ClassVar[Action] = Action.REOPEN
    why: str = ""


@dataclass(frozen=True, slots=True)
class Close(Command):
    """The ticket is over."""

    action: ClassVar[Action] = Action.CLOSE
    reason: str = "resolved"
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait(Command):
    """The ticket waits; for the provider means that the desk has the next step again."""

    action: ClassVar[Action] = Action.WAIT
    waiting_for: WaitingFor
    why: str = ""


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """The desk has the next step again."""

    action: ClassVar[Action] = Action.RESUME
    why: str = ""


@dataclass(frozen=True, slots=True)
class ProvideWorkaround(Command):
    """A way around the fault (VIR-04, INF-14)."""

    action: ClassVar[Action] = Action.WORKAROUND
    circumvention: str = "workaround"
    is_suitable: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True)
class RequestInformation(Command):
    """Ask for what is missing (INF-06)."""

    action: ClassVar[Action] = Action.REQUEST_INFORMATION
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompleteInformation(Command):
    """Nothing is missing any more."""

    action: ClassVar[Action] = Action.COMPLETE_INFORMATION
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assign(Command):
    """Give the ticket to somebody, or to nobody (None)."""

    action: ClassVar[Action] = Action.ASSIGN
    assignee: Actor | None


@dataclass(frozen=True, slots=True)
class LinkIncident(Command):
    """The ticket belongs to an incident of the status page."""

    action: ClassVar[Action] = Action.LINK_INCIDENT
    incident_id: UUID


@dataclass(frozen=True, slots=True)
class ChangePlan(Command):
    """The customer has another plan from now on; time already counted stays (INF-07)."""

    action: ClassVar[Action] = Action.PLAN
    plan: str


@dataclass(frozen=True, slots=True)
class DecideScope(Command):
    """What the desk's promises make of the request (SIG-10); best effort is help at the engineer's
    discretion, without a promise (SIG-11). ``answer`` is a template that tells the requester."""

    action: ClassVar[Action] = Action.SCOPE
    scope: str
    why: str = ""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class DecideEntitlement(Command):
    """Whether the requester may ask after all (SIG-01)."""

    action: ClassVar[Action] = Action.ENTITLEMENT
    is_entitled: bool


@dataclass(frozen=True, slots=True)
class DecideMisuse(Command):
    """Whether a recorded misuse of a line was one. Nothing is charged by it (SMS-05)."""

    action: ClassVar[Action] = Action.MISUSE
    is_confirmed: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Hear(Command):
    """The requester, or somebody in copy, was heard again.

    ``by`` joins the participants when ``joins`` says that a signed address proves them invited.
    ``callback`` asks to be called back, ``escalates_to`` for a manager (VIR-11).
    """

    action: ClassVar[Action] = Action.HEAR
    by: Contact
    channel: str
    delivery: str
    text: str = ""
    line: str | None = None
    is_urgent: bool = False
    joins: bool = False
    callback: bool = False
    escalates_to: str | None = None
    message_id: str | None = None
