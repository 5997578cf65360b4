"""A desk's rules as intake needs them: whose address, which customer, how severe at first sight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from intake.domain.admission.entitlement import Entitlement, ScopeRule, VersionList
from intake.domain.admission.request import Condition, Line, Request, holds
from intake.domain.admission.requirements import Requirement
from intake.domain.answer_rules import AnswerRules
from intake.domain.canned_answers import CannedAnswer
from intake.domain.chat_hours import ChatRules
from intake.domain.documentation import Documentation
from intake.domain.files import FileRules
from intake.domain.hooks import Hook
from intake.domain.matrix import Assessed, Level, Matrix, Origin, Values, assess
from intake.domain.misuse import MisuseRule
from intake.domain.paging_rules import PagingRules
from intake.domain.participants import ParticipantRules
from intake.domain.promises_shown import PromiseRules
from intake.domain.reply_address import bare_address
from intake.domain.services import Coverage, ServiceRules
from intake.domain.ticket_parts import CareRules
from intake.domain.webhooks import Webhook
from pledge.events import Contact
from pledge.events.values import is_zone


class FeedbackKind(StrEnum):
    """What a delivery is, if it is no request for help (INF-11)."""

    FEEDBACK = "feedback"
    COMPLAINT = "complaint"


_FEEDBACK_KINDS: Final[Mapping[str, FeedbackKind]] = {each.value: each for each in FeedbackKind}


@dataclass(frozen=True, slots=True)
class Customer:
    """An organisation that the desk knows, what it bought, and the IANA zone that it is in."""

    name: str
    plan: str | None = None
    product: str | None = None
    is_trial: bool = False
    administrators: tuple[Contact, ...] = ()
    zone: str | None = None

    def is_administered_by(self, address: str | None) -> bool:
        """Whether the address is one of its administrators'."""
        known = (address or "").lower()
        return any(each.email == known for each in self.administrators)


@dataclass(frozen=True, slots=True)
class MilestoneKind:
    """A milestone that agents record, with its name for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team to which tickets are assigned, with its name for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class RevisablePromise:
    """A promise for which agents may agree another due time, with its name for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form; with ``choices`` one of them is chosen. A required one is asked for before
    the form is taken."""

    name: str
    title: str
    help: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class FormKind:
    """A kind of request that the portal offers, with the fields of its form (SIG-04)."""

    name: str
    title: str
    fields: tuple[FormField, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Under a condition, what a new ticket is. The first rule that sets a value decides it."""

    name: str
    when: Condition
    severity: str | None = None
    priority: str | None = None
    plan: str | None = None
    product: str | None = None
    is_urgent: bool | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """One desk. ``severities`` and ``priorities`` are in order, the gravest first; a line of a mail
    that begins with one of ``severity_labels`` or ``priority_labels`` sets it (INF-01).
    ``customers`` are all by their names. ``zone`` (IANA) is that of its people and pages."""

    id: str
    name: str
    ticket_prefix: str
    first_number: int
    reply_address: str
    severities: tuple[str, ...]
    priorities: tuple[str, ...] = ()
    default_severity: str | None = None
    default_priority: str | None = None
    default_plan: str | None = None
    language: str | None = None
    zone: str = "UTC"
    requester_sets_severity: bool = False
    trial_floor: str | None = None
    form_keys: frozenset[str] = frozenset()
    addresses: Mapping[str, Line] = field(default_factory=dict)
    phone_lines: Mapping[str, Line] = field(default_factory=dict)
    care: CareRules = field(default_factory=CareRules)
    rules: Sequence[Rule] = ()
    customers_by_domain: Mapping[str, Customer] = field(default_factory=dict)
    customers_by_address: Mapping[str, Customer] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    plans: tuple[str, ...] = ()
    severity_names: Mapping[str, str] = field(default_factory=dict)
    severity_labels: frozenset[str] = frozenset()
    priority_labels: frozenset[str] = frozenset()
    requirements: tuple[Requirement, ...] = ()
    information_template: str | None = None
    entitlement: Entitlement | None = None
    scope_rules: tuple[ScopeRule, ...] = ()
    version_lists: tuple[VersionList, ...] = ()
    sign_in_template: str | None = None
    forms: tuple[FormKind, ...] = ()
    levels: tuple[Level, ...] = ()
    chat: ChatRules | None = None
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    redial_minutes: int = 10
    help_centre: str | None = None
    misuse_rules: tuple[MisuseRule, ...] = ()
    milestones: tuple[MilestoneKind, ...] = ()
    revisable: tuple[RevisablePromise, ...] = ()
    teams: tuple[Team, ...] = ()
    matrix: Matrix | None = None
    staff: frozenset[str] = frozenset()
    files: FileRules = field(default_factory=FileRules)
    services: ServiceRules = field(default_factory=ServiceRules)
    coverage: Coverage | None = None
    documentation: Documentation | None = None
    promises: PromiseRules = field(default_factory=PromiseRules)
    participants: ParticipantRules = field(default_factory=ParticipantRules)
    paging: PagingRules = field(default_factory=PagingRules)
    answers: AnswerRules = field(default_factory=AnswerRules)
    canned_answers: tuple[CannedAnswer, ...] = ()

    @property
    def has_admission_rules(self) -> bool:
        """Whether the file asks anything of a request's content or of who may ask; most don't."""
        reads = self.requirements or self.version_lists or self.coverage
        labels = self.severity_labels or self.priority_labels
        return bool(reads or labels or self.scope_rules or self.entitlement)

    def with_plans(self, plans: Mapping[str, str]) -> "Desk":
        """The desk as it is with these plans of customers, by their names."""

        def planned(customers: Mapping[str, Customer]) -> Mapping[str, Customer]:
            return {
                key: replace(each, plan=plans.get(each.name, each.plan))
                for key, each in customers.items()
            }

        return replace(
            self,
            customers=planned(self.customers),
            customers_by_domain=planned(self.customers_by_domain),
            customers_by_address=planned(self.customers_by_address),
        )

    def administered_by(self, address: str | None) -> tuple[Customer, ...]:
        """The customers that the person at the address administers."""
        if address is None:
            return ()
        return tuple(each for each in self.customers.values() if each.is_administered_by(address))

    def zone_of(self, address: str | None, own: str | None = None) -> str:
        """The zone that a person reads times in: their own, if it is one, else their
        organisation's, else the desk's."""
        if own is not None and is_zone(own):
            return own
        customer = self.customer_of(address)
        return (customer.zone if customer else None) or self.zone

    def severity_named(self, words: str | None) -> str | None:
        """The severity that a requester means by these words: its name, or another in the file."""
        if words is None:
            return None
        lowered = words.strip().lower()
        return lowered if lowered in self.severities else self.severity_names.get(lowered)

    def line_of(self, addresses: Sequence[str]) -> Line | None:
        """The desk's address among ``addresses``; an urgent or escalating one before the others."""
        found = [
            line
            for each in addresses
            if (line := self.addresses.get(bare_address(each))) is not None
        ]
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda line: (not line.is_urgent, line.escalates_to is None))

    def feedback_kind(self, line: Line | None, form: str | None) -> FeedbackKind | None:
        """Whether feedback or complaints come by this address or form; None: requests do."""
        if form is not None and form in self.care.complaint_forms:
            return FeedbackKind.COMPLAINT
        if form is not None and form in self.care.feedback_forms:
            return FeedbackKind.FEEDBACK
        return _FEEDBACK_KINDS.get(line.kind) if line is not None else None

    def phone_line(self, number: str, extension: str | None) -> Line:
        """The line called: by number and extension, by extension, by number, else unlisted."""
        for key in (f"{number}/{extension}", f"/{extension}") if extension else ():
            if key in self.phone_lines:
                return self.phone_lines[key]
        return self.phone_lines.get(number) or Line(extension or number)

    def customer_of(self, address: str | None) -> Customer | None:
        """The customer whose address or domain (or a parent domain) this is."""
        if address is None:
            return None
        address = address.lower()
        if (known := self.customers_by_address.get(address)) is not None:
            return known
        domain = address.rpartition("@")[2]
        while domain:
            if (known := self.customers_by_domain.get(domain)) is not None:
                return known
            domain = domain.partition(".")[2]
        return None

    def may_copy(self, requester: Contact, address: str) -> bool:
        """Whether the requester's side may bring the address in: never one of our own (SIG-03)."""

        def customer_named(known: str | None) -> str | None:
            customer = self.customer_of(known)
            return customer.name if customer else None

        is_ours = self.is_own_address(address)
        return not is_ours and self.participants.admits(requester, address, customer_named)

    def placed(self, person: Contact) -> Contact:
        """The person in the zone of their organisation, where they gave none (SMS-08)."""
        customer = self.customer_of(person.email) if person.zone is None else None
        if customer is None or customer.zone is None:
            return person
        return person.model_copy(update={"zone": customer.zone})

    def is_own_address(self, address: str) -> bool:
        """Whether mail to ``address`` comes to this desk."""
        return bare_address(address) in self.addresses

    def is_staff(self, address: str | None) -> bool:
        """Whether the address, or its domain, is of the desk's own people."""
        lowered = (address or "").lower()
        return lowered in self.staff or lowered.rpartition("@")[2] in self.staff

    def floored(self, severity: str | None, *, is_trial: bool) -> str | None:
        """The severity, raised to the floor for trial customers (VIR-07)."""
        if not is_trial or self.trial_floor is None:
            return severity
        order = self.severities
        if severity in order and order.index(severity) <= order.index(self.trial_floor):
            return severity
        return self.trial_floor


class Desks:
    """Every desk of a folder, by id and by address."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self.by_id = MappingProxyType(dict(desks))
        self._by_address = {address: desk for desk in desks.values() for address in desk.addresses}

    def of_address(self, address: str) -> Desk | None:
        """The desk that mail to `address` comes to, or None."""
        return self._by_address.get(bare_address(address))

    def of_postmaster(self, address: str, chosen: str | None = None) -> str | None:
        """Where mail to `postmaster`, alone or at a domain of a desk, goes (RFC 5321 §4.5.1): the
        reply address of the domain's desk; without a domain `chosen`, else the first desk's."""
        local, _, domain = address.lower().partition("@")
        if local != "postmaster" or self.of_address(address) is not None:
            return None
        if not domain and chosen is not None:
            return chosen
        desks = [self.by_id[each] for each in sorted(self.by_id)]
        return next(
            (
                desk.reply_address
                for desk in desks
                if not domain or any(each.endswith(f"@{domain}") for each in desk.addresses)
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class Classification:
    """What a new ticket is, as far as the desk's rules can say; triage says more."""

    severity: str | None
    priority: str | None
    plan: str | None
    product: str | None
    customer: str | None
    is_trial: bool
    is_urgent: bool
    requested_severity: str | None = None
    requested_priority: str | None = None
    impact: str | None = None
    urgency: str | None = None
    origin: Origin = Origin.CHOSEN


def classify(desk: Desk, request: Request) -> Classification:
    """Severity, priority, plan and customer of a new ticket. The requester's own choice counts
    where the desk lets requesters choose (INF-01), then rules in order, then the matrix of impact
    and urgency, then the defaults."""
    customer = desk.customer_of(request.requester_address)
    is_trial = request.is_trial or (customer is not None and customer.is_trial)
    is_urgent = request.is_urgent or (request.line is not None and request.line.is_urgent)
    chosen_severity, chosen_priority = severity, priority = _chosen(desk, request)
    plan, product = request.plan, request.product
    for rule in desk.rules:
        if holds(rule.when, request, is_urgent, is_trial):
            severity = severity or rule.severity
            priority = priority or rule.priority
            plan = plan or rule.plan
            product = product or rule.product
            is_urgent = is_urgent or rule.is_urgent is True
    impact, urgency = _reach(desk, request)
    usual = Values(desk.default_severity, desk.default_priority)
    found = Assessed(severity or usual.severity, priority or usual.priority)
    if desk.matrix is not None:
        found = assess(desk.matrix, Values(severity, priority), usual, impact, urgency)
    return Classification(
        severity=desk.floored(found.severity, is_trial=is_trial),
        priority=found.priority,
        plan=plan or (customer.plan if customer else None) or desk.default_plan,
        product=product or (customer.product if customer else None),
        customer=request.customer or (customer.name if customer else None),
        is_trial=is_trial,
        is_urgent=is_urgent,
        requested_severity=chosen_severity,
        requested_priority=chosen_priority,
        impact=impact,
        urgency=urgency,
        origin=found.origin,
    )


def _reach(desk: Desk, request: Request) -> tuple[str | None, str | None]:
    """The impact and urgency that the requester may set, as the desk names them."""
    matrix = desk.matrix
    if matrix is None or (request.channel == "portal" and not matrix.requester_sets):
        return None, None
    return matrix.known(request.impact, request.urgency)


def _chosen(desk: Desk, request: Request) -> tuple[str | None, str | None]:
    if request.channel == "portal" and not desk.requester_sets_severity:
        return None, None
    priority = (request.priority or "").lower()
    return desk.severity_named(request.severity), priority if priority in desk.priorities else None
