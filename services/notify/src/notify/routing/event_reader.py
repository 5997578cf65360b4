"""Reads events of the contract: as notices for the routes, and as what is known of a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from notify.domain.routing import Notice, Party
from notify.routing.maintenance import with_window
from notify.storage.rows import About, Ticket
from pledge.events import (
    Actor,
    ArbitrationRequested,
    BreachEvent,
    BreachRetracted,
    Closed,
    ComplaintFiled,
    Contact,
    Event,
    FeedbackAcknowledged,
    FeedbackReceived,
    IncidentEvent,
    IncidentResolved,
    MaintenanceWindowSet,
    Merged,
    MisuseRecorded,
    ObjectiveEvent,
    ParticipantsChanged,
    PromiseBreached,
    PromiseEvent,
    Reopened,
    RequesterReplied,
    Resolved,
    ReviewConcluded,
    ReviewOpened,
    ReviewUpdated,
    SilenceElapsed,
    TicketEvent,
    TicketOpened,
    Triaged,
)

_PREFIX = "pledge."
MOST_CHANNELS = 20
LONGEST_TITLE = 300
"""Of one ticket; there are fewer, but a sender names them as it likes."""


def route_names(event: Event) -> tuple[str, ...]:
    """The names a route may know the event by."""
    name = short_name(event.type)
    return (name, "ticket.severity_changed") if isinstance(event, Triaged) else (name,)


def short_name(type_: str) -> str:
    """`pledge.ticket.opened.v1` as desks' files write it: `ticket.opened`."""
    return type_.removeprefix(_PREFIX).rpartition(".v")[0]


@dataclass(frozen=True, slots=True)
class Ending:
    """Pages of `subject` end, or only those of one breach."""

    subject: str
    resolution: str
    breach_id: UUID | None = None


def ending(event: Event) -> Ending | None:
    """Which pages the event ends, if any."""
    match event:
        case BreachRetracted(breach_id=breach_id):
            return Ending(event.subject(), "retracted", breach_id)
        case Resolved():
            return Ending(event.subject(), "resolved")
        case Closed(reason=reason):
            return Ending(event.subject(), reason)
        case Merged():
            return Ending(event.subject(), "merged")
        case MisuseRecorded():
            return Ending(event.subject(), "misuse")
        case IncidentResolved():
            return Ending(event.subject(), "incident_resolved")
        case _:
            return None


def apply_to_ticket(known: Ticket | None, event: TicketEvent) -> Ticket:
    """What is known of the ticket after the event."""
    ticket = _released(known or Ticket(event.ticket_id, event.desk, event.ticket_number), event)
    match event:
        case TicketOpened():
            return Ticket(event.ticket_id, event.desk, event.ticket_number, _opened(event))
        case Triaged():
            facts = {**ticket.facts, "severity": event.severity, "priority": event.priority}
            return replace(ticket, facts=facts)
        case MisuseRecorded():
            return replace(ticket, facts={**ticket.facts, "is_urgent": False})
        case RequesterReplied():
            return _contacted_by(ticket, event.channel)
        case ParticipantsChanged():
            requester = event.requester.model_dump(mode="json")
            people = [each.model_dump(mode="json") for each in event.participants]
            facts = {**ticket.facts, "requester": requester, "participants": people}
            if event.is_answerable is not None:
                facts["is_answerable"] = event.is_answerable
            return replace(ticket, facts=facts)
        case MaintenanceWindowSet():
            return replace(ticket, facts={**ticket.facts, "windows": with_window(ticket, event)})
        case Resolved() | Closed() | Merged():
            facts = {**ticket.facts, "over_at": event.recorded_at.isoformat()}
            return replace(ticket, is_over=True, facts=facts)
        case Reopened():
            return replace(ticket, is_over=False)
        case _:
            return ticket


def _released(ticket: Ticket, event: TicketEvent) -> Ticket:
    """The ticket, which pages as any other once an agent did something with it."""
    by = getattr(event, "by", None)
    is_agents = isinstance(by, Actor) and by.kind == "agent"
    if not is_agents or not ticket.facts.get("page_held"):
        return ticket
    return replace(ticket, facts={**ticket.facts, "page_held": None})


def _contacted_by(ticket: Ticket, channel: str) -> Ticket:
    """The ticket with one more channel by which its requester has come."""
    known = _channels(ticket.facts)
    if channel in known or len(known) >= MOST_CHANNELS:
        return ticket
    return replace(ticket, facts={**ticket.facts, "contacted_by": [*known, channel]})


def _channels(facts: dict[str, Any]) -> list[str]:
    """The channels by which the requester has come; of tickets known from before they were kept,
    that of the opening."""
    opened_by = facts.get("channel")
    return facts.get("contacted_by") or ([opened_by] if opened_by else [])


def is_ticket_over(notice: Notice, ticket: Ticket | None) -> bool:
    """Whether the ticket has ended since: its end overtook a breach on another topic, and the page
    is pointless. Feedback and reviews come after the end, and so do their breaches (INF-11)."""
    if ticket is None or not ticket.is_over:
        return False
    over_at = ticket.facts.get("over_at")
    if over_at is None:
        return True
    is_ticket_event = notice.event.startswith("ticket.")
    at = notice.detected_at if is_ticket_event else notice.occurred_at
    return at <= datetime.fromisoformat(over_at)


def ended_before(notice: Notice, event: Event, ticket: Ticket | None) -> str | None:
    """Why there is nothing left to be done about the event, or None.

    A breach found by a correction may have been answered hours ago: nobody is woken for it.
    """
    if isinstance(event, PromiseBreached) and event.met_at is not None:
        return "met_late"
    return "ticket_over" if is_ticket_over(notice, ticket) else None


def _title(subject: str) -> str:
    """A subject as messages name it: one may be long, and phones read it aloud."""
    return subject if len(subject) <= LONGEST_TITLE else f"{subject[: LONGEST_TITLE - 1]}…"


def _opened(event: TicketOpened) -> dict[str, Any]:
    return {
        "title": _title(event.subject_line),
        "requester": event.requester.model_dump(mode="json"),
        "participants": [each.model_dump(mode="json") for each in event.participants],
        "severity": event.severity,
        "priority": event.priority,
        "channel": event.channel,
        "language": event.language,
        "is_urgent": event.is_urgent,
        "page_held": event.page_held,
        "is_answerable": event.is_answerable,
        "is_from_machine": event.is_from_machine,
        "reply_to": event.reply_to,
        "message_id": event.mail_message_id,
    }


def about(event: Event) -> About:
    """What a page or message of the event is about."""
    ticket_id = getattr(event, "ticket_id", None)
    incident_id = getattr(event, "incident_id", None)
    number = getattr(event, "ticket_number", None)
    return About(ticket_id, incident_id, number)


def notice(event: Event, ticket: Ticket | None) -> Notice:
    """The event as routes see it, completed by what is known of its ticket."""
    facts = ticket.facts if ticket else {}
    found = Notice(
        event=short_name(event.type),
        desk=event.desk,
        about=event.subject(),
        occurred_at=event.occurred_at,
        detected_at=event.recorded_at,
        number=about(event).number or (ticket.number if ticket else None),
        title=facts.get("title") or "",
        severity=facts.get("severity"),
        priority=facts.get("priority"),
        channel=facts.get("channel"),
        contacted_by=tuple(_channels(facts)),
        # A voicemail may be urgent when the call before it was not.
        is_urgent=bool(facts.get("is_urgent") or getattr(event, "is_urgent", False)),
        is_page_held=bool(getattr(event, "page_held", facts.get("page_held"))),
        is_automatic=facts.get("is_answerable") is False or facts.get("is_from_machine") is True,
        requester=_party(facts.get("requester"), facts.get("language")),
        participants=_parties(facts),
        details=event.model_dump(),
    )
    return _with_event_fields(found, event)


def _with_event_fields(found: Notice, event: Event) -> Notice:
    """The notice with the fields that only events of its type have."""
    match event:
        case BreachEvent():
            return _breach(found, event)
        case PromiseEvent():
            severity = event.severity or found.severity
            return replace(found, metric=event.metric, severity=severity, due_at=event.due_at)
        case ObjectiveEvent():
            name = event.title or event.objective.replace("_", " ")
            return replace(found, title=f"{name}, {event.period}", metric=event.metric)
        case IncidentEvent():
            return replace(found, title=event.title, severity=event.impact)
        case Triaged() if event.severity != event.previous_severity:
            # So that a route can page on a new severity and not on every triage.
            return replace(found, event="ticket.severity_changed")
        case SilenceElapsed(rule=rule):
            return replace(found, metric=rule)
        case RequesterReplied():
            # A later mail about an urgent request need not be urgent, and a call may come about
            # one that was mailed.
            return replace(found, channel=event.channel, is_urgent=event.is_urgent)
        case FeedbackReceived() | ComplaintFiled() | FeedbackAcknowledged():
            # Answered by the channel it came by, which may be another than the ticket's (INF-11).
            return replace(_with_addressee(found, event), channel=event.channel)
        case ReviewOpened() | ReviewUpdated() | ReviewConcluded() | ArbitrationRequested():
            return _with_addressee(found, event)
        case _:
            return found


_CareEvent = (
    FeedbackReceived | ComplaintFiled | FeedbackAcknowledged | ReviewOpened | ReviewUpdated
    | ReviewConcluded | ArbitrationRequested
)  # fmt: skip


def _with_addressee(found: Notice, event: _CareEvent) -> Notice:
    """Messages about feedback go to its author, who need not be the ticket's requester."""
    person = event.by if isinstance(event.by, Contact) else getattr(event, "to", None)
    party = _party(person.model_dump(), None) if isinstance(person, Contact) else None
    return replace(found, requester=party or found.requester)


def _breach(found: Notice, event: BreachEvent) -> Notice:
    """A breach carries everything: its ticket's events may not have been read yet."""
    return replace(
        found,
        detected_at=event.detected_at,
        title=_title(event.subject_line) or found.title,
        severity=event.severity,
        priority=event.priority,
        metric=event.metric,
        channel=event.channel or found.channel,
        requester=_party(event.requester.model_dump(), None) or found.requester,
        due_at=event.due_at,
    )


def _parties(facts: Mapping[str, Any]) -> tuple[Party, ...]:
    """Those in copy; tickets known from before they were kept have none."""
    found = (_party(each, facts.get("language")) for each in facts.get("participants") or ())
    return tuple(each for each in found if each is not None)


def _party(value: dict[str, Any] | None, language: str | None) -> Party | None:
    if not value:
        return None
    contact = Contact.model_validate(value)
    if contact == Contact():
        return None
    return Party(contact.name, contact.email, contact.zone, contact.language or language)
