"""Which ticket each delivery of a batch goes to, before any of them is applied.

A batch is routed as a whole, so that tickets can be numbered with one statement: later deliveries
see the tickets and threads that earlier ones of the same batch open.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from intake.domain.delivery import Delivery, Key


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a delivery goes: it ``opens`` ticket ``ticket_id``, joins it, or (None) goes nowhere
    for ``reason``. ``is_lost`` says that the ticket it cannot do without does not exist."""

    delivery: Delivery
    ticket_id: UUID | None
    opens: bool
    reason: str
    is_lost: bool = False


def route(
    deliveries: Sequence[Delivery],
    threads: Mapping[Key, UUID],
    owners: Mapping[UUID, str],
    new_id: Callable[[], UUID],
) -> tuple[list[Routed], dict[Key, UUID]]:
    """The way of each delivery, in order, and the threads that came to be on it.

    ``threads`` are the known ones among all ``lookups``; ``owners`` says which desk has each ticket
    that the deliveries may name; ``new_id`` gives the id of a ticket to open.
    """
    routed: list[Routed] = []
    begun: dict[Key, UUID] = {}
    for delivery in deliveries:
        ticket_id = _named(delivery, owners) or _threaded(delivery, begun, threads)
        if ticket_id is not None:
            routed.append(Routed(delivery, ticket_id, opens=False, reason="threaded"))
        elif delivery.must_exist:
            lost = Routed(delivery, None, opens=False, reason="unknown_ticket", is_lost=True)
            routed.append(lost)
        elif delivery.ignored is not None:
            routed.append(Routed(delivery, None, opens=False, reason=delivery.ignored))
        else:
            ticket_id = new_id()
            routed.append(Routed(delivery, ticket_id, opens=True, reason="opens"))
        if ticket_id is not None:
            joins = delivery.joins + (delivery.awaits if routed[-1].opens else ())
            _join(joins, ticket_id, threads, begun)
    return routed, begun


def _named(delivery: Delivery, owners: Mapping[UUID, str]) -> UUID | None:
    """The ticket that the delivery names, if it is one of the same desk."""
    named = delivery.named
    return named if named is not None and owners.get(named) == delivery.desk.id else None


def _threaded(
    delivery: Delivery, begun: Mapping[Key, UUID], threads: Mapping[Key, UUID]
) -> UUID | None:
    for key in delivery.lookups:
        ticket_id = begun.get(key) or threads.get(key)
        if ticket_id is not None:
            return ticket_id
    return None


def _join(
    joins: Iterable[Key], ticket_id: UUID, threads: Mapping[Key, UUID], begun: dict[Key, UUID]
) -> None:
    for key in joins:
        if key not in threads:
            begun.setdefault(key, ticket_id)
