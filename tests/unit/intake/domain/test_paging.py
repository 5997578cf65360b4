"""Which deliveries may wake somebody."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain import paging
from intake.domain.admission.open_ticket import open_ticket
from intake.domain.paging import Budget, Held
from intake.domain.paging_rules import PagingRules
from intake.domain.thread_matching import Delivery, read_delivery
from intake.domain.ticket import Decision
from pledge.events import Authentication, CallReceived, Contact, EmailMessageReceived, TicketOpened
from unit.intake.builders import ADDRESSES, a_desk, at

DESK = a_desk(paging=PagingRules(severities=frozenset({"p1"})))


def a_mail(to: str = "support@vircom.example", subject: str = "Help", **fields: Any) -> Delivery:
    event = EmailMessageReceived(
        desk="vircom",
        occurred_at=at(0),
        recorded_at=at(0),
        delivery="d",
        conversation="c",
        authentication=Authentication(result=fields.pop("border", "none")),
        sender=Contact(email=fields.pop("sender", "ann@contoso.example")),
        recipients=(to,),
        subject_line=subject,
        text="x",
    )
    return read_delivery(event, "cause", DESK, ADDRESSES)


def opened(delivery: Delivery) -> Decision:
    return open_ticket(
        delivery, ticket_id=UUID(int=7), number="T-1", reply_to="r@x.example", now=at(0)
    )


@pytest.mark.parametrize(
    ("delivery", "is_urgent"),
    [
        (a_mail(), False),
        (a_mail("emergency@vircom.example"), True),
        (a_mail("escalation@vircom.example"), True),
        (a_mail(subject="[P1] down"), True),
    ],
)
def test_urgent_and_grave_requests_and_those_for_a_manager_may_page(
    delivery: Delivery, is_urgent: bool
) -> None:
    assert paging.may_page(delivery, opened(delivery).events) is is_urgent


def test_calls_are_not_counted() -> None:
    call = CallReceived(
        desk="vircom", occurred_at=at(0), recorded_at=at(0), delivery="c1", conversation="c1",
        call_id="c1", authentication=Authentication(result="passed"), line="+15550110",
        extension="501", caller=Contact(phone="+15550199"),
    )  # fmt: skip
    delivery = read_delivery(call, "cause", DESK, ADDRESSES)
    decision = opened(delivery)
    assert decision.ticket.is_urgent
    assert not paging.may_page(delivery, decision.events)


def test_a_forged_sender_pages_nobody_whatever_came_before() -> None:
    assert paging.held_at_once(a_mail(border="failed")) is Held.FORGED
    assert paging.held_at_once(a_mail(border="passed")) is None
    assert paging.held_at_once(a_mail(border="none")) is None


def test_a_held_fact_is_the_same_but_for_the_reason() -> None:
    events = opened(a_mail("escalation@vircom.example")).events
    held = paging.with_reason(events, Held.SENDER)
    assert [getattr(each, "page_held", None) for each in held] == ["sender_limit"] * 2
    assert [each.model_copy(update={"page_held": None}) for each in held] == list(events)
    assert isinstance(held[0], TicketOpened)


def test_customers_and_strangers_have_budgets_of_their_own() -> None:
    customer, stranger = a_mail(), a_mail(sender="eve@elsewhere.example")
    assert paging.of_desk(customer).key != paging.of_desk(stranger).key
    assert paging.of_sender(customer).key != paging.of_sender(stranger).key
    assert paging.of_sender(customer) == paging.of_sender(a_mail(sender="ANN@contoso.example"))


@given(
    senders=st.lists(st.sampled_from([b"a", b"b"]), max_size=30),
    earlier=st.integers(0, 5),
    most=st.integers(1, 5),
)
def test_the_first_ones_of_each_key_are_within_its_budget(
    senders: list[bytes], earlier: int, most: int
) -> None:
    asked = Counter(senders)
    spent = {key: count + earlier for key, count in asked.items()}
    over = paging.over_budget([Budget(key, most) for key in senders], spent)
    for key, count in asked.items():
        mine = [each for sender, each in zip(senders, over, strict=True) if sender == key]
        within = max(0, min(count, most - earlier))
        assert mine == [False] * within + [True] * (count - within)
