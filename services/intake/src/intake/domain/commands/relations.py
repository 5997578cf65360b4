"""What concerns two tickets at once: merging, splitting, following up.

Each function gives the decisions of all tickets that it touches, to be written together, or a
refusal. Timers follow the issue (SIG-09): a ticket that is split off counts from when its issue was
reported, and a ticket is merged only into one that was reported before it and is as severe, so
that merging never makes a promise easier.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from intake.domain.admission.rules import INTAKE
from intake.domain.command_fields import Line, LongText, Name, Subject
from intake.domain.command_registry import ANY_STATE, FINISHED, NOT_CLOSED, Command, State, command
from intake.domain.desk import Desk
from intake.domain.history_words import step
from intake.domain.matrix import Origin
from intake.domain.participants import MAX_PARTICIPANTS
from intake.domain.request_details import NO_DETAILS, RequestDetails, with_reach
from intake.domain.thread_matching import Delivery
from intake.domain.ticket import (
    CLOCK_TOLERANCE,
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
    is_same_person,
    nothing_to_change,
    opened_with,
    refused,
    unknown_values,
)
from intake.domain.ticket_parts import Link, LinkKind
from pledge.events import (
    Absorbed,
    Contact,
    FollowedUp,
    Instant,
    Merged,
    Noted,
    ParticipantsChanged,
    SplitOff,
    TicketEvent,
    TicketOpened,
)

MAX_LINKS: Final = 200
"""A ticket that has so many is no longer one issue; further links are refused."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a new ticket needs that no rule can know."""

    ticket_id: UUID
    number: str
    reply_to: str


@command(
    "merge",
    states=NOT_CLOSED,
    history={
        "merged": step("Goes on as {into_number}"),
        "absorbed": step("Another request about the same issue goes on here"),
    },
)
@dataclass(frozen=True, slots=True)
class Merge(Command):
    """Merge this ticket into another one of the desk, by number or id; gives that one."""

    into: Name


@command(
    "split",
    states=NOT_CLOSED,
    history={"split_off": step("A further issue has a request of its own, {new_number}", "")},
)
@dataclass(frozen=True, slots=True)
class Split(Command):
    """Give an issue of this ticket a ticket of its own (SIG-09); gives the new one. `reported_at`:
    when the issue was reported, from which its promises count; by default with the original."""

    subject: Subject
    text: LongText = ""
    severity: Name | None = None
    priority: Name | None = None
    product: Line | None = None
    reported_at: Instant | None = None
    why: Line = ""


@command(
    "follow-up",
    states=ANY_STATE,
    history={"followed_up": step("Followed up by {new_number}")},
)
@dataclass(frozen=True, slots=True)
class FollowUp(Command):
    """Open a ticket that follows this one up and links back, at any age (SIG-08); gives it."""

    subject: Subject
    text: LongText = ""
    severity: Name | None = None
    priority: Name | None = None
    product: Line | None = None


def merge(
    source: Ticket,
    target: Ticket,
    command: Merge,
    context: CommandContext,
    merged_into: Ticket | None = None,
) -> tuple[Decision, Decision] | Refusal:
    """The ticket merged away and the one that takes it over, or why not. ``merged_into`` is the
    ticket that the target itself was merged into, if it was."""
    refusal = refused(source, "merge", context) or _unmergeable(
        source, target, context.desk, merged_into
    )
    if refusal is not None:
        return refusal
    event = Merged(
        **fact_fields(source, context), into_id=target.id, into_number=target.number, by=context.by
    )
    into = Link(LinkKind.MERGED_INTO, target.id, target.number)
    merged = done(
        source, context, "merged", event,
        state=State.CLOSED, closed_at=context.occurred_at, links=(*source.links, into),
    )  # fmt: skip
    return merged, _absorb(source, target, context)


def _unmergeable(
    source: Ticket, target: Ticket, desk: Desk, merged_into: Ticket | None
) -> Refusal | None:
    if source.id == target.id or source.desk != target.desk:
        return nothing_to_change(source, "a ticket is merged into another one of the same desk")
    detail = None
    if merged_into is not None:
        onward = (
            "it goes on there"
            if merged_into.id == source.id
            else f"merge into {merged_into.number}"
        )
        detail = f"{target.number} was merged; {onward}"
    elif target.state in FINISHED:
        detail = f"{target.number} is {target.state}; reopen it first, or follow it up"
    elif source.customer and target.customer and source.customer != target.customer:
        detail = f"{source.number} is {source.customer}'s, {target.number} is {target.customer}'s"
    elif target.counts_from > source.counts_from:
        detail = (
            f"{target.number} was reported after {source.number}, whose promises count from its "
            f"own report; merge {target.number} into {source.number}"
        )
    elif _is_graver(source.severity, target.severity, desk.severities):
        detail = (
            f"{source.number} is {source.severity}, {target.number} is "
            f"{target.severity or 'without severity'}; triage {target.number} first"
        )
    elif max(len(source.links), len(target.links)) >= MAX_LINKS:
        detail = f"a ticket has at most {MAX_LINKS} links to others"
    return Refusal(RefusalReason.CONFLICT, detail, source.allowed) if detail else None


def _is_graver(one: str | None, other: str | None, severities: Sequence[str]) -> bool:
    """Whether the first severity is graver; one that the desk does not know is the mildest."""
    places = [severities.index(each) if each in severities else len(severities)
              for each in (one, other)]  # fmt: skip
    return places[0] < places[1]


def _absorb(source: Ticket, target: Ticket, context: CommandContext) -> Decision:
    facts = fact_fields(target, context)
    # A ticket can't have taken another one over before it was there itself.
    facts["occurred_at"] = max(context.occurred_at, target.opened_at)
    events: list[TicketEvent] = [
        Absorbed(
            **facts,
            source_id=source.id,
            source_number=source.number,
            source_subject_line=source.subject_line,
            requester=source.requester,
            by=context.by,
        )
    ]
    participants = _with(target, (source.requester, *source.participants))
    if participants != target.participants:
        events.append(
            ParticipantsChanged(
                **facts, requester=target.requester, participants=participants, by=context.by
            )
        )
    heard = [each for each in (source.heard_at, target.heard_at) if each is not None]
    return done(
        target, context, "absorbed", *events,
        participants=participants,
        links=(*target.links, Link(LinkKind.MERGED_FROM, source.id, source.number)),
        heard_at=max(heard, default=None),
    )  # fmt: skip


def _with(ticket: Ticket, joining: Sequence[Contact]) -> tuple[Contact, ...]:
    people = list(ticket.participants)
    for each in joining:
        if not any(is_same_person(each, known) for known in (ticket.requester, *people)):
            people.append(each)
    return tuple(people[: max(MAX_PARTICIPANTS, len(ticket.participants))])


def split(
    source: Ticket, command: Split, context: CommandContext, new: NewTicket
) -> tuple[Decision, Decision] | Refusal:
    """The original and the ticket of the issue that was in it, or why not."""
    reported_at = command.reported_at or source.counts_from
    refusal = (
        refused(source, "split", context)
        or _unsuitable(source, command, context.desk)
        or _misdated(source, reported_at, context)
    )
    if refusal is not None:
        return refusal
    ticket = replace(
        _related_ticket(source, command.subject, context, new),
        severity=context.desk.floored(
            command.severity or source.severity, is_trial=source.is_trial
        ),
        priority=command.priority or source.priority,
        product=command.product or source.product,
        request_details=_with_reach_of(source, command, context.desk),
        reported_at=reported_at if reported_at < context.occurred_at else None,
        links=(Link(LinkKind.SPLIT_FROM, source.id, source.number),),
    )
    event = SplitOff(
        **fact_fields(source, context),
        new_id=ticket.id, new_number=ticket.number, by=context.by, why=command.why,
    )  # fmt: skip
    link = Link(LinkKind.SPLIT_INTO, ticket.id, ticket.number)
    original = done(source, context, "split", event, links=(*source.links, link))
    return original, opening(ticket, command.text, context, "split_off", split_from=source.id)


def follow_up(
    old: Ticket, command: FollowUp, context: CommandContext, new: NewTicket
) -> tuple[Decision, Decision] | Refusal:
    """The ticket followed up, of any age, and the one that follows it (SIG-08), or why not."""
    refusal = refused(old, "follow-up", context) or _unsuitable(old, command, context.desk)
    if refusal is not None:
        return refusal
    desk = context.desk
    severity = command.severity or desk.default_severity
    ticket = replace(
        _related_ticket(old, command.subject, context, new),
        channel="agent",
        severity=desk.floored(severity, is_trial=old.is_trial),
        priority=command.priority or desk.default_priority,
        product=command.product or old.product,
        request_details=with_reach(
            vouched_for(desk), None, None, _origin(command, desk, Origin.DEFAULT)
        ),
        links=(Link(LinkKind.FOLLOWS_UP, old.id, old.number),),
    )
    opened = opening(ticket, command.text, context, "follow_up_opened", follows_up=old.id)
    return followed(old, ticket, context), opened


def followed(old: Ticket, ticket: Ticket, context: CommandContext) -> Decision:
    """The old ticket, which knows now what follows it; as it was when it has too many links."""
    if len(old.links) >= MAX_LINKS:
        return Decision(old, (), "too_many_links")
    event = FollowedUp(
        **fact_fields(old, context), new_id=ticket.id, new_number=ticket.number, by=context.by
    )
    link = Link(LinkKind.FOLLOWED_BY, ticket.id, ticket.number)
    return done(old, context, "followed_up", event, links=(*old.links, link))


def may_follow(ticket: Ticket, old: Ticket) -> bool:
    """Whether the new ticket's requester may follow the old one up: it is a ticket of the same desk
    and theirs, one that they are in copy of, or their organisation's."""
    people = (old.requester, *old.participants)
    is_theirs = any(is_same_person(ticket.requester, each) for each in people)
    is_same_customer = ticket.customer is not None and ticket.customer == old.customer
    return ticket.desk == old.desk and (is_theirs or is_same_customer)


def linked_back(ticket: Ticket, old: Ticket) -> Ticket:
    """The new ticket with its link to the one that it follows up."""
    link = Link(LinkKind.FOLLOWS_UP, old.id, old.number)
    return replace(ticket, links=(*ticket.links, link))


def spoken_of(decision: Decision, other: Ticket, delivery: Delivery, now: datetime) -> Decision:
    """The opening of a ticket by somebody who speaks of another in which they take no part: agents
    see which, the people of the other one see nothing of it."""
    ticket = decision.ticket
    context = CommandContext(delivery.desk, INTAKE, ticket.opened_at, now)
    note = Noted(
        **fact_fields(ticket, context),
        by=INTAKE,
        text=f"It speaks of {other.number}, in which its sender takes no part: it answers a "
        "message that stands there, or names its number. Merge them if they belong together.",
    )
    link = Link(LinkKind.SPEAKS_OF, other.id, other.number)
    more = done(ticket, context, decision.reason, note, links=(*ticket.links, link))
    return Decision(more.ticket, (*decision.events, *more.events), decision.reason)


def _unsuitable(ticket: Ticket, command: Split | FollowUp, desk: Desk) -> Refusal | None:
    refusal = unknown_values(command.severity, command.priority, desk, ticket.allowed)
    if refusal is None and len(ticket.links) >= MAX_LINKS:
        detail = f"a ticket has at most {MAX_LINKS} links to others"
        return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
    return refusal


def _misdated(source: Ticket, reported_at: datetime, context: CommandContext) -> Refusal | None:
    if source.counts_from <= reported_at <= context.occurred_at + CLOCK_TOLERANCE:
        return None
    detail = (
        "reported_at must lie between the original's report at "
        f"{source.counts_from.isoformat()} and now"
    )
    return Refusal(RefusalReason.UNSUITABLE, detail, source.allowed)


def _with_reach_of(source: Ticket, command: Split, desk: Desk) -> RequestDetails:
    """The details of an issue that reaches as far as the one it was part of."""
    own = source.request_details
    origin = _origin(command, desk, own.origin)
    return with_reach(vouched_for(desk), own.impact, own.urgency, origin)


def _origin(command: Split | FollowUp, desk: Desk, otherwise: Origin) -> Origin:
    """How the value that the desk's matrix gives came about on the new ticket."""
    if desk.matrix is None:
        return Origin.CHOSEN
    chosen = command.severity if desk.matrix.gives == "severity" else command.priority
    return otherwise if chosen is None else Origin.CHOSEN


def _related_ticket(
    ticket: Ticket, subject_line: str, context: CommandContext, new: NewTicket
) -> Ticket:
    """A new ticket of the same people, in a thread of its own."""
    return Ticket(
        id=new.ticket_id,
        desk=ticket.desk,
        number=new.number,
        state=State.OPEN,
        sequence=1,
        subject_line=subject_line,
        channel=ticket.channel,
        requester=ticket.requester,
        opened_at=context.occurred_at,
        changed_at=context.now,
        plan=ticket.plan,
        customer=ticket.customer,
        language=ticket.language,
        reply_to=new.reply_to,
        is_trial=ticket.is_trial,
        participants=ticket.participants,
        heard_at=context.occurred_at,
        request_details=vouched_for(context.desk),
    )


def vouched_for(desk: Desk) -> RequestDetails:
    """A ticket that an agent opens is admitted, whoever its requester is (SIG-01)."""
    return RequestDetails(entitled=True) if desk.entitlement is not None else NO_DETAILS


def opening(
    ticket: Ticket,
    text: str,
    context: CommandContext,
    reason: str,
    *,
    split_from: UUID | None = None,
    follows_up: UUID | None = None,
) -> Decision:
    """The first fact of a ticket that an agent opened."""
    asker = ticket.requester
    event = TicketOpened(
        **{**fact_fields(ticket, context), "occurred_at": ticket.opened_at},
        **opened_with(ticket),
        text=text,
        is_answerable=bool(asker.email or asker.phone or asker.chat),
        opened_by=context.by,
        follows_up=follows_up,
        split_from=split_from,
        reported_at=ticket.reported_at,
    )
    return Decision(ticket, (event,), reason)
