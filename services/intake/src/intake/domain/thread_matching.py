"""Which ticket a channel event belongs to, and whether it may open one: the rules of threading."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, get_args
from uuid import UUID

from intake.domain.command_fields import Channel
from intake.domain.desk import Desk
from intake.domain.joining import Members, is_forged
from intake.domain.reply_address import ReplyAddresses
from intake.domain.ticket import Ticket
from pledge.events import (
    CallReceived,
    ChannelEvent,
    ChatEnded,
    ChatMessageReceived,
    EmailMessageReceived,
    FeedbackSubmitted,
    FormSubmitted,
    MaintenanceWindowSubmitted,
    ReplySubmitted,
    Topic,
    VoicemailLeft,
)

CHANNELS: Final[Mapping[Topic, Channel]] = {
    Topic(f"channel.{name}.v1"): name for name in get_args(Channel)
}

GRAVER: Final = " to "
"""Stands in a mail's delivery key before the urgent or escalating address that it came to: a copy
to a graver address is a delivery of its own."""

_SUBJECT_NUMBER: Final = re.compile(r"\[([A-Z][A-Z0-9]{0,9})-([0-9]{1,15})\]")

Key: TypeAlias = bytes
"""16 bytes that stand for a delivery, a message id or a conversation, of one desk."""


def key_of(kind: str, desk: str, value: str) -> Key:
    """The key of ``value`` among its ``kind`` at the desk."""
    text = f"{kind}\0{desk}\0{value}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A channel event, read for routing.

    ``named`` is the ticket that it names itself with a proof, such as a signed address,
    ``must_exist`` says that it is nothing without it; ``claimed`` is the ticket whose number stands
    in the subject, which anybody can write. ``copied`` are the threads of a mail that came before
    to a less urgent address, ``base_key`` is that mail's key.
    ``lookups`` are the threads it may belong to, the surest first; ``joins`` the threads that later
    deliveries find it by, ``awaits`` those too if it opens a ticket. ``ignored`` says why it opens
    none and is a note on the one it belongs to; None: it does. With ``is_news`` it is such a note,
    but opens a ticket where it belongs to none: monitoring, devices.
    ``recent`` are what calls of this caller on this line left in the last
    minutes, this minute first: for ``is_redial``, a call that goes on with the one before.
    """

    event: ChannelEvent
    desk: Desk
    cause: str
    key: Key
    lookups: tuple[Key, ...] = ()
    joins: tuple[Key, ...] = ()
    awaits: tuple[Key, ...] = ()
    named: UUID | None = None
    claimed: UUID | None = None
    base_key: Key | None = None
    copied: tuple[Key, ...] = ()
    must_exist: bool = False
    ignored: str | None = None
    recent: tuple[Key, ...] = ()
    is_redial: bool = False
    is_news: bool = False

    @property
    def channel(self) -> Channel:
        """email, chat, phone or portal."""
        return CHANNELS[self.event.TOPIC]


def read_delivery(
    event: ChannelEvent, cause: str, desk: Desk, addresses: ReplyAddresses
) -> Delivery:
    """The delivery that ``event`` (whose id is ``cause``) is to ``desk``."""
    channel = CHANNELS[event.TOPIC]
    key = key_of(channel, desk.id, event.delivery)
    if channel == "email":
        assert isinstance(event, EmailMessageReceived)
        return _email(event, cause, desk, key, addresses)
    if isinstance(event, ReplySubmitted | FeedbackSubmitted):
        return Delivery(event, desk, cause, key, named=event.ticket_id, must_exist=True)
    if isinstance(event, FormSubmitted):
        return Delivery(event, desk, cause, key)
    if isinstance(event, MaintenanceWindowSubmitted):
        return Delivery(event, desk, cause, key, ignored="maintenance_window")
    conversation = (key_of(f"{channel}-conversation", desk.id, event.conversation),)
    recent = _recent_calls(event, desk)
    return Delivery(
        event, desk, cause, key, conversation, (*conversation, *recent[:1]),
        ignored=_opens_not(event), recent=recent,
    )  # fmt: skip


def _recent_calls(event: ChannelEvent, desk: Desk) -> tuple[Key, ...]:
    """A key for each minute in which a call counts as the same as this one, the newest first; none
    if the caller's number is withheld, or names the ticket that the call is about."""
    if not isinstance(event, CallReceived | VoicemailLeft):
        return ()
    phone = event.caller.phone
    if phone is None or event.ticket_number is not None or desk.redial_minutes == 0:
        return ()
    minute = int(event.occurred_at.timestamp() // 60)
    place = f"{event.line}/{event.extension or ''}/{phone}"
    return tuple(
        key_of("call", desk.id, f"{place}/{minute - back}")
        for back in range(desk.redial_minutes + 1)
    )


def is_without_id(event: ChannelEvent) -> bool:
    """Whether it is a mail that carries no Message-ID, so that equal words prove nothing."""
    return type(event) is EmailMessageReceived and event.mail_message_id is None


def followed_by(delivery: Delivery) -> UUID | None:
    """The ticket that the request follows up, by its own words (SIG-08)."""
    event = delivery.event
    if type(event) is not FormSubmitted:  # by class: asked of every delivery
        return None
    return event.follows_up


def number_named(delivery: Delivery) -> str | None:
    """The number of the ticket that a caller named, in full; digits alone get the desk's prefix.
    Of a mail, the number in brackets in its subject."""
    event = delivery.event
    if type(event) is EmailMessageReceived:
        if "[" not in event.subject_line or delivery.named is not None:
            return None
        found = _SUBJECT_NUMBER.search(event.subject_line.upper())
        is_ours = found is not None and found[1] == delivery.desk.ticket_prefix.upper()
        return f"{delivery.desk.ticket_prefix}-{found[2]}" if found and is_ours else None
    if not isinstance(event, CallReceived | VoicemailLeft) or event.ticket_number is None:
        return None
    number = event.ticket_number.strip().upper()
    return f"{delivery.desk.ticket_prefix}-{number}" if number.isdecimal() else number


def _opens_not(event: ChannelEvent) -> str | None:
    """Why a chat or phone event opens no ticket, or None."""
    if isinstance(event, ChatMessageReceived) and event.sender_kind != "requester":
        return f"chat_{event.sender_kind}"[:40]
    if isinstance(event, ChatEnded) and not event.has_contact_details:
        return "chat_without_words"
    return None


def _email(
    event: EmailMessageReceived, cause: str, desk: Desk, key: Key, addresses: ReplyAddresses
) -> Delivery:
    """Threading: the signed address first, then the message ids answered, the newest first.

    A mail that arrives after an answer to it is found by the ids that the answer ``awaits``.
    A known Message-ID decides nothing: different mails carry the same one.
    """
    by = (event.sender.email or "").lower()
    answered = tuple(reversed(event.references))
    if event.in_reply_to:
        answered = (event.in_reply_to, *(each for each in answered if each != event.in_reply_to))
    lookups = [key_of("mail", desk.id, each) for each in answered]
    awaited = [key_of("awaited", desk.id, each) for each in answered]
    # Of a message that is not ours, such as a notice to many, each of its readers has a thread.
    awaited += [key_of("awaited by", desk.id, f"{by}\0{each}") for each in answered]
    own = []
    if event.mail_message_id:
        own.append(key_of("mail", desk.id, event.mail_message_id))
        lookups.append(key_of("awaited", desk.id, event.mail_message_id))
    return Delivery(
        event, desk, cause, key,
        lookups=(*_returned(event, desk), *lookups, *awaited),
        joins=tuple(own),
        awaits=tuple(awaited),
        **_copies(event, desk),
        named=_named(event.recipients, desk, addresses),
        ignored=_machine(event, desk),
        is_news=_is_news(event, desk),
    )  # fmt: skip


def _returned(event: EmailMessageReceived, desk: Desk) -> tuple[Key, ...]:
    """The threads of the mails that a bounce returns (RFC 3464): those are ours."""
    if not event.reports:
        return ()
    returned = dict.fromkeys(each.returned_message_id for each in event.reports)
    return tuple(key_of("mail", desk.id, each) for each in returned if each)


def _copies(event: EmailMessageReceived, desk: Desk) -> dict[str, Any]:
    base, mark, _ = event.delivery.rpartition(GRAVER)
    if not mark:
        return {}
    own = event.mail_message_id
    return {
        "base_key": key_of("email", desk.id, base),
        "copied": (key_of("mail", desk.id, own),) if own else (),
    }


def _named(recipients: Sequence[str], desk: Desk, addresses: ReplyAddresses) -> UUID | None:
    for each in recipients:
        if "+" in each and (ticket_id := addresses.ticket(each, desk.id)) is not None:
            return ticket_id
    return None


def _machine(event: EmailMessageReceived, desk: Desk) -> str | None:
    if event.is_auto_submitted:
        return "auto_submitted"
    if _is_own(event, desk):
        return "own_address"  # a loop: our own mail came back
    return None


def _is_news(event: EmailMessageReceived, desk: Desk) -> bool:
    """A machine that says something new: RFC 3834 §2 forbids to answer it, not to read it."""
    return event.kind == "other_machine" and not _is_own(event, desk)


def _is_own(event: EmailMessageReceived, desk: Desk) -> bool:
    return event.sender.email is not None and desk.is_own_address(event.sender.email)


def as_news(delivery: Delivery) -> Delivery | None:
    """A machine's mail as one that opens a ticket of its own, whatever it answers and reports;
    None for what a mail is not, or one of the desk's own addresses sent."""
    event = delivery.event
    if not isinstance(event, EmailMessageReceived) or _is_own(event, delivery.desk):
        return None
    return replace(
        delivery,
        event=event.model_copy(update={"reports": (), "meeting_answer": None}),
        lookups=(), named=None, claimed=None, base_key=None, copied=(), must_exist=False,
        is_news=True,
    )  # fmt: skip


# ---- routing ----


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a delivery goes: it ``opens`` ticket ``ticket_id``, joins it, or (None) goes nowhere
    for ``reason``. ``is_lost`` says that the ticket it cannot do without does not exist,
    ``is_redial`` that the caller called again; ``related`` is a ticket that it speaks of, in which
    its sender takes no part."""

    delivery: Delivery
    ticket_id: UUID | None
    opens: bool
    reason: str
    is_lost: bool = False
    is_redial: bool = False
    related: UUID | None = None


def route(
    deliveries: Sequence[Delivery],
    threads: Mapping[Key, UUID],
    tickets: Mapping[UUID, Ticket],
    new_id: Callable[[], UUID],
) -> tuple[list[Routed], dict[Key, UUID]]:
    """Decide where each delivery goes, in order; also returns the threads that they begin.

    A batch is routed as a whole, so that tickets can be numbered with one statement: later
    deliveries see the tickets and threads that earlier ones of the same batch open.

    ``threads`` are the known ones among all ``lookups``; ``tickets`` are those that the deliveries
    may name or belong to; ``new_id`` gives the id of a ticket to open. A mail joins a ticket only
    if its sender takes part in it (`intake.domain.joining`); otherwise it opens one of its own.
    """
    routed: list[Routed] = []
    new_threads: dict[Key, UUID] = {}
    members = Members(tickets)
    for delivery in deliveries:
        ticket_id = _named_ticket(delivery, tickets)
        related: UUID | None = None
        if ticket_id is None:
            ticket_id, related = _threaded(delivery, new_threads, threads, members)
        if ticket_id is None and delivery.claimed in tickets:
            ticket_id, related = _claimed(delivery, members, related)
        if ticket_id is not None:
            routed.append(Routed(delivery, ticket_id, opens=False, reason="threaded"))
            members.joins(delivery.event, ticket_id)
        elif (ticket_id := _first(delivery.recent, new_threads, threads)) is not None:
            again = Routed(delivery, ticket_id, opens=False, reason="redialled", is_redial=True)
            routed.append(again)
        elif delivery.must_exist:
            lost = Routed(delivery, None, opens=False, reason="unknown_ticket", is_lost=True)
            routed.append(lost)
        elif delivery.ignored is not None and not delivery.is_news:
            routed.append(Routed(delivery, None, opens=False, reason=delivery.ignored))
        else:
            ticket_id = new_id()
            routed.append(Routed(delivery, ticket_id, opens=True, reason="opens", related=related))
            members.opens(delivery.event, delivery.desk, ticket_id)
        if ticket_id is not None:
            joins = delivery.joins + (delivery.awaits if routed[-1].opens else ())
            _join(joins, ticket_id, threads, new_threads)
    return routed, new_threads


def _named_ticket(delivery: Delivery, tickets: Mapping[UUID, Ticket]) -> UUID | None:
    """The ticket that the delivery names, if it is one of the same desk. A signed address that came
    with a forged sender proves nothing."""
    named = delivery.named
    ticket = tickets.get(named) if named is not None else None
    if ticket is None or ticket.desk != delivery.desk.id:
        return None
    return None if is_forged(delivery.event) else named


def _threaded(
    delivery: Delivery,
    new_threads: Mapping[Key, UUID],
    threads: Mapping[Key, UUID],
    members: Members,
) -> tuple[UUID | None, UUID | None]:
    """The ticket of the first thread whose people the sender is one of, and, without one, the first
    ticket that it would have been."""
    related: UUID | None = None
    for key in (*delivery.copied, *delivery.lookups):
        ticket_id = new_threads.get(key) or threads.get(key)
        if ticket_id is None:
            continue
        if members.may_join(delivery.event, delivery.desk, ticket_id):
            return ticket_id, None
        related = related or ticket_id
    return None, related


def _first(
    keys: Sequence[Key], new_threads: Mapping[Key, UUID], threads: Mapping[Key, UUID]
) -> UUID | None:
    known = (new_threads.get(key) or threads.get(key) for key in keys)
    return next((each for each in known if each is not None), None)


def _claimed(
    delivery: Delivery, members: Members, related: UUID | None
) -> tuple[UUID | None, UUID | None]:
    claimed = delivery.claimed
    if claimed is None:
        return None, related
    if members.may_join(delivery.event, delivery.desk, claimed):
        return claimed, None
    return None, related or claimed


def _join(
    joins: Iterable[Key], ticket_id: UUID, threads: Mapping[Key, UUID], new_threads: dict[Key, UUID]
) -> None:
    for key in joins:
        if key not in threads:
            new_threads.setdefault(key, ticket_id)
