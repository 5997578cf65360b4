"""What concerns two tickets at once: merging, splitting, following up; and opening for a client.

Each gives the decisions of all tickets that it touches, to be written together, or a refusal.
Timers follow the issue (SIG-09): a ticket that is split off counts from when its issue was
reported, and a ticket is merged only into one that was reported before it and is as severe, so
that merging never makes a promise easier.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from intake.domain.command_dispatch import (
    CLOCK_TOLERANCE,
    common,
    done,
    nothing,
    opened_with,
    refused,
)
from intake.domain.command_handlers import MAX_PARTICIPANTS
from intake.domain.commands import Action
from intake.domain.desk import Classification, Desk, classify
from intake.domain.relation_commands import FollowUp, Merge, Split
from intake.domain.request import Request
from intake.domain.request_details import NOTHING_PARTICULAR, Particulars
from intake.domain.ticket import (
    FINISHED,
    Decision,
    Hand,
    Refusal,
    RefusalReason,
    State,
    Ticket,
    is_same_person,
)
from intake.domain.ticket_parts import Link, LinkKind
from pledge.events import (
    Absorbed,
    Contact,
    FollowedUp,
    Merged,
    ParticipantsChanged,
    SplitOff,
    TicketEvent,
    TicketOpened,
)

MAX_LINKS: Final = 200
"""A ticket that has so many is no longer one issue; what it is asked for is refused."""
OLDEST_REPORT: Final = timedelta(days=366)
"""So far back an agent may say that a client asked."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a new ticket needs that no rule can know."""

    ticket_id: UUID
    number: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class ForClient:
    """What an agent tells to open a ticket on a client's behalf (SIG-09)."""

    requester: Contact
    subject_line: str
    text: str = ""
    channel: str = "agent"
    participants: tuple[Contact, ...] = ()
    severity: str | None = None
    priority: str | None = None
    plan: str | None = None
    product: str | None = None
    customer: str | None = None


def merge(
    source: Ticket, target: Ticket, command: Merge, hand: Hand, heir: Ticket | None = None
) -> tuple[Decision, Decision] | Refusal:
    """The ticket merged away and the one that takes it over, or why not. ``heir`` is where the
    target goes on, if it was merged itself."""
    refusal = refused(source, Action.MERGE, hand) or _unmergeable(source, target, hand.desk, heir)
    if refusal is not None:
        return refusal
    event = Merged(**common(source, hand), into_id=target.id, into_number=target.number, by=hand.by)
    into = Link(LinkKind.MERGED_INTO, target.id, target.number)
    merged = done(
        source, hand, "merged", event,
        state=State.CLOSED, closed_at=hand.occurred_at, links=(*source.links, into),
    )  # fmt: skip
    return merged, _absorb(source, target, hand)


def _unmergeable(source: Ticket, target: Ticket, desk: Desk, heir: Ticket | None) -> Refusal | None:
    if source.id == target.id or source.desk != target.desk:
        return nothing(source, "a ticket is merged into another one of the same desk")
    detail = None
    if heir is not None:
        onward = "it goes on there" if heir.id == source.id else f"merge into {heir.number}"
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


def _absorb(source: Ticket, target: Ticket, hand: Hand) -> Decision:
    facts = common(target, hand)
    # A ticket can't have taken another one over before it was there itself.
    facts["occurred_at"] = max(hand.occurred_at, target.opened_at)
    events: list[TicketEvent] = [
        Absorbed(
            **facts,
            source_id=source.id,
            source_number=source.number,
            source_subject_line=source.subject_line,
            requester=source.requester,
            by=hand.by,
        )
    ]
    participants = _with(target, (source.requester, *source.participants))
    if participants != target.participants:
        events.append(
            ParticipantsChanged(
                **facts, requester=target.requester, participants=participants, by=hand.by
            )
        )
    heard = [each for each in (source.heard_at, target.heard_at) if each is not None]
    return done(
        target, hand, "absorbed", *events,
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
    source: Ticket, command: Split, hand: Hand, birth: Birth
) -> tuple[Decision, Decision] | Refusal:
    """The original and the ticket of the issue that was in it, or why not."""
    reported_at = command.reported_at or source.counts_from
    refusal = (
        refused(source, Action.SPLIT, hand)
        or _unsuitable(source, command, hand.desk)
        or _misdated(source, reported_at, hand)
    )
    if refusal is not None:
        return refusal
    ticket = replace(
        _beside(source, command.subject_line, hand, birth),
        severity=hand.desk.floored(command.severity or source.severity, is_trial=source.is_trial),
        priority=command.priority or source.priority,
        product=command.product or source.product,
        reported_at=reported_at if reported_at < hand.occurred_at else None,
        links=(Link(LinkKind.SPLIT_FROM, source.id, source.number),),
    )
    event = SplitOff(
        **common(source, hand),
        new_id=ticket.id, new_number=ticket.number, by=hand.by, why=command.why,
    )  # fmt: skip
    link = Link(LinkKind.SPLIT_INTO, ticket.id, ticket.number)
    original = done(source, hand, "split", event, links=(*source.links, link))
    return original, _opening(ticket, command.text, hand, "split_off", split_from=source.id)


def follow_up(
    old: Ticket, command: FollowUp, hand: Hand, birth: Birth
) -> tuple[Decision, Decision] | Refusal:
    """The ticket followed up, of any age, and the one that follows it (SIG-08), or why not."""
    refusal = refused(old, Action.FOLLOW_UP, hand) or _unsuitable(old, command, hand.desk)
    if refusal is not None:
        return refusal
    desk = hand.desk
    severity = command.severity or desk.default_severity
    ticket = replace(
        _beside(old, command.subject_line, hand, birth),
        channel="agent",
        severity=desk.floored(severity, is_trial=old.is_trial),
        priority=command.priority or desk.default_priority,
        product=command.product or old.product,
        links=(Link(LinkKind.FOLLOWS_UP, old.id, old.number),),
    )
    opened = _opening(ticket, command.text, hand, "follow_up_opened", follows_up=old.id)
    return followed(old, ticket, hand), opened


def followed(old: Ticket, ticket: Ticket, hand: Hand) -> Decision:
    """The old ticket, which knows now what follows it; as it was when it has too many links."""
    if len(old.links) >= MAX_LINKS:
        return Decision(old, (), "too_many_links")
    event = FollowedUp(**common(old, hand), new_id=ticket.id, new_number=ticket.number, by=hand.by)
    link = Link(LinkKind.FOLLOWED_BY, ticket.id, ticket.number)
    return done(old, hand, "followed_up", event, links=(*old.links, link))


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


def _unsuitable(ticket: Ticket, command: Split | FollowUp, desk: Desk) -> Refusal | None:
    refusal = unknown_values(command.severity, command.priority, desk, ticket.allowed)
    if refusal is None and len(ticket.links) >= MAX_LINKS:
        detail = f"a ticket has at most {MAX_LINKS} links to others"
        return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
    return refusal


def unknown_values(
    severity: str | None, priority: str | None, desk: Desk, allowed: tuple[str, ...]
) -> Refusal | None:
    """The refusal of a severity or priority that the desk does not have."""
    if severity is not None and severity not in desk.severities:
        detail = f"{severity} is no severity here; one of: {', '.join(desk.severities)}"
        return Refusal(RefusalReason.UNKNOWN_SEVERITY, detail, allowed)
    if priority is not None and priority not in desk.priorities:
        known = ", ".join(desk.priorities) or "none are defined"
        detail = f"{priority} is no priority here; one of: {known}"
        return Refusal(RefusalReason.UNKNOWN_PRIORITY, detail, allowed)
    return None


def _misdated(source: Ticket, reported_at: datetime, hand: Hand) -> Refusal | None:
    if source.counts_from <= reported_at <= hand.occurred_at + CLOCK_TOLERANCE:
        return None
    detail = (
        "reported_at must lie between the original's report at "
        f"{source.counts_from.isoformat()} and now"
    )
    return Refusal(RefusalReason.UNSUITABLE, detail, source.allowed)


def _beside(ticket: Ticket, subject_line: str, hand: Hand, birth: Birth) -> Ticket:
    """A new ticket of the same people, in a thread of its own."""
    return Ticket(
        id=birth.ticket_id,
        desk=ticket.desk,
        number=birth.number,
        state=State.OPEN,
        sequence=1,
        subject_line=subject_line,
        channel=ticket.channel,
        requester=ticket.requester,
        opened_at=hand.occurred_at,
        changed_at=hand.now,
        plan=ticket.plan,
        customer=ticket.customer,
        language=ticket.language,
        reply_to=birth.reply_to,
        is_trial=ticket.is_trial,
        participants=ticket.participants,
        heard_at=hand.occurred_at,
        particulars=_vouched_for(hand.desk),
    )


def open_for(client: ForClient, hand: Hand, birth: Birth) -> Decision | Refusal:
    """The ticket that an agent opens on a client's behalf; it counts from when the client asked."""
    desk, at = hand.desk, hand.occurred_at
    if not hand.now - OLDEST_REPORT <= at <= hand.now + CLOCK_TOLERANCE:
        detail = f"occurred_at must lie within the last {OLDEST_REPORT.days} days"
        return Refusal(RefusalReason.UNSUITABLE, detail, ())
    refusal = unknown_values(client.severity, client.priority, desk, ())
    if refusal is not None:
        return refusal
    kind = _classified(client, desk)
    ticket = Ticket(
        id=birth.ticket_id,
        desk=desk.id,
        number=birth.number,
        state=State.OPEN,
        sequence=1,
        subject_line=client.subject_line,
        channel=client.channel,
        requester=desk.placed(client.requester),
        opened_at=min(at, hand.now),
        changed_at=hand.now,
        severity=desk.floored(client.severity or kind.severity, is_trial=kind.is_trial),
        priority=client.priority or kind.priority,
        plan=kind.plan,
        product=kind.product,
        customer=kind.customer,
        language=client.requester.language or desk.language,
        reply_to=birth.reply_to,
        is_trial=kind.is_trial,
        is_urgent=kind.is_urgent,
        participants=client.participants[:MAX_PARTICIPANTS],
        heard_at=min(at, hand.now),
        particulars=_vouched_for(desk),
    )
    return _opening(ticket, client.text, hand, "opened_for_client")


def _classified(client: ForClient, desk: Desk) -> Classification:
    request = Request(
        channel=client.channel,
        line=None,
        subject=client.subject_line,
        requester_address=client.requester.email,
        plan=client.plan,
        product=client.product,
        customer=client.customer,
    )
    return classify(desk, request)


def _vouched_for(desk: Desk) -> Particulars:
    """What an agent opens is admitted by the agent, whoever asked (SIG-01)."""
    return Particulars(entitled=True) if desk.entitlement is not None else NOTHING_PARTICULAR


def _opening(
    ticket: Ticket,
    text: str,
    hand: Hand,
    reason: str,
    *,
    split_from: UUID | None = None,
    follows_up: UUID | None = None,
) -> Decision:
    """The first fact of a ticket that an agent opened."""
    asker = ticket.requester
    event = TicketOpened(
        **{**common(ticket, hand), "occurred_at": ticket.opened_at},
        **opened_with(ticket),
        text=text,
        is_answerable=bool(asker.email or asker.phone or asker.chat),
        opened_by=hand.by,
        follows_up=follows_up,
        split_from=split_from,
        reported_at=ticket.reported_at,
    )
    return Decision(ticket, (event,), reason)
