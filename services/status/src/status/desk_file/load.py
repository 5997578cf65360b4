"""A desk's file in the words of the domain, and all desks of a folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from pledge.runtime.desk_file.load import (
    DeskFile,
    check_folder_name,
    desk_of,
    load_each,
    read_desk_file,
)
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.desk_file.yaml_file import Document, Steps
from status.desk_file.model import ComponentFile, RuleFile, StatusFile
from status.desk_file.summary import summary_of
from status.domain.components import ComponentDefinition
from status.domain.desk import Page, Policy
from status.domain.identifiers import public_id
from status.domain.incidents import IncidentStatus
from status.domain.reports import Rule, Trigger

FILE_NAME = "status.yaml"


RESERVED = frozenset(
    {
        "api",
        "assets",
        "components",
        "docs",
        "healthz",
        "history",
        "incidents",
        "livez",
        "maintenances",
    }
    | {"metrics", "openapi.json", "readyz", "sign-in", "sign-out", "staff", "startupz", "static"}
)
"""First parts of paths that the service itself serves: no desk can have such a name."""


def check_desk_file(path: Path) -> DeskFileReport:
    """Every problem of the file at `path`, and what the desk's other files may contradict."""
    file, problems = _read(path)
    return DeskFileReport(problems, summary_of(file.document, file.model) if file else None)


def load_policies(folder: Path, base_url: str) -> dict[str, Policy]:
    """The policies of all desks in `folder` that have a status page, by desk.

    `base_url` is where this service is reached from outside, without a slash at its end.
    Raises DeskFileError with all problems of all files.
    """
    files, problems = load_each(folder, FILE_NAME, _read)
    usable = {desk: file for desk, file in files.items() if file.is_usable}
    policies = {desk: policy_of(desk, file.model, base_url) for desk, file in usable.items()}
    problems += _doubled(usable, policies)
    if problems:
        raise DeskFileError(problems)
    return policies


def _read(path: Path) -> tuple[DeskFile[StatusFile] | None, list[Problem]]:
    return read_desk_file(
        path, StatusFile, check_folder_name, _check_path, _check_components, _check_rules
    )


def policy_of(desk: str, file: StatusFile, base_url: str) -> Policy:
    """What the checked `file` of `desk` means."""
    page = Page(
        id=file.page.id or public_id("page", desk),
        desk=desk,
        name=file.page.name,
        url=(file.page.url or f"{base_url}/{desk}").rstrip("/"),
        zone=ZoneInfo(file.page.zone),
        host=file.page.host,
        about=file.page.about,
        support_url=file.page.support_url,
        language=file.page.language,
    )
    definitions = tuple(_definitions(desk, file.components, None))
    ids = {definition.key: definition.id for definition in definitions}
    rules = tuple(_rule(rule, ids) for rule in file.open_incident_when)
    said = file.maintenances
    return Policy(page, definitions, rules, file.update_every, said.start_message, said.end_message)


def _definitions(
    desk: str, components: list[ComponentFile], group_id: str | None
) -> Iterator[ComponentDefinition]:
    for position, one in enumerate(components, start=1):
        code = one.id or public_id("component", desk, one.key)
        yield ComponentDefinition(
            id=code,
            key=one.key,
            name=one.name,
            position=position,
            description=one.description,
            showcase=one.showcase,
            start_date=one.start_date,
            group_id=group_id,
            is_group=one.components is not None,
            only_show_if_degraded=one.only_show_if_degraded,
        )
        yield from _definitions(desk, one.components or [], code)


def _rule(rule: RuleFile, ids: Mapping[str, str]) -> Rule:
    return Rule(
        key=rule.key,
        triggers=frozenset(rule.any_of),
        severities=frozenset(rule.severities),
        products=frozenset(rule.products),
        metrics=frozenset(rule.metrics),
        only_confirmed=rule.only_confirmed,
        name=rule.incident.name,
        body=rule.incident.message.strip(),
        status=IncidentStatus(rule.incident.status),
        impact=rule.incident.impact,
        statuses={ids[key]: status for key, status in rule.incident.components.items()},
        withdrawn=rule.incident.withdrawn_message.strip(),
    )


def _check_path(document: Document, file: StatusFile) -> Iterator[Problem]:
    desk = desk_of(document.file)
    if desk in RESERVED:
        hint = "give the desk's folder another name"
        yield document.problem(
            (), f"the path /{desk}/ is used by the service: no page can have it", hint
        )


def _check_components(document: Document, file: StatusFile) -> Iterator[Problem]:
    keys: set[str] = set()
    ids: set[str] = set()
    for steps, component in _walk(file):
        if component.key in keys:
            yield document.twice((*steps, "key"), component.key)
        if component.id in ids:
            yield document.problem(
                (*steps, "id"), f"the id {component.id} is used twice", "each has its own"
            )
        if component.components and len(steps) > 2:
            hint = "components have one level of groups"
            yield document.problem((*steps, "components"), "is a group inside a group", hint)
        keys.add(component.key)
        if component.id is not None:
            ids.add(component.id)


def _walk(file: StatusFile) -> Iterator[tuple[Steps, ComponentFile]]:
    pending = [(("components", index), one) for index, one in enumerate(file.components)]
    stack: list[tuple[Steps, ComponentFile]] = list(reversed(pending))
    while stack:
        steps, component = stack.pop()
        yield steps, component
        inner = enumerate(component.components or [])
        stack += reversed([((*steps, "components", index), one) for index, one in inner])


def _check_rules(document: Document, file: StatusFile) -> Iterator[Problem]:
    leaves = {one.key for _, one in _walk(file) if not one.components}
    groups = {one.key for _, one in _walk(file) if one.components}
    seen: set[str] = set()
    for index, rule in enumerate(file.open_incident_when):
        steps = ("open_incident_when", index)
        if rule.key in seen:
            yield document.twice((*steps, "key"), rule.key)
        seen.add(rule.key)
        if Trigger.BROKEN not in rule.any_of and (rule.metrics or rule.only_confirmed):
            hint = f"add {Trigger.BROKEN} to any_of, or remove them"
            message = "`metrics` and `only_confirmed` are for broken promises only"
            yield document.problem((*steps, "any_of"), message, hint)
        for key in rule.incident.components:
            place = (*steps, "incident", "components", key)
            if key in groups:
                hint = "name its components: a group is as bad as the worst of them"
                yield document.problem(place, f"`{key}` is a group", hint)
            elif key not in leaves:
                yield document.unknown(place, "component", key, sorted(leaves))


def _doubled(
    files: Mapping[str, DeskFile[StatusFile]], policies: Mapping[str, Policy]
) -> Iterator[Problem]:
    """Two pages under one host name or id, or two components with one id: which is meant?"""
    owners: dict[str, str] = {}
    for desk, policy in policies.items():
        taken = [f"id {policy.page.id}", *(f"id {one.id}" for one in policy.components)]
        if policy.page.host:
            taken.append(f"host {policy.page.host}")
        for name in taken:
            if name in owners:
                message = f"the {name} belongs to the desk {owners[name]} already"
                hint = "each is for one desk: choose another here or there"
                yield files[desk].document.problem(("page",), message, hint)
            owners.setdefault(name, desk)
