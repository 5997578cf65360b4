"""The memory of tickets: bounded, dropped with the partition, never ahead of the database."""

from __future__ import annotations

from uuid import UUID

from pledge.runtime.records import Partition
from sla.storage.ticket_cache import Cause, Ticket, TicketCache

HERE = Partition("ticket.events.v1", 0)
THERE = Partition("ticket.events.v1", 1)


def a_ticket(number: int, home: Partition = HERE) -> Ticket:
    return Ticket(UUID(int=number), home, "acme", f"A-{number}", "v", 1, Cause("c", "c", None))


def test_least_recently_used_ticket_leaves_first() -> None:
    cache = TicketCache(2)
    one, two, three = a_ticket(1), a_ticket(2), a_ticket(3)
    cache.commit(HERE, [one, two])
    assert cache.get(one.ticket_id) is one
    cache.commit(HERE, [three])
    assert cache.get(two.ticket_id) is None
    assert cache.get(one.ticket_id) is one


def test_ticket_of_a_transaction_with_unknown_end_is_read_again() -> None:
    cache = TicketCache(10)
    cache.commit(HERE, [a_ticket(1), a_ticket(2)])
    cache.begin(HERE, [UUID(int=1)])
    # No commit follows: the connection was lost, perhaps after the server had committed.
    cache.begin(HERE, [UUID(int=2)])
    assert cache.get(UUID(int=1)) is None
    assert cache.get(UUID(int=2)) is not None


def test_partition_that_goes_takes_only_its_own_tickets() -> None:
    cache = TicketCache(10)
    cache.commit(HERE, [a_ticket(1)])
    cache.commit(THERE, [a_ticket(2, THERE)])
    cache.drop(frozenset([HERE]))
    assert cache.get(UUID(int=1)) is None
    assert cache.get(UUID(int=2)) is not None


def test_cache_of_size_zero_keeps_nothing() -> None:
    cache = TicketCache(0)
    cache.commit(HERE, [a_ticket(1)])
    assert len(cache) == 0
