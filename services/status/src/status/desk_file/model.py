"""`deploy/desks/<desk>/status.yaml`: what a desk says about its status page."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pledge.runtime.config.yaml_file import Document, FileProblem, Problem, load, validate_document
from status.domain.components import ComponentStatus
from status.domain.incidents import Impact
from status.domain.reports import Trigger

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
"""First parts of paths that the service itself serves: no desk's page can stand there."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Berlin") from error
    return name


def _duration(value: object) -> object:
    """`30m`, `90s`, `1h`: a number and its unit."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,6})\s*([smhd])", value.strip())
    if match is None:
        raise ValueError(f"{value!r} is no duration; write a number and s, m, h or d, like 30m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
PublicId = Annotated[str, Field(pattern=r"^[a-z0-9]{12}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
WebAddress = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]
HostName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$")]
Message = Annotated[str, Field(min_length=1, max_length=10_000)]
Zone = Annotated[str, AfterValidator(_zone)]
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PageFile(_Part):
    """Whose page it is. `url` and `id` are for a page that has them already."""

    name: Name
    zone: Zone = "Etc/UTC"
    host: HostName | None = Field(None, description="Host name under which the page is served.")
    url: WebAddress | None = Field(None, description="Public address, if it is not the default.")
    id: PublicId | None = None
    about: Annotated[str, Field(max_length=1000)] | None = None
    support_url: WebAddress | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"


class ComponentFile(_Part):
    """One component, or with `components` a group of them."""

    key: Slug
    name: Name
    description: Annotated[str, Field(max_length=1000)] | None = None
    id: PublicId | None = Field(None, description="Its id on an earlier Statuspage, to keep it.")
    start_date: date | None = None
    showcase: bool = False
    only_show_if_degraded: bool = False
    components: Annotated[list["ComponentFile"], Field(min_length=1)] | None = None


class IncidentFile(_Part):
    """What an incident that opens by itself says. Plain text: it is public at once."""

    name: Name
    message: Message
    status: Literal["investigating", "identified"] = "investigating"
    impact: Literal[Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL] | None = None
    components: dict[Slug, ComponentStatus] = Field(default_factory=dict)


class RuleFile(_Part):
    """When an incident opens without a publisher. Lists left out mean any."""

    key: Slug
    any_of: Annotated[list[Trigger], Field(min_length=1)]
    severities: list[str] = Field(default_factory=list)
    products: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    only_confirmed: bool = False
    incident: IncidentFile


class MaintenanceFile(_Part):
    """What a maintenance says when its window begins and ends; null leaves that to a person."""

    start_message: Message | None = "The planned maintenance has begun."
    end_message: Message | None = "The planned maintenance is completed."


class StatusFile(_Part):
    """The whole file."""

    desk: Slug | None = Field(None, description="The desk's id, as its folder is called.")
    page: PageFile
    components: list[ComponentFile] = Field(default_factory=list)
    open_incident_when: list[RuleFile] = Field(default_factory=list)
    update_every: Duration | None = Field(
        None, description="Within what time an open incident is said to get its next update."
    )
    maintenances: MaintenanceFile = MaintenanceFile()


def read(path: Path) -> tuple[StatusFile | None, list[Problem]]:
    """The desk's file at `path`, or every problem in it, each with its line."""
    try:
        document = load(path)
    except FileProblem as error:
        return None, [error.problem]
    file, problems = validate_document(document, StatusFile)
    if file is None:
        return None, problems
    problems = [*_desk(file, document), *_components(file, document), *_rules(file, document)]
    return (None, problems) if problems else (file, [])


def check_desk_file(path: Path) -> list[Problem]:
    """All problems of the desk's file at `path`, cross references included."""
    return read(path)[1]


def _desk(file: StatusFile, document: Document) -> Iterator[Problem]:
    desk = document.file.resolve().parent.name
    if file.desk is not None and file.desk != desk:
        message = f"the file says desk `{file.desk}` but stands in the folder `{desk}`"
        yield document.problem(("desk",), message, "the folder's name is the desk's id")
    if desk in RESERVED:
        hint = "give the desk's folder another name"
        yield document.problem((), f"no page can stand under /{desk}/: the path is taken", hint)


def _components(file: StatusFile, document: Document) -> Iterator[Problem]:
    keys: set[str] = set()
    ids: set[str] = set()
    for steps, component in _walk(file):
        if component.key in keys:
            yield document.problem((*steps, "key"), f"`{component.key}` is used twice")
        if component.id in ids:
            yield document.problem((*steps, "id"), f"the id {component.id} is used twice")
        if component.components and len(steps) > 2:
            hint = "components have one level of groups"
            yield document.problem((*steps, "components"), "a group in a group", hint)
        keys.add(component.key)
        if component.id is not None:
            ids.add(component.id)


def _walk(file: StatusFile) -> Iterator[tuple[tuple[str | int, ...], ComponentFile]]:
    pending = [(("components", index), one) for index, one in enumerate(file.components)]
    stack: list[tuple[tuple[str | int, ...], ComponentFile]] = list(reversed(pending))
    while stack:
        steps, component = stack.pop()
        yield steps, component
        inner = enumerate(component.components or [])
        stack += reversed([((*steps, "components", index), one) for index, one in inner])


def _rules(file: StatusFile, document: Document) -> Iterator[Problem]:
    leaves = {one.key for _, one in _walk(file) if not one.components}
    groups = {one.key for _, one in _walk(file) if one.components}
    seen: set[str] = set()
    for index, rule in enumerate(file.open_incident_when):
        steps = ("open_incident_when", index)
        if rule.key in seen:
            yield document.problem((*steps, "key"), f"`{rule.key}` is used twice")
        seen.add(rule.key)
        if Trigger.BROKEN not in rule.any_of and (rule.metrics or rule.only_confirmed):
            hint = f"add {Trigger.BROKEN} to any_of, or remove them"
            message = "metrics and only_confirmed say something about broken promises only"
            yield document.problem((*steps, "any_of"), message, hint)
        for key in rule.incident.components:
            place = (*steps, "incident", "components", key)
            if key in groups:
                hint = "name its components: a group is as bad as the worst of them"
                yield document.problem(place, f"`{key}` is a group", hint)
            elif key not in leaves:
                hint = f"known are: {', '.join(sorted(leaves)) or 'none'}"
                yield document.problem(place, f"there is no component `{key}`", hint)
