"""Laws of joining: whoever takes no part in a ticket changes nothing on it, whatever they know."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from intake.domain.thread_matching import Key, Routed, key_of, read_delivery, route
from intake.domain.ticket import Ticket
from pledge.events import Authentication, Contact, EmailMessageReceived
from unit.intake.builders import ADDRESSES, a_desk, a_ticket, at

DESK = a_desk()
TICKET = a_ticket(customer="Contoso", participants=(Contact(email="bob@partner.example"),))
"""Ann's, of Contoso, a customer whose domain the desk knows; Bob is in copy."""
KNOWN_IDS = ("<opened@contoso.example>", "<ours@vircom.example>", "<bobs@partner.example>")
THREADS: dict[Key, UUID] = {
    key_of(kind, "vircom", each): TICKET.id for kind in ("mail", "awaited") for each in KNOWN_IDS
}
STRANGERS = st.sampled_from(
    ("eve@elsewhere.example", "mallory@gmail.example", "ann@contoso.example.evil.example",
     "ann+contoso.example@evil.example", "bob@partner.example.org", "contoso.example@evil.example")
)  # fmt: skip
IDS = st.sampled_from((*KNOWN_IDS, "<notice@news.example>", "<other@news.example>"))
SUBJECTS = st.sampled_from(
    ("Re: No mail flow", "[VIR-10007] Re: No mail flow", "[vir-10007]", "thanks [VIR-10007]", "")
)
ADDRESSEES = st.sampled_from(
    ("support@vircom.example", "emergency@vircom.example", "escalation@vircom.example")
)


@st.composite
def mails(
    draw: st.DrawFn, /, senders: st.SearchStrategy[str] = STRANGERS, **fixed: Any
) -> EmailMessageReceived:
    """A person's mail with what is known of a ticket, but not its signed address."""
    return EmailMessageReceived(
        **{
            "desk": "vircom",
            "occurred_at": at(draw(st.integers(1, 100))),
            "recorded_at": at(100),
            "delivery": draw(st.uuids()).hex,
            "conversation": "c",
            "authentication": Authentication(
                result=draw(st.sampled_from(("none", "passed", "failed")))
            ),
            "sender": Contact(email=draw(senders)),
            "recipients": (draw(ADDRESSEES),),
            "to": draw(st.lists(st.sampled_from(("ann@contoso.example",)), max_size=1)),
            "subject_line": draw(SUBJECTS),
            "mail_message_id": draw(st.none() | IDS | st.uuids().map(lambda it: f"<{it}@x.org>")),
            "in_reply_to": draw(st.none() | IDS),
            "references": draw(st.lists(IDS, max_size=4)),
            "text": "Please close it.",
            **fixed,
        }
    )


def routed(
    events: list[EmailMessageReceived], threads: dict[Key, UUID] | None = None
) -> list[Routed]:
    """Where the mails go, in order, beside Ann's ticket and those that they open."""
    deliveries = []
    for each in events:
        delivery = read_delivery(each, each.delivery, DESK, ADDRESSES)
        # As the number in a subject is looked up.
        is_named = "10007" in each.subject_line
        deliveries.append(replace(delivery, claimed=TICKET.id) if is_named else delivery)
    new = iter(range(1_000, 2_000))
    tickets: dict[UUID, Ticket] = {TICKET.id: TICKET}
    found, _ = route(
        deliveries, THREADS if threads is None else threads, tickets, lambda: UUID(int=next(new))
    )
    return found


@settings(max_examples=300)
@given(st.lists(mails(), min_size=1, max_size=6))
def test_a_stranger_joins_nothing_whatever_they_know(events: list[EmailMessageReceived]) -> None:
    for way in routed(events):
        assert way.ticket_id is not None
        assert way.ticket_id != TICKET.id


@settings(max_examples=200)
@given(
    mails(
        st.sampled_from(("ann@contoso.example", "bob@partner.example", "carl@contoso.example")),
        in_reply_to=KNOWN_IDS[1],
        authentication=Authentication(result="none"),
    )
)
def test_who_takes_part_joins_by_the_same_means(event: EmailMessageReceived) -> None:
    (way,) = routed([event])
    assert (way.ticket_id, way.opens) == (TICKET.id, False)


@settings(max_examples=200)
@given(
    mails(
        st.sampled_from(("ann@contoso.example", "bob@partner.example")),
        authentication=Authentication(result="failed"),
    ),
    st.booleans(),
)
def test_who_is_forged_joins_nothing_not_by_the_signed_address_either(
    event: EmailMessageReceived, is_signed: bool
) -> None:
    if is_signed:
        signed = ADDRESSES.address(DESK.reply_address, "vircom", TICKET.id)
        event = event.model_copy(update={"recipients": (signed,)})
    (way,) = routed([event])
    assert way.opens
    assert way.ticket_id != TICKET.id


@settings(max_examples=300)
@given(
    st.lists(
        mails(
            st.sampled_from([f"reader{number}@domain{number}.example" for number in range(6)]),
            in_reply_to="<notice@news.example>",
            to=(),
        ),
        min_size=2,
        max_size=8,
    )
)
def test_two_strangers_who_answer_one_notice_never_share_a_ticket(
    events: list[EmailMessageReceived],
) -> None:
    owners: dict[UUID, set[str]] = {}
    opened: Counter[UUID] = Counter()
    for event, way in zip(events, routed(events, {}), strict=True):
        assert way.ticket_id is not None
        owners.setdefault(way.ticket_id, set()).add(event.sender.email or "")
        opened[way.ticket_id] += way.opens
    assert all(len(people) == 1 for people in owners.values()), owners
    assert set(opened.values()) == {1}


@given(mails(), st.sampled_from(("demo", "infocyte", "")))
def test_another_desks_signed_address_names_nothing_here(
    event: EmailMessageReceived, desk: str
) -> None:
    theirs = ADDRESSES.address("support@vircom.example", desk, TICKET.id)
    event = event.model_copy(update={"recipients": (theirs,)})
    (way,) = routed([event])
    assert way.ticket_id != TICKET.id
