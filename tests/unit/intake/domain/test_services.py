"""Offers of billable work, the products that are covered, and the request for a rating."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.domain.admission.entitlement import scope_by_product
from intake.domain.command_registry import Command, State
from intake.domain.commands import decide
from intake.domain.commands.milestones import ReachMilestone
from intake.domain.commands.progress import Close, ProvideWorkaround, Resolve
from intake.domain.commands.services import ConfirmServices, OfferServices, WithdrawServices
from intake.domain.desk import MilestoneKind
from intake.domain.requester_links import LinkKind, RequesterLinks
from intake.domain.services import Coverage, CoveredProduct, OfferState, Service, ServiceRules
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from intake.domain.ticket_parts import CareRules
from pledge.events import Contact, EmailRequested, ServicesConfirmed, ServicesOffered
from pledge.runtime.auth.link_signer import LinkSigner
from unit.intake.builders import TOM, a_desk, a_ticket, at, kinds

LINKS = RequesterLinks(LinkSigner([b"k" * 32]), "https://intake.example")
DESK = a_desk(
    services=ServiceRules(
        (Service("upgrade", "An upgrade", "180 an hour"), Service("move", "A move", "1,200")),
        "services_offered",
    ),
    care=CareRules(rating_template="rating_request"),
    milestones=(MilestoneKind("begun", "Work has begun"),),
)


def attempt(ticket: Ticket, command: Command, minutes: float = 10) -> Decision | Refusal:
    return decide(ticket, command, CommandContext(DESK, TOM, at(minutes), at(minutes), LINKS))


def decided(ticket: Ticket, command: Command, minutes: float = 10) -> Decision:
    decision = attempt(ticket, command, minutes)
    assert isinstance(decision, Decision), decision
    return decision


def test_an_offer_goes_out_with_its_price_and_waits_for_the_customer() -> None:
    decision = decided(a_ticket(), OfferServices("upgrade", "From 6.2 to 7."))

    assert kinds(decision) == ["services_offered", "email_requested", "waiting_on_customer"]
    offered, mail, _ = decision.events
    assert isinstance(offered, ServicesOffered)
    assert (offered.title, offered.price) == ("An upgrade", "180 an hour")
    assert isinstance(mail, EmailRequested)
    assert mail.variables["link"] == offered.answer_url
    assert decision.ticket.state is State.WAITING_ON_CUSTOMER
    assert [each.state for each in decision.ticket.offers] == [OfferState.OFFERED]


@pytest.mark.parametrize(
    "work", [Resolve("done"), ProvideWorkaround(), ReachMilestone("begun")], ids=lambda w: w.action
)
def test_work_starts_when_the_customer_has_confirmed_and_not_before(work: Command) -> None:
    offered = decided(a_ticket(), OfferServices("upgrade")).ticket

    refusal = attempt(offered, work)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.CONFLICT
    assert "has not confirmed An upgrade" in refusal.detail
    confirmed = decided(offered, ConfirmServices(is_accepted=True))
    assert kinds(confirmed) == ["services_confirmed", "waiting_on_provider"]
    assert confirmed.ticket.state is State.OPEN
    assert confirmed.ticket.offers[0].state is OfferState.ACCEPTED
    decided(confirmed.ticket, work)


def test_an_answer_counts_once_and_what_is_declined_or_withdrawn_is_not_accepted_later() -> None:
    offered = decided(a_ticket(), OfferServices("upgrade")).ticket
    boss = Contact(email="boss@contoso.example")
    declined = decided(offered, ConfirmServices(False, offered.offers[0].id, boss))
    answer = declined.events[0]
    assert isinstance(answer, ServicesConfirmed)
    assert (answer.by, answer.is_accepted) == (boss, False)
    withdrawn = decided(offered, WithdrawServices("a mistake"))
    assert kinds(withdrawn) == ["services_withdrawn", "waiting_on_provider"]
    for ticket in (declined.ticket, withdrawn.ticket):
        for again in (ConfirmServices(is_accepted=True), WithdrawServices()):
            refusal = attempt(ticket, again)
            assert isinstance(refusal, Refusal)
            assert refusal.reason is RefusalReason.NOTHING_TO_CHANGE


def test_several_offers_are_named_by_their_ids_and_all_answers_end_the_waiting() -> None:
    first = decided(a_ticket(), OfferServices("upgrade")).ticket
    twice = attempt(first, OfferServices("upgrade"))
    assert isinstance(twice, Refusal)
    both = decided(first, OfferServices("move", price="900, as we said on the phone")).ticket
    assert both.offers[1].price == "900, as we said on the phone"
    unnamed = attempt(both, ConfirmServices(is_accepted=True))
    assert isinstance(unnamed, Refusal)
    assert str(both.offers[1].id) in unnamed.detail
    one = decided(both, ConfirmServices(True, both.offers[1].id))
    assert one.ticket.state is State.WAITING_ON_CUSTOMER
    assert decided(one.ticket, ConfirmServices(False)).ticket.state is State.OPEN
    assert isinstance(attempt(first, OfferServices("gardening")), Refusal)


COVERAGE = Coverage(
    (
        CoveredProduct("modusgate", "modusGate", frozenset({"modusgate"})),
        CoveredProduct("sql", "SQL Server", frozenset({"sql server", "sql server express"})),
    ),
    answer="not-covered",
)


@pytest.mark.parametrize(
    ("product", "is_covered"),
    [
        ("modusGate", True),
        ("ModusGate 6.2", True),
        ("Microsoft SQL-Server 2019 Express", True),
        ("DNS", False),
        ("Windows Server", False),
        ("modusgateway", False),
        (None, True),
        ("", True),
    ],
)
def test_only_a_product_that_is_named_and_not_covered_leaves_the_promises(
    product: str | None, is_covered: bool
) -> None:
    scoped = scope_by_product(COVERAGE, product)

    assert (scoped is None) is is_covered
    if scoped is not None:
        assert (scoped.scope, scoped.answer) == ("best_effort", "not-covered")
        assert scoped.why == f"{product} is none of the covered products"


def test_the_end_of_a_ticket_asks_for_a_rating_by_a_link_of_its_own() -> None:
    closed = decided(a_ticket(state=State.RESOLVED), Close())

    assert kinds(closed) == ["closed", "rating_requested", "email_requested"]
    mail = closed.events[2]
    assert isinstance(mail, EmailRequested)
    assert not mail.is_urgent
    token = mail.variables["link"].rpartition("/")[2]
    named = LINKS.read("vircom", token, LinkKind.RATING)
    assert named is not None
    assert named[0] == closed.ticket.id
    # The same link is no answer to a meeting or an offer.
    assert LINKS.read("vircom", token, LinkKind.OFFER) is None
    assert LINKS.read("vircom", token) is None
    again = decided(replace(closed.ticket, state=State.RESOLVED), Close())
    assert again.events[2] != mail


@pytest.mark.parametrize("reason", ["merged", "misuse", "not_entitled", "spam"])
def test_what_nobody_worked_on_is_not_rated(reason: str) -> None:
    assert kinds(decided(a_ticket(), Close(reason))) == ["closed"]


def test_a_requester_without_an_address_is_not_asked() -> None:
    assert kinds(decided(a_ticket(requester=Contact(phone="+15550100")), Close())) == ["closed"]
