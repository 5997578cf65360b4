"""Laws of admission: answers add up in any order, and any words are read without a fault."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from intake.desk_file.load import load_desk
from intake.domain.admission.open_ticket import open_ticket
from intake.domain.apply_delivery import apply_delivery
from intake.domain.command_registry import State
from intake.domain.commands import decide
from intake.domain.commands.coverage import DecideEntitlement
from intake.domain.commands.progress import Reopen
from intake.domain.thread_matching import read_delivery
from intake.domain.ticket import CommandContext, Decision
from pledge.events import (
    Authentication,
    Contact,
    EmailMessageReceived,
    EmailRequested,
    EntitlementDecided,
    InformationCompleted,
    InformationRequested,
    TicketOpened,
    VoicemailLeft,
)
from support.cluster import ROOT
from unit.intake.builders import ADDRESSES, TOM, at

INFOCYTE = load_desk(ROOT / "deploy" / "desks" / "infocyte" / "intake.yaml")[0]
SIGHTCALL = load_desk(ROOT / "deploy" / "desks" / "sightcall" / "intake.yaml")[0]
LINES = (
    "Product: Hunt",
    "Version: 3.2, build 17",
    "OS: Windows 11",
    "Fault: surveys fail with a timeout",
)
WORDS = st.lists(
    st.sampled_from((*LINES, "> OS: ", "Tenant: Adatum Field Service", "iOS SDK: 5", "\0", "ü:")),
    max_size=6,
).map("\n".join) | st.text(max_size=80)


def take(
    desk_name: str, texts: list[str], sender: str = "ann@contoso.example", **changes: Any
) -> list[Decision]:
    """A mail that opens a ticket, and answers to it, at a desk that is changed so."""
    found = INFOCYTE if desk_name == "infocyte" else SIGHTCALL
    assert found is not None
    desk = replace(found, **changes)
    decisions: list[Decision] = []
    for place, text in enumerate(texts):
        event = EmailMessageReceived(
            desk=desk.id,
            occurred_at=at(place),
            recorded_at=at(place),
            delivery=f"d{place}",
            conversation="c",
            authentication=Authentication(result="none"),
            sender=Contact(email=sender),
            recipients=(desk.reply_address,),
            subject_line="Help",
            text=text,
        )
        delivery = read_delivery(event, f"cause-{place}", desk, ADDRESSES)
        if decisions:
            decisions.append(apply_delivery(decisions[-1].ticket, delivery, now=at(place)))
            continue
        decisions.append(
            open_ticket(delivery, ticket_id=UUID(int=7), number="T-1", reply_to="r@x.example",
                        now=at(place))
        )  # fmt: skip
    return decisions


@given(order=st.permutations(LINES), cut=st.integers(1, 4))
def test_information_adds_up_in_any_order_and_completes_once(order: list[str], cut: int) -> None:
    decisions = take("infocyte", ["\n".join(order[:cut]), *order[cut:]])
    last = decisions[-1].ticket
    assert last.missing == ()
    facts = [event for each in decisions for event in each.events]
    assert sum(isinstance(each, InformationCompleted) for each in facts) == (cut < len(LINES))
    wanted = {"product", "product_version", "operating_system", "description"}
    assert wanted <= last.request_details.information.keys()


@settings(max_examples=150)
@given(
    texts=st.lists(WORDS, min_size=1, max_size=5), desk=st.sampled_from(("infocyte", "sightcall"))
)
def test_what_is_missing_only_shrinks_and_each_question_is_asked_once(
    texts: list[str], desk: str
) -> None:
    decisions = take(desk, texts)
    tickets = [each.ticket for each in decisions]
    for before, after in pairwise(tickets):
        assert set(after.missing) <= set(before.missing)
    facts = [event for each in decisions for event in each.events]
    assert tickets[-1].sequence == len(facts)
    opened = facts[0]
    assert isinstance(opened, TicketOpened)
    assert opened.is_complete is (not opened.missing)
    questions = [each.missing for each in facts if isinstance(each, InformationRequested)]
    assert len(questions) == len(set(questions))
    mails = [each.email_id for each in facts if isinstance(each, EmailRequested)]
    assert len(mails) == len(set(mails))
    decided = [each.entitled for each in facts if isinstance(each, EntitlementDecided)]
    assert decided in ([], [False]), "nobody becomes an administrator by words"


# A desk that asks as infocyte does, administrators alone, as sightcall does.
RESTRICTED: dict[str, Any] = {
    name: getattr(SIGHTCALL, name) for name in ("entitlement", "customers", "customers_by_domain")
}


def test_who_may_ask_after_all_is_asked_for_what_the_request_must_say() -> None:
    (refused,) = take(
        "infocyte", ["Version: 3.2\nOS: Windows 11"], "eve@adatum.example", **RESTRICTED
    )
    assert (refused.ticket.request_details.entitled, refused.ticket.missing) == (False, ())
    assert not any(isinstance(each, InformationRequested) for each in refused.events)
    assert INFOCYTE is not None
    context = CommandContext(replace(INFOCYTE, **RESTRICTED), TOM, at(5), at(5))
    reopened = decide(refused.ticket, Reopen(), context)
    assert isinstance(reopened, Decision)
    granted = decide(reopened.ticket, DecideEntitlement(entitled=True), context)
    assert isinstance(granted, Decision)
    assert granted.ticket.missing == ("product", "description")
    decided, asked, mail = granted.events
    assert isinstance(decided, EntitlementDecided)
    assert isinstance(asked, InformationRequested)
    assert asked.missing == granted.ticket.missing
    assert isinstance(mail, EmailRequested)
    assert mail.to[0].email == "eve@adatum.example"
    again = decide(granted.ticket, DecideEntitlement(entitled=False), context)
    assert isinstance(again, Decision)
    assert again.ticket.missing == (), "who may not ask is asked nothing"


def test_an_administrator_who_takes_a_request_over_is_heard_before_anything_is_asked() -> None:
    decisions = take("infocyte", ["Version: 3.2"], "eve@adatum.example", **RESTRICTED)
    desk = replace(INFOCYTE, **RESTRICTED) if INFOCYTE else None
    assert desk is not None
    event = EmailMessageReceived(
        desk=desk.id, occurred_at=at(5), recorded_at=at(5), delivery="d5", conversation="c",
        authentication=Authentication(result="none"), sender=Contact(email="ada@adatum.example"),
        recipients=(ADDRESSES.address(desk.reply_address, desk.id, UUID(int=7)),),
        subject_line="Re: Help", text="Product: Hunt\nOS: Windows 11",
    )  # fmt: skip
    delivery = read_delivery(event, "cause-5", desk, ADDRESSES)
    taken = apply_delivery(decisions[0].ticket, delivery, now=at(5))
    assert taken.ticket.request_details.entitled is True
    assert taken.ticket.missing == ("description",)
    asked = [each.missing for each in taken.events if isinstance(each, InformationRequested)]
    assert asked == [("description",)]


def test_whoever_names_another_customer_shows_that_ones_administrators_nothing() -> None:
    other = "Wingtip Insurance has the same fault."
    (mine,) = take("sightcall", [other], sender="eve@adatum.example")
    assert mine.ticket.customer == "Adatum Field Service"
    (nobodys,) = take("sightcall", [other], sender="eve@elsewhere.example")
    assert nobodys.ticket.customer == "Wingtip Insurance"


def test_a_version_without_end_makes_no_large_events() -> None:
    endless = f"iOS SDK version: 0.{'1.' * 60_000}"
    (opened,) = take("sightcall", [endless], sender="ada@adatum.example")
    assert opened.ticket.request_details.scope is not None
    assert all(len(each.model_dump_json()) < 40_000 for each in opened.events)


def test_who_cannot_be_told_by_mail_is_not_turned_away_silently() -> None:
    assert SIGHTCALL is not None
    call = VoicemailLeft(
        desk="sightcall", occurred_at=at(0), recorded_at=at(0), delivery="v1", conversation="v1",
        call_id="v1", authentication=Authentication(result="passed"), line="+15550120",
        caller=Contact(phone="+15550199"),
    )  # fmt: skip
    delivery = read_delivery(call, "cause", SIGHTCALL, ADDRESSES)
    opened = open_ticket(
        delivery, ticket_id=UUID(int=7), number="T-1", reply_to="r@x.example", now=at(0)
    )
    assert opened.ticket.request_details.entitled is False
    assert opened.ticket.state is State.OPEN, "somebody calls back"
