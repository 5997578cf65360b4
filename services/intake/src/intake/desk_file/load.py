"""`intake.yaml` of a desk: its model, its checks, and how it becomes the domain's `Desk`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field, field_validator

from intake.desk_file.admission import (
    EntitlementEntry,
    MailLines,
    RequiredInformation,
    ScopeSection,
    check_required_information,
    check_scope,
    entitlement_of,
    labels_of,
    requirements_of,
    scope_rules_of,
    version_lists_of,
)
from intake.desk_file.chat import ChatSection, chat_rules_of
from intake.desk_file.common import (
    Name,
    Part,
    RuleCondition,
    Text,
    WebAddress,
    Zone,
    address_of,
    condition_of,
)
from intake.desk_file.customers import CustomerEntry, with_customers
from intake.desk_file.feedback import FeedbackSection, care_of
from intake.desk_file.misuse import MisuseEntry, check_misuse, misuse_rules_of
from intake.desk_file.portal import PortalRules, forms_of
from intake.desk_file.severities import SeverityDefinition, levels_of
from intake.domain.desk import Desk, Rule
from intake.domain.reply_address import bare_address
from intake.domain.request import Line
from pledge.runtime.config.yaml_file import Document, FileProblem, Problem, load, validate_document

FILE_NAME: Final = "intake.yaml"


class TicketNumbers(Part):
    """How tickets are numbered: `VIR-10001`, `VIR-10002`, …"""

    prefix: str = Field(pattern=r"^[A-Z][A-Z0-9]{1,9}$")
    first_number: int = Field(default=10_001, ge=1, le=10**12)


class Defaults(Part):
    """What a new ticket is when no rule says otherwise."""

    severity: Name | None = None
    priority: Name | None = None
    plan: Name | None = None


class AddressLine(Part):
    """A mail address of the desk."""

    address: str
    is_urgent: bool = False
    escalates_to: Name | None = None
    kind: Literal["request", "feedback", "complaint"] = "request"

    @field_validator("address")
    @classmethod
    def _is_bare(cls, value: str) -> str:
        normal = address_of(value)
        if bare_address(normal) != normal:
            raise ValueError("should be without a +tag: tags are taken off incoming addresses")
        return normal


class PhoneLine(Part):
    """A number of the desk (E.164), an extension, or both."""

    name: Name
    number: str | None = Field(default=None, pattern=r"^\+[0-9]{5,15}$")
    extension: str | None = Field(default=None, pattern=r"^[0-9]{1,8}$")
    is_urgent: bool = False
    urgent_menu_choices: tuple[str, ...] = ()


class RuleResult(Part):
    """What a rule sets."""

    severity: Name | None = None
    priority: Name | None = None
    plan: Name | None = None
    product: str | None = None
    is_urgent: bool | None = None


class RuleEntry(Part):
    """A rule for new tickets; the first one that sets a value decides it."""

    name: Name
    when: RuleCondition
    set: RuleResult


class TrialRules(Part):
    """What holds for trial and onboarding customers."""

    severity_at_least: Name | None = None


class DeskFile(Part):
    """The whole of `intake.yaml`."""

    desk: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
    name: Text
    tickets: TicketNumbers
    reply_address: str
    help_centre: WebAddress | None = None
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    zone: Zone = "UTC"
    severities: tuple[SeverityDefinition, ...] = Field(min_length=1)
    priorities: tuple[Name, ...] = ()
    defaults: Defaults = Defaults()
    addresses: tuple[AddressLine, ...] = Field(min_length=1)
    phone_lines: tuple[PhoneLine, ...] = ()
    rules: tuple[RuleEntry, ...] = ()
    plans: tuple[Name, ...] = ()
    customers: tuple[CustomerEntry, ...] = ()
    mail_lines: MailLines = MailLines()
    required_information: RequiredInformation | None = None
    entitlement: EntitlementEntry | None = None
    scope: ScopeSection = ScopeSection()
    trials: TrialRules = TrialRules()
    feedback: FeedbackSection = FeedbackSection()
    portal: PortalRules = PortalRules()
    chat: ChatSection | None = None
    misuse: tuple[MisuseEntry, ...] = ()

    @field_validator("reply_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address_of(value)


def check_desk_file(path: Path) -> list[Problem]:
    """Every problem of the file at `path`, cross references included; empty when it is right."""
    return _read(path)[1]


def load_desk(path: Path) -> tuple[Desk | None, list[Problem]]:
    """The desk of the file at `path`, or its problems."""
    model, problems = _read(path)
    if model is None or any(each.severity == "error" for each in problems):
        return None, problems
    return to_desk(model), problems


def _read(path: Path) -> tuple[DeskFile | None, list[Problem]]:
    try:
        document = load(path)
    except FileProblem as error:
        return None, [error.problem]
    model, problems = validate_document(document, DeskFile)
    if model is None:
        return None, problems
    return model, sorted(_cross_check(document, model), key=lambda each: (each.line, each.column))


def _cross_check(document: Document, model: DeskFile) -> Iterator[Problem]:
    if document.file.parent.name not in {model.desk, ""} and document.file.name == FILE_NAME:
        yield document.problem(
            ("desk",), f"is {model.desk!r}, but the folder is {document.file.parent.name!r}"
        )
    if model.reply_address not in {each.address for each in model.addresses}:
        yield document.problem(
            ("reply_address",), f"{model.reply_address} is none of the desk's addresses",
            "add it under `addresses`, or answers bounce",
        )  # fmt: skip
    yield from _doubles(document, model)
    yield from check_required_information(document, model.required_information)
    yield from check_scope(document, model.scope)
    yield from _unknown_names(document, model)


def _doubles(document: Document, model: DeskFile) -> Iterator[Problem]:
    lists: dict[str, list[str]] = {
        "severities": [each.name for each in model.severities],
        "priorities": list(model.priorities),
        "addresses": [each.address for each in model.addresses],
        "phone_lines": [f"{each.number}/{each.extension}" for each in model.phone_lines],
        "rules": [each.name for each in model.rules],
        "plans": list(model.plans),
        "customers": [each.name for each in model.customers],
    }
    for key, names in lists.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.problem((key, index), f"{name} stands here a second time")
    for index, line in enumerate(model.phone_lines):
        if line.number is None and line.extension is None:
            yield document.problem(("phone_lines", index), "needs a `number` or an `extension`")
    owners: dict[str, str] = {}
    for index, customer in enumerate(model.customers):
        for domain in (*customer.domains, *customer.addresses):
            if owners.setdefault(domain, customer.name) != customer.name:
                message = f"{domain} belongs to {owners[domain]} already"
                yield document.problem(("customers", index), message)


def _unknown_names(document: Document, model: DeskFile) -> Iterator[Problem]:
    severities = tuple(each.name for each in model.severities)
    used: list[tuple[tuple[str | int, ...], str | None, tuple[str, ...]]] = [
        (("defaults", "severity"), model.defaults.severity, severities),
        (("defaults", "priority"), model.defaults.priority, model.priorities),
        (("trials", "severity_at_least"), model.trials.severity_at_least, severities),
    ]
    lines = (
        *(each.address for each in model.addresses),
        *(each.name for each in model.phone_lines),
    )
    yield from check_misuse(document, model.misuse, lines, severities)
    if model.plans:
        used.append((("defaults", "plan"), model.defaults.plan, model.plans))
        used += [
            (("customers", index, "plan"), each.plan, model.plans)
            for index, each in enumerate(model.customers)
        ]
    for index, rule in enumerate(model.rules):
        at: tuple[str | int, ...] = ("rules", index)
        used.append(((*at, "set", "severity"), rule.set.severity, severities))
        used.append(((*at, "set", "priority"), rule.set.priority, model.priorities))
        used += [((*at, "when", "line"), each, lines) for each in rule.when.line]
    for steps, name, known in used:
        if name is not None and name not in known:
            hint = f"one of: {', '.join(known)}" if known else "none are defined"
            yield document.problem(steps, f"{name} is not known here", hint)


def to_desk(model: DeskFile) -> Desk:
    """The model as the domain's value."""
    desk = Desk(
        id=model.desk,
        name=model.name,
        ticket_prefix=model.tickets.prefix,
        first_number=model.tickets.first_number,
        reply_address=model.reply_address,
        severities=tuple(each.name for each in model.severities),
        priorities=model.priorities,
        default_severity=model.defaults.severity,
        default_priority=model.defaults.priority,
        default_plan=model.defaults.plan,
        language=model.language,
        zone=model.zone,
        trial_floor=model.trials.severity_at_least,
        levels=levels_of(model.severities),
        help_centre=model.help_centre,
        misuse_rules=misuse_rules_of(model.misuse),
        chat=chat_rules_of(model.chat),
        care=care_of(model.feedback),
        rules=tuple(_rule(each) for each in model.rules),
        plans=model.plans,
        severity_names=MappingProxyType(
            {words.lower(): each.name for each in model.severities for words in each.also}
        ),
    )
    return _with_admission(_with_ways_in(with_customers(desk, model.customers), model), model)


def _with_ways_in(desk: Desk, model: DeskFile) -> Desk:
    """The desk with its addresses, phone lines and portal."""
    addresses = {
        each.address: Line(each.address, each.is_urgent, each.escalates_to, kind=each.kind)
        for each in model.addresses
    }
    return replace(
        desk,
        addresses=MappingProxyType(addresses),
        phone_lines=MappingProxyType(dict(_phone_lines(model))),
        requester_sets_severity=model.portal.requester_sets_severity,
        form_keys=frozenset(model.portal.form_keys),
        sign_in_template=model.portal.sign_in_template,
        forms=forms_of(model.portal),
    )


def _with_admission(desk: Desk, model: DeskFile) -> Desk:
    """The desk with what it asks of a new request."""
    needed = model.required_information
    return replace(
        desk,
        severity_labels=labels_of(model.mail_lines.severity),
        priority_labels=labels_of(model.mail_lines.priority),
        requirements=requirements_of(needed),
        information_template=needed.ask_with if needed else None,
        entitlement=entitlement_of(model.entitlement),
        scope_rules=scope_rules_of(model.scope),
        version_lists=version_lists_of(model.scope),
    )


def _phone_lines(model: DeskFile) -> Iterator[tuple[str, Line]]:
    for each in model.phone_lines:
        line = Line(each.name, each.is_urgent, None, frozenset(each.urgent_menu_choices))
        if each.extension is None:
            yield each.number or "", line
        else:
            yield f"{each.number or ''}/{each.extension}", line


def _rule(entry: RuleEntry) -> Rule:
    result = entry.set
    return Rule(
        name=entry.name,
        when=condition_of(entry.when),
        severity=result.severity,
        priority=result.priority,
        plan=result.plan,
        product=result.product,
        is_urgent=result.is_urgent,
    )


class DeskFilesInvalid(Exception):
    """The desks can't be served from these files; `problems` says why, line by line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(each) for each in problems))
        self.problems = problems


class Desks:
    """Every desk of a folder, by id and by address."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self.by_id = MappingProxyType(dict(desks))
        self._by_address = {address: desk for desk in desks.values() for address in desk.addresses}

    def of_address(self, address: str) -> Desk | None:
        """The desk that mail to `address` comes to, or None."""
        return self._by_address.get(bare_address(address))


def load_desks(folder: Path) -> Desks:
    """The desks in `folder`, one folder each. Raises DeskFilesInvalid with every problem."""
    desks: dict[str, Desk] = {}
    problems: list[Problem] = []
    owners: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*/{FILE_NAME}")):
        desk, found = load_desk(path)
        problems += [each for each in found if each.severity == "error"]
        if desk is None:
            continue
        for key in (*desk.addresses, f"the prefix {desk.ticket_prefix}"):
            if key in owners:
                problems.append(Problem(path, 1, 1, f"{key} is taken by {owners[key]}"))
            owners[key] = path
        desks[desk.id] = desk
    if not desks and not problems:
        problems.append(
            Problem(folder, 1, 1, f"there is no <desk>/{FILE_NAME} here", "pledge desk new <desk>")
        )
    if problems:
        raise DeskFilesInvalid(problems)
    return Desks(desks)
