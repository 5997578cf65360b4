"""A desk's file in the words of the domain, and all desks of a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pledge.runtime.config.yaml_file import Problem
from status.desk_file.model import ComponentFile, RuleFile, StatusFile, read
from status.domain.identifiers import public_id
from status.domain.incidents import IncidentStatus
from status.domain.pages import Page
from status.domain.reports import Rule

FILE_NAME = "status.yaml"


class DeskFilesWrong(Exception):
    """The desks' files can't be used; every problem is in the message, with file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the desks' files have problems:\n{lines}")


@dataclass(frozen=True, slots=True)
class Definition:
    """A component as the file defines it; its status is the database's."""

    id: str
    key: str
    name: str
    position: int
    description: str | None
    showcase: bool
    start_date: date | None
    group_id: str | None
    is_group: bool
    only_show_if_degraded: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """All that the file of one desk says.

    `update_within` is when the next update is promised; the messages are what a maintenance says
    when its window begins and ends, None where a person does.
    """

    page: Page
    components: tuple[Definition, ...]
    rules: tuple[Rule, ...]
    update_within: timedelta | None
    start_message: str | None
    end_message: str | None


def load_policies(folder: Path, base_url: str) -> dict[str, Policy]:
    """The policies of all desks in `folder` that have a status page, by desk.

    `base_url` is where this service is reached from outside, without a slash at its end.
    Raises DeskFilesWrong with all problems of all files.
    """
    policies: dict[str, Policy] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob(f"*/{FILE_NAME}")):
        file, found = read(path)
        problems += found
        if file is not None:
            policies[path.parent.name] = policy_of(path.parent.name, file, base_url)
    problems += _doubled(folder, policies)
    if problems:
        raise DeskFilesWrong(problems)
    return policies


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
) -> Iterator[Definition]:
    for position, one in enumerate(components, start=1):
        code = one.id or public_id("component", desk, one.key)
        yield Definition(
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
    )


def _doubled(folder: Path, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    """Two pages under one host name or id, or two components with one id: which is meant?"""
    owners: dict[str, str] = {}
    for desk, policy in policies.items():
        taken = [f"id {policy.page.id}", *(f"id {one.id}" for one in policy.components)]
        if policy.page.host:
            taken.append(f"host {policy.page.host}")
        for name in taken:
            if name in owners:
                message = f"the {name} belongs to the desk {owners[name]} already"
                yield Problem(folder / desk / FILE_NAME, 1, 1, message)
            owners.setdefault(name, desk)
