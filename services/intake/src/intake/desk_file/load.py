"""`intake.yaml` of a desk: its checks, and how it becomes the domain's `Desk`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from intake.desk_file.admission import (
    check_required_information,
    check_scope,
    entitlement_of,
    labels_of,
    requirements_of,
    scope_rules_of,
    version_lists_of,
)
from intake.desk_file.answers import answers_of
from intake.desk_file.canned_answers import canned_answers_of, check_canned_answers
from intake.desk_file.common import condition_of
from intake.desk_file.documentation import check_documentation, documentation_of
from intake.desk_file.files import file_rules_of
from intake.desk_file.forms import check_forms, forms_of
from intake.desk_file.hooks import hooks_of
from intake.desk_file.matrix import check_matrix, matrix_of
from intake.desk_file.model import IntakeFile, RuleEntry
from intake.desk_file.paging import check_paging, paging_of
from intake.desk_file.participants import participants_of
from intake.desk_file.promises import check_promises, promises_of
from intake.desk_file.sections import (
    care_of,
    chat_rules_of,
    check_misuse,
    levels_of,
    milestones_of,
    misuse_rules_of,
    revisable_of,
    teams_of,
    with_customers,
)
from intake.desk_file.services import check_services, coverage_of, services_of
from intake.desk_file.summary import summary_of
from intake.desk_file.webhooks import check_webhooks, webhooks_of
from intake.domain.admission.request import Line
from intake.domain.desk import Desk, Desks, Rule
from pledge.runtime.desk_file.load import DeskFile, check_folder_name, load_each, read_desk_file
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.desk_file.yaml_file import Document, Steps

FILE_NAME: Final = "intake.yaml"
_KIND_OF: Final[Mapping[str | int, str]] = {
    "severity": "severity",
    "severity_at_least": "severity",
    "priority": "priority",
    "plan": "plan",
    "line": "address or phone line",
}


def check_desk_file(path: Path) -> DeskFileReport:
    """Every problem of the file at `path`, and what the desk's other files may contradict."""
    file, problems = _read(path)
    return DeskFileReport(problems, summary_of(file.document, file.model) if file else None)


def load_desk(path: Path) -> tuple[Desk | None, list[Problem]]:
    """The desk of the file at `path`, or its problems."""
    file, problems = _read(path)
    return (to_desk(file.model) if file and file.is_usable else None), problems


def _read(path: Path) -> tuple[DeskFile[IntakeFile] | None, list[Problem]]:
    return read_desk_file(path, IntakeFile, check_folder_name, _cross_check)


def _cross_check(document: Document, model: IntakeFile) -> Iterator[Problem]:
    if model.reply_address not in {each.address for each in model.addresses}:
        yield document.problem(
            ("reply_address",), f"{model.reply_address} is none of the desk's addresses",
            "add it to `addresses`: answers to our mails go there",
        )  # fmt: skip
    yield from _doubles(document, model)
    severities = tuple(each.name for each in model.severities)
    yield from check_matrix(document, model.matrix, severities, model.priorities)
    yield from check_required_information(document, model.required_information)
    yield from check_scope(document, model.scope)
    yield from check_promises(document, model.promises)
    yield from check_paging(document, model.paging, severities)
    yield from check_documentation(document, model.documentation)
    yield from check_forms(document, model.portal)
    yield from check_services(document, model.coverage, model.services)
    yield from check_webhooks(document, model.webhooks)
    yield from check_canned_answers(document, model.canned_answers)
    yield from _unknown_names(document, model)


def _doubles(document: Document, model: IntakeFile) -> Iterator[Problem]:
    lists: dict[str, list[str]] = {
        "severities": [each.name for each in model.severities],
        "priorities": list(model.priorities),
        "addresses": [each.address for each in model.addresses],
        "phone_lines": [f"{each.number}/{each.extension}" for each in model.phone_lines],
        "rules": [each.name for each in model.rules],
        "plans": list(model.plans),
        "customers": [each.name for each in model.customers],
        "milestones": [each.name for each in model.milestones],
        "revisable": [each.metric for each in model.revisable],
        "teams": [each.name for each in model.teams],
        "hooks": [each.name for each in model.hooks],
        "webhooks": [each.name for each in model.webhooks],
        "canned_answers": [each.name for each in model.canned_answers],
    }
    for key, names in lists.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.twice((key, index), name)
    for index, line in enumerate(model.phone_lines):
        if line.number is None and line.extension is None:
            yield document.problem(
                ("phone_lines", index), "a phone line needs a number", "add `number` or `extension`"
            )
    owners: dict[str, str] = {}
    for index, customer in enumerate(model.customers):
        for domain in (*customer.domains, *customer.addresses):
            if owners.setdefault(domain, customer.name) != customer.name:
                message = f"`{domain}` belongs to the customer `{owners[domain]}` already"
                hint = "a requester is of one customer: remove it from one of them"
                yield document.problem(("customers", index), message, hint)


def _unknown_names(document: Document, model: IntakeFile) -> Iterator[Problem]:
    severities = tuple(each.name for each in model.severities)
    used: list[tuple[Steps, str | None, tuple[str, ...]]] = [
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
        at: Steps = ("rules", index)
        used.append(((*at, "set", "severity"), rule.set.severity, severities))
        used.append(((*at, "set", "priority"), rule.set.priority, model.priorities))
        used += [((*at, "when", "line"), each, lines) for each in rule.when.line]
    for steps, name, known in used:
        if name is not None and name not in known:
            yield document.unknown(steps, _KIND_OF[steps[-1]], name, known)


def to_desk(model: IntakeFile) -> Desk:
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
        documentation=documentation_of(model.documentation),
        misuse_rules=misuse_rules_of(model.misuse),
        milestones=milestones_of(model.milestones),
        revisable=revisable_of(model.revisable),
        teams=teams_of(model.teams),
        matrix=matrix_of(model.matrix),
        files=file_rules_of(model.files),
        chat=chat_rules_of(model.chat),
        hooks=hooks_of(model.hooks),
        webhooks=webhooks_of(model.webhooks),
        redial_minutes=model.redial_minutes,
        care=care_of(model.feedback),
        promises=promises_of(model.promises),
        paging=paging_of(model.paging, tuple(each.name for each in model.severities)),
        answers=answers_of(model.answers),
        canned_answers=canned_answers_of(model.canned_answers),
        participants=participants_of(model.participants),
        staff=frozenset(model.staff),
        rules=tuple(_rule(each) for each in model.rules),
        plans=model.plans,
        severity_names=MappingProxyType(
            {words.lower(): each.name for each in model.severities for words in each.also}
        ),
    )
    return _with_admission(_with_ways_in(with_customers(desk, model.customers), model), model)


def _with_ways_in(desk: Desk, model: IntakeFile) -> Desk:
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


def _with_admission(desk: Desk, model: IntakeFile) -> Desk:
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
        coverage=coverage_of(model.coverage),
        services=services_of(model.services),
    )


def _phone_lines(model: IntakeFile) -> Iterator[tuple[str, Line]]:
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


def load_desks(folder: Path) -> Desks:
    """The desks in `folder`, one folder each. Raises DeskFileError with every problem."""
    files, problems = load_each(folder, FILE_NAME, _read)
    problems += _taken_twice(files.values())
    if not files and not problems:
        hint = "pledge desk new <desk>"
        problems.append(
            Problem(folder, 1, 1, f"there is no desk here: no <desk>/{FILE_NAME}", hint)
        )
    if problems:
        raise DeskFileError(problems)
    return Desks({desk: to_desk(file.model) for desk, file in files.items()})


def _taken_twice(files: Iterable[DeskFile[IntakeFile]]) -> Iterator[Problem]:
    """Addresses and prefixes that two desks claim."""
    owners: dict[str, Path] = {}
    for file in files:
        prefix = file.model.tickets.prefix
        claims: list[tuple[Steps, str]] = [(("tickets", "prefix"), f"the prefix {prefix}")]
        claims += [
            (("addresses", index, "address"), each.address)
            for index, each in enumerate(file.model.addresses)
        ]
        for steps, claim in claims:
            owner = owners.setdefault(claim, file.document.file)
            if owner != file.document.file:
                hint = "each is for one desk: choose another here or there"
                yield file.document.problem(steps, f"{claim} is taken by {owner}", hint)
