"""Which deliveries may wake somebody: a flood of urgent mails pages a few times, not thousands.

Nothing of a delivery is dropped or graded down. Its facts say that nobody is to be paged for them,
and why (`page_held`); notify keeps to it until an agent acts on the ticket.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from intake.domain.desk import Desk
from intake.domain.joining import is_forged
from intake.domain.thread_matching import Delivery, Key, key_of
from pledge.events import (
    CallbackRequested,
    Contact,
    Escalated,
    RequesterReplied,
    TicketEvent,
    TicketOpened,
)


class Held(StrEnum):
    """Why a delivery pages nobody."""

    FORGED = "sender_forged"
    SENDER = "sender_limit"
    DESK = "desk_limit"


HELD_WORDS: Final[Mapping[str, str]] = {
    Held.FORGED: "no page: the mail border calls the sender forged; look at it yourself",
    Held.SENDER: "no page: too many urgent requests of this sender; earlier ones paged",
    Held.DESK: "no page: too many urgent requests at this desk; earlier ones paged",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """How many deliveries may page for this key within the desk's window."""

    key: Key
    most: int


def may_page(delivery: Delivery, events: Sequence[TicketEvent]) -> bool:
    """Whether the facts of the delivery are of the kind that desks page on. Calls always page: they
    come one by one, and from people."""
    if delivery.channel == "phone":
        return False
    return any(_is_alarming(each, delivery.desk) for each in events)


def _is_alarming(event: TicketEvent, desk: Desk) -> bool:
    if isinstance(event, TicketOpened):
        return event.is_urgent or event.severity in desk.paging.severities
    if isinstance(event, RequesterReplied | CallbackRequested):
        return event.is_urgent
    return isinstance(event, Escalated)


def held_at_once(delivery: Delivery) -> Held | None:
    """Why the delivery pages nobody whatever came before; None: it is counted."""
    return Held.FORGED if is_forged(delivery.event) else None


def of_sender(delivery: Delivery) -> Budget:
    """What the sender may page; all whose address is not known share one budget."""
    desk, person = delivery.desk, _person(delivery)
    who = person.email or person.phone or person.chat or ""
    return Budget(key_of("pages of", desk.id, who.lower()), desk.paging.per_sender)


def of_desk(delivery: Delivery) -> Budget:
    """What all senders of the desk may page. Those of known customers have a budget of their own,
    so that a flood of strangers takes nothing from them."""
    desk = delivery.desk
    side = "customers" if desk.customer_of(_person(delivery).email) else "others"
    return Budget(key_of("pages at", desk.id, side), desk.paging.per_desk)


def _person(delivery: Delivery) -> Contact:
    event = delivery.event
    found = getattr(event, "sender", None) or getattr(event, "requester", None)
    return found if isinstance(found, Contact) else Contact()


def over_budget(wanted: Sequence[Budget], spent: Mapping[Key, int]) -> list[bool]:
    """Of each delivery, in order, whether its budget is used up; ``spent`` counts those of the
    window, these ones included."""
    before = Counter({each.key: spent[each.key] for each in wanted})
    before.subtract(each.key for each in wanted)
    found = []
    for each in wanted:
        found.append(before[each.key] >= each.most)
        before[each.key] += 1
    return found


def with_reason(events: Iterable[TicketEvent], why: Held) -> tuple[TicketEvent, ...]:
    """The facts, with why nobody is to be paged for them."""
    kinds = TicketOpened | RequesterReplied | CallbackRequested | Escalated
    return tuple(
        each.model_copy(update={"page_held": why.value}) if isinstance(each, kinds) else each
        for each in events
    )
