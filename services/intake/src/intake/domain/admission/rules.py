"""A new request against the desk's rules: is it complete, may its requester ask, is it covered?

Whatever is decided is a fact, and gets an answer: nobody is refused or kept waiting silently. One
automatic answer at most: a refusal, else where to turn, else a question for what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid5

from intake.domain.admission import requirements
from intake.domain.admission.entitlement import (
    Scoped,
    scope_by_product,
    scope_by_rule,
    scope_by_version,
)
from intake.domain.admission.request import Request, holds
from intake.domain.admission.requirements import Item, Requirement, Words
from intake.domain.command_registry import State
from intake.domain.desk import Customer, Desk
from intake.domain.ticket import Ticket
from pledge.events import (
    Actor,
    ChannelEvent,
    Closed,
    Contact,
    EmailRequested,
    EntitlementDecided,
    InformationCompleted,
    InformationRequested,
    ScopeDecided,
    TicketEvent,
)

INTAKE: Final = Actor(kind="system", id="intake")
"""The actor of what no person does: rules, routing, automatic closing."""
NOT_ENTITLED: Final = "not_entitled"


@dataclass(frozen=True, slots=True)
class RequestReading:
    """What the delivery that opens a ticket says, as far as the desk's rules ask for it."""

    request: Request
    words: Words | None = None
    requirement: str | None = None
    items: tuple[Item, ...] = ()
    information: Mapping[str, str] | None = None
    is_vouched_for: bool = False
    is_forged: bool = False


def words_of(event: ChannelEvent) -> Words:
    """What the delivery says in fields, lines and free text."""
    fields = dict(getattr(event, "fields", None) or {})
    for name in ("product", "customer"):
        if (value := getattr(event, name, None)) is not None:
            fields.setdefault(name, value)
    subject = getattr(event, "subject_line", "")
    return requirements.read_words(getattr(event, "text", ""), fields, subject)


def read_request(desk: Desk, event: ChannelEvent, request: Request) -> RequestReading:
    """What the event says of what the desk's file asks for; the request completed by it."""
    is_vouched_for = bool(getattr(event, "is_tenant_admin", None))
    labels = desk.severity_labels or desk.priority_labels
    if not (desk.requirements or desk.version_lists or labels or desk.coverage):
        return RequestReading(request, is_vouched_for=is_vouched_for)
    words = words_of(event)
    if request.channel != "portal":
        request = replace(
            request,
            severity=request.severity or _labelled(words, desk.severity_labels),
            priority=request.priority or _labelled(words, desk.priority_labels),
        )
    if desk.coverage is not None and request.product is None:
        request = replace(request, product=words.named.get("product"))
    requirement = requirement_of(desk, request)
    if requirement is None:
        return RequestReading(request, words, is_vouched_for=is_vouched_for)
    labels = desk.severity_labels | desk.priority_labels
    found = requirements.read_items(requirement.items, words, tuple(desk.customers), labels)
    for item in requirement.items:
        if item.name in found and item.stands_for == "customer":
            request = replace(request, customer=_customer(desk, request, found[item.name]))
        elif item.name in found and item.stands_for == "product":
            request = replace(request, product=request.product or found[item.name])
    return RequestReading(
        request, words, requirement.name, requirement.items, found, is_vouched_for
    )


def _customer(desk: Desk, request: Request, named: str) -> str:
    """Whose request it is. A name in the text counts for who administers that customer, or is
    nobody's we know: naming another customer shows that one's administrators nothing."""
    if request.customer is not None:
        return request.customer
    mine = desk.customer_of(request.requester_address)
    administered = {each.name for each in desk.administered_by(request.requester_address)}
    return named if mine is None or named in administered else mine.name


def requirement_of(desk: Desk, request: Request) -> Requirement | None:
    """What the desk's file says that such a request must say: its first kind that holds."""
    is_urgent, is_trial = request.is_urgent, request.is_trial
    kinds = (each for each in desk.requirements if holds(each.when, request, is_urgent, is_trial))
    return next(kinds, None)


def _labelled(words: Words, labels: frozenset[str]) -> str | None:
    return next((words.named[name] for name in sorted(labels & words.named.keys())), None)


def admit(
    ticket: Ticket, said: RequestReading, desk: Desk, facts: Mapping[str, Any]
) -> tuple[Ticket, list[TicketEvent]]:
    """The new ticket with what the rules decide on it, and the facts that follow its opening."""
    ticket, events = _entitle(ticket, said, desk, facts)
    information = said.information or {}
    request_details = replace(
        ticket.request_details, requirement=said.requirement, information=information
    )
    ticket = replace(ticket, request_details=request_details)
    if ticket.request_details.entitled is False:
        return ticket, events
    scoped = scope_by_rule(desk.scope_rules, said.request, ticket.is_urgent, ticket.is_trial)
    if scoped is None and said.words is not None:
        scoped = scope_by_version(desk.version_lists, said.words)
    scoped = scoped or scope_by_product(desk.coverage, ticket.product)
    if scoped is not None:
        ticket, decided = _scope(ticket, scoped, facts)
        return ticket, events + decided
    ticket = replace(ticket, missing=requirements.missing(said.items, information))
    if ticket.missing:
        events += request_information(ticket, said.items, desk, facts)
    return ticket, events


def add_information(
    ticket: Ticket, event: ChannelEvent, by: Contact, desk: Desk, facts: Mapping[str, Any]
) -> tuple[Ticket, list[TicketEvent]]:
    """What a further delivery of the requester's side adds: information that was missing (INF-06),
    a version (SIG-10), an administrator who takes the request over (SIG-01)."""
    is_open_question = desk.entitlement is not None and ticket.request_details.entitled is not True
    if not (ticket.missing or desk.version_lists or is_open_question):
        return ticket, []
    words = words_of(event)
    events: list[TicketEvent] = []
    before, was_refused = ticket.missing, ticket.request_details.entitled is False
    if ticket.missing:
        ticket = _informed(ticket, words, desk)
    if is_open_question:
        ticket, events = _reconsider(ticket, by.email, desk, facts)
        if ticket.request_details.entitled is False:
            return ticket, events
        if was_refused:
            ticket = _informed(lacking(ticket, desk), words, desk)
    if ticket.request_details.scope is None:
        scoped = scope_by_version(desk.version_lists, words)
        if scoped is not None:
            ticket, decided = _scope(ticket, scoped, facts)
            events += decided
    return ticket, events + _progress(ticket, before, by, desk, facts)


def request_information(
    ticket: Ticket, items: tuple[Item, ...], desk: Desk, facts: Mapping[str, Any],
    by: Actor = INTAKE,
) -> list[TicketEvent]:  # fmt: skip
    """The question for what the ticket lacks, with the mail that asks it (INF-06)."""
    asked = InformationRequested(**facts, missing=ticket.missing, by=by)
    words = requirements.question(items, ticket.missing)
    mail = automatic_mail(ticket, desk.information_template, facts, missing=words)
    return [asked, *mail]


def automatic_mail(
    ticket: Ticket,
    template: str | None,
    facts: Mapping[str, Any],
    to: str | None = None,
    **variables: str,
) -> list[TicketEvent]:
    """An automatic mail to the requester, or to the address ``to``, by a template of the desk; none
    without an address."""
    address = to or ticket.requester.email
    from_machine = to is None and ticket.request_details.is_from_machine
    if template is None or address is None or from_machine:
        return []
    is_requester = address == ticket.requester.email
    return [
        EmailRequested(
            **facts,
            # Derived, so that the same answer is the same mail whichever replica computes it.
            email_id=uuid5(ticket.id, f"{template} {ticket.sequence}"),
            to=(ticket.requester if is_requester else Contact(email=address),),
            template=template,
            variables={
                "title": ticket.subject_line,
                "severity": ticket.severity or "",
                "customer": ticket.customer or "",
                **variables,
            },
            reply_to=ticket.reply_to,
            in_reply_to=ticket.message_id,
            references=(ticket.message_id,) if ticket.message_id else (),
            is_urgent=True,
        )
    ]


def items_of(ticket: Ticket, desk: Desk) -> tuple[Item, ...]:
    """What the ticket's kind of request must say, and what an agent asked for in addition."""
    name = ticket.request_details.requirement
    listed = next((each.items for each in desk.requirements if each.name == name), ())
    names = {item.name for item in listed}
    others = (requirements.unlisted(each) for each in ticket.missing if each not in names)
    return (*listed, *others)


def lacking(ticket: Ticket, desk: Desk) -> Ticket:
    """The ticket with all that its kind of request must say and nobody has given: while its
    requester was refused nothing was asked."""
    items = items_of(ticket, desk)
    known = dict(ticket.request_details.information)
    for item in items:
        if item.stands_for == "customer" and ticket.customer is not None:
            known.setdefault(item.name, ticket.customer)
    request_details = replace(ticket.request_details, information=known)
    return replace(
        ticket, missing=requirements.missing(items, known), request_details=request_details
    )


def _informed(ticket: Ticket, words: Words, desk: Desk) -> Ticket:
    items = items_of(ticket, desk)
    found = requirements.read_items(items, words, tuple(desk.customers))
    known = requirements.merged(ticket.request_details.information, found, items, words)
    # Never more than was asked for, unless what was said makes it needed.
    needed = tuple(
        name
        for name in requirements.missing(items, known)
        if name in ticket.missing or any(each.name == name and each.required_if for each in items)
    )
    stands_for = {item.stands_for: known[item.name] for item in items if item.name in known}
    return replace(
        ticket,
        missing=needed,
        customer=ticket.customer or stands_for.get("customer"),
        product=ticket.product or stands_for.get("product"),
        request_details=replace(ticket.request_details, information=known),
    )


def _progress(
    ticket: Ticket, before: tuple[str, ...], by: Contact, desk: Desk, facts: Mapping[str, Any]
) -> list[TicketEvent]:
    if ticket.missing == before:
        return []  # asked already: a reply that adds nothing is not asked again
    if ticket.missing:
        return request_information(ticket, items_of(ticket, desk), desk, facts)
    return [InformationCompleted(**facts, by=by, fields=dict(ticket.request_details.information))]


# ---- who may ask ----


def _entitle(
    ticket: Ticket, said: RequestReading, desk: Desk, facts: Mapping[str, Any]
) -> tuple[Ticket, list[TicketEvent]]:
    if desk.entitlement is None:
        return ticket, []
    if said.is_vouched_for:
        return _decided(ticket, desk, facts, is_entitled=True)
    if said.is_forged:
        return _decided(ticket, desk, facts, is_entitled=False)
    administered = desk.administered_by(ticket.requester.email)
    if administered:
        mine = _named_or_first(administered, said.request.customer)
        return _decided(replace(ticket, customer=mine.name), desk, facts, is_entitled=True)
    asks_for_customer = any(item.stands_for == "customer" for item in said.items)
    if ticket.customer is None and asks_for_customer:
        return ticket, []
    return _decided(ticket, desk, facts, is_entitled=False)


def _reconsider(
    ticket: Ticket, sender: str | None, desk: Desk, facts: Mapping[str, Any]
) -> tuple[Ticket, list[TicketEvent]]:
    """An administrator who writes on the ticket makes it theirs; one that waited for the customer's
    name is decided once the name is there."""
    customer = desk.customers.get(ticket.customer or "")
    administered = desk.administered_by(sender)
    if administered and customer in (None, *administered):
        mine = _named_or_first(administered, ticket.customer)
        return _decided(replace(ticket, customer=mine.name), desk, facts, is_entitled=True)
    if ticket.request_details.entitled is None and customer is not None:
        return _decided(ticket, desk, facts, is_entitled=False)
    return ticket, []


def _named_or_first(customers: tuple[Customer, ...], name: str | None) -> Customer:
    return next((each for each in customers if each.name == name), customers[0])


def _decided(
    ticket: Ticket, desk: Desk, facts: Mapping[str, Any], *, is_entitled: bool
) -> tuple[Ticket, list[TicketEvent]]:
    rule = desk.entitlement
    assert rule is not None
    by = Actor(kind="rule", id=rule.rule)
    ticket = replace(ticket, request_details=replace(ticket.request_details, entitled=is_entitled))
    mail = [] if is_entitled else automatic_mail(
        ticket, rule.answer, facts, administrators=_administrators(ticket, desk)
    )  # fmt: skip
    decided = EntitlementDecided(
        **facts, entitled=is_entitled, by=by, rule=rule.rule, answer=rule.answer if mail else None
    )
    events: list[TicketEvent] = [decided, *mail]
    if not is_entitled:
        ticket = replace(ticket, missing=())
    # A requester without an address is answered by a person: without an answer nothing is closed.
    if mail and rule.closes:
        events.append(Closed(**facts, by=by, reason=NOT_ENTITLED))
        ticket = replace(ticket, state=State.CLOSED, closed_at=facts["occurred_at"])
    return ticket, events


def _administrators(ticket: Ticket, desk: Desk) -> str:
    """The administrators of the requester's own organisation. A name in a text opens no address
    book: only an address of the customer's domain does."""
    customer = desk.customer_of(ticket.requester.email)
    if customer is None or customer.name != ticket.customer:
        return ""
    return "\n".join(f"{each.name or ''} <{each.email}>" for each in customer.administrators)


# ---- what is covered ----


def _scope(
    ticket: Ticket, scoped: Scoped, facts: Mapping[str, Any]
) -> tuple[Ticket, list[TicketEvent]]:
    mail = automatic_mail(
        ticket,
        scoped.answer,
        facts,
        product=scoped.product,
        version=scoped.version,
        latest=scoped.latest,
    )
    decided = ScopeDecided(
        **facts,
        scope=scoped.scope,
        rule=scoped.rule,
        by=Actor(kind="rule", id=scoped.rule),
        why=scoped.why,
        answer=scoped.answer if mail else None,
    )
    request_details = replace(ticket.request_details, scope=scoped.scope, scope_rule=scoped.rule)
    return replace(ticket, request_details=request_details), [decided, *mail]
