"""Desk files into the domain: load all, or say every problem with its line."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from notify.desk_file.events import ROUTABLE_EVENTS
from notify.desk_file.model import NotifyFile, RotationSection, RouteSection
from notify.desk_file.summary import summary_of
from notify.domain.contact_methods import PERSON_NEEDS
from notify.domain.desk import (
    Desk,
    Person,
    Receiver,
    ReceiverKind,
    Template,
    Voice,
)
from notify.domain.oncall import Override, Period, Rotation
from notify.domain.page import EscalationPolicy, Step
from notify.domain.routing import ChatRule, Condition, EmailRule, Route
from notify.messages import render
from notify.messages.default_templates import BUILT_IN
from pledge.runtime.auth.key_derivation import webhook_secret
from pledge.runtime.desk_file.load import DeskFile, desk_of, load_each, read_desk_file
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.desk_file.yaml_file import Document, Steps

FILE_NAME = "notify.yaml"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ALLOWED_VARIABLE = re.compile(r"SINK_URL|RECEIVER_[A-Z0-9_]+")
_SIMPLE_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")

VoiceAccount = tuple[str, str]
"""A desk's account at the phone provider, and the token that it signs with."""


@dataclass(frozen=True, slots=True)
class OperatorGrants:
    """What the operator, not the desk, decides: URLs behind `${…}`, signing key, allowed hosts, and
    for each desk its account at the phone provider, which finds us at the public URL."""

    variables: Mapping[str, str]
    signing_secret: str
    reachable_hosts: frozenset[str]
    voice_account: Callable[[str], VoiceAccount | None] = lambda desk: None
    has_public_url: bool = True


def check_desk_file(path: Path) -> DeskFileReport:
    """Every problem of the file at `path`, and what the desk's other files may contradict."""
    file, problems = _read(path)
    return DeskFileReport(problems, summary_of(file.document, file.model) if file else None)


def load_desks(folder: Path, grants: OperatorGrants) -> dict[str, Desk]:
    """Every desk in the folder that has a notify file, by name. Raises DeskFileError."""

    def load(path: Path) -> tuple[DeskFile[NotifyFile] | None, list[Problem]]:
        file, problems = _read(path)
        if file is not None:
            problems += _missing_variables(file, grants.variables)
            problems += _hosts_not_granted(file, grants.reachable_hosts)
            problems += _no_calls(file, grants)
        return file, problems

    files, problems = load_each(folder, FILE_NAME, load)
    if problems:
        raise DeskFileError(problems)
    return {name: build_desk(name, file.model, grants) for name, file in files.items()}


def build_desk(name: str, file: NotifyFile, grants: OperatorGrants) -> Desk:
    """The domain's desk of a checked file."""
    own = {address.lower() for address in (*file.own_addresses, file.sender)}
    return Desk(
        name=name,
        title=file.title,
        zone=file.zone,
        language=file.language,
        sender=file.sender,
        own_addresses=frozenset(own),
        people={key: _person(file, key) for key in file.people},
        rotations={key: _rotation(key, one, file.zone) for key, one in file.rotations.items()},
        receivers={key: _receiver(name, file, key, grants) for key in file.receivers},
        policies={key: _policy(file, key) for key in file.escalations},
        routes=tuple(_route(section) for section in file.routes),
        templates={**BUILT_IN, **_templates(file)},
        late_after=file.late_after,
        mails_per_address=file.mail_brake.mails,
        mails_within=file.mail_brake.within,
        reachable_hosts=grants.reachable_hosts,
        voice=_voice(name, file, grants),
    )


def _voice(desk: str, file: NotifyFile, grants: OperatorGrants) -> Voice | None:
    account = grants.voice_account(desk)
    return Voice(file.voice.number, *account) if file.voice and account else None


def _person(file: NotifyFile, key: str) -> Person:
    section = file.people[key]
    return Person(
        name=key,
        full_name=section.name,
        email=section.email,
        zone=section.zone or file.zone,
        language=section.language or file.language,
        methods=tuple(section.methods),
        phone=section.phone,
    )


def _rotation(key: str, section: RotationSection, zone: str) -> Rotation:
    return Rotation(
        name=key,
        people=tuple(section.people),
        period=Period(section.period),
        zone=ZoneInfo(section.zone or zone),
        first_day=section.first_day,
        hand_off=section.hand_off,
        overrides=tuple(
            Override(each.person, each.starts_at, each.ends_at) for each in section.overrides
        ),
    )


def _receiver(desk: str, file: NotifyFile, key: str, grants: OperatorGrants) -> Receiver:
    section = file.receivers[key]
    variables = grants.variables
    return Receiver(
        name=key,
        kind=ReceiverKind.WEBHOOK,
        url=_VARIABLE.sub(lambda match: variables[match[1]], section.url),
        secret=webhook_secret(grants.signing_secret, desk, key),
        zone=section.zone,
    )


def _policy(file: NotifyFile, key: str) -> EscalationPolicy:
    section = file.escalations[key]
    steps = tuple(Step(tuple(step.notify), step.wait) for step in section.steps)
    return EscalationPolicy(key, steps, section.repeats)


def _route(section: RouteSection) -> Route:
    when = section.when
    return Route(
        name=section.name,
        when=Condition(
            events=tuple(when.event),
            severities=tuple(when.severity),
            priorities=tuple(when.priority),
            metrics=tuple(when.metric),
            channels=tuple(when.channel),
            contacted_by=tuple(when.contacted_by),
            is_urgent=when.urgent,
            is_complete=when.complete,
            is_entitled=when.entitled,
        ),
        page=section.page,
        email=EmailRule(tuple(section.email.to), section.email.template) if section.email else None,
        chat=ChatRule(section.chat.receiver, section.chat.template) if section.chat else None,
    )


def _templates(file: NotifyFile) -> dict[str, dict[str, Template]]:
    return {
        name: {
            language: Template(one.text, one.subject, one.html) for language, one in each.items()
        }
        for name, each in file.templates.items()
    }


def _read(path: Path) -> tuple[DeskFile[NotifyFile] | None, list[Problem]]:
    return read_desk_file(
        path,
        NotifyFile,
        _check_people,
        _check_rotations,
        _check_receivers,
        _check_escalations,
        _check_routes,
        _check_templates,
    )


def _missing_variables(file: DeskFile[NotifyFile], variables: Mapping[str, str]) -> list[Problem]:
    return [
        file.document.problem(
            ("receivers", key, "url"),
            f"${{{name}}} has no value in this installation",
            "set it in PLEDGE_NOTIFY_VARIABLES, or for SINK_URL set PLEDGE_SINK_PUBLIC_URL",
        )
        for key, receiver in file.model.receivers.items()
        for name in _VARIABLE.findall(receiver.url)
        if name not in variables
    ]


def _hosts_not_granted(file: DeskFile[NotifyFile], granted: frozenset[str]) -> list[Problem]:
    """Private hosts that a desk asks for and the operator does not let it reach."""
    return [
        file.document.problem(
            ("reachable_hosts", index),
            f"webhooks may not reach the private host {host} in this installation",
            "its operator names it in PLEDGE_NOTIFY_REACHABLE_HOSTS; public hosts need no entry",
        )
        for index, host in enumerate(file.model.reachable_hosts)
        if host.lower() not in granted
    ]


def _no_calls(file: DeskFile[NotifyFile], grants: OperatorGrants) -> list[Problem]:
    if file.model.voice is None:
        return []
    desk, problems = desk_of(file.document.file), []
    if grants.voice_account(desk) is None:
        message = f"the desk {desk} has no account at the phone provider in this installation"
        hint = "its operator gives one in PLEDGE_NOTIFY_VOICE_ACCOUNTS"
        problems.append(file.document.problem(("voice",), message, hint))
    if not grants.has_public_url:
        message = "the phone provider can't report who took a page: it does not know our address"
        hint = "the operator sets PLEDGE_NOTIFY_PUBLIC_URL to where the provider reaches notify"
        problems.append(file.document.problem(("voice",), message, hint))
    return problems


def _check_people(document: Document, file: NotifyFile) -> Iterator[Problem]:
    for key, person in file.people.items():
        for index, method in enumerate(person.methods):
            where = ("people", key, "methods", index)
            if method not in PERSON_NEEDS:
                if method not in file.receivers:
                    yield document.unknown(where, "receiver", method, file.receivers)
                continue
            field, words = PERSON_NEEDS[method]
            if getattr(person, field) is None:
                yield document.problem(where, f"{key} has no {words}", f"add `{field}`")
            if method == "voice" and file.voice is None:
                hint = 'add voice: {from: "+15550100"}, the number that is shown'
                yield document.problem(where, "the desk's file has no `voice`", hint)


def _check_rotations(document: Document, file: NotifyFile) -> Iterator[Problem]:
    for key, rotation in file.rotations.items():
        places: list[tuple[Steps, str]] = [
            (("people", index), name) for index, name in enumerate(rotation.people)
        ]
        places += [
            (("overrides", index, "person"), each.person)
            for index, each in enumerate(rotation.overrides)
        ]
        for steps, name in places:
            if name not in file.people:
                where = ("rotations", key, *steps)
                yield document.unknown(where, "person", name, file.people)


def _check_receivers(document: Document, file: NotifyFile) -> Iterator[Problem]:
    for key, receiver in file.receivers.items():
        for name in _VARIABLE.findall(receiver.url):
            if not _ALLOWED_VARIABLE.fullmatch(name):
                yield document.problem(
                    ("receivers", key, "url"),
                    f"${{{name}}} is not available in desks' files",
                    "use SINK_URL or a name that begins with RECEIVER_",
                )


def _check_escalations(document: Document, file: NotifyFile) -> Iterator[Problem]:
    for key, escalation in file.escalations.items():
        for number, step in enumerate(escalation.steps):
            for index, target in enumerate(step.notify):
                where = ("escalations", key, "steps", number, "notify", index)
                yield from _check_target(document, file, where, target)


def _check_target(
    document: Document, file: NotifyFile, where: Steps, target: str
) -> Iterator[Problem]:
    kind, _, name = target.partition(":")
    among: dict[str, Mapping[str, object]] = {
        "receiver": file.receivers,
        "person": file.people,
        "rotation": file.rotations,
    }
    if name not in among[kind]:
        yield document.unknown(where, kind, name, among[kind])


def _check_routes(document: Document, file: NotifyFile) -> Iterator[Problem]:
    names: set[str] = set()
    templates = {**BUILT_IN, **file.templates}
    for number, route in enumerate(file.routes):
        at = ("routes", number)
        if route.name in names:
            yield document.twice((*at, "name"), route.name)
        names.add(route.name)
        for event in route.when.event:
            if event not in ROUTABLE_EVENTS:
                at_event = (*at, "when", "event")
                yield document.unknown(at_event, "event", event, sorted(ROUTABLE_EVENTS))
        if route.page and route.page not in file.escalations:
            yield document.unknown((*at, "page"), "escalation", route.page, file.escalations)
        yield from _check_messages(document, file, at, route, templates)


def _check_messages(
    document: Document,
    file: NotifyFile,
    at: Steps,
    route: RouteSection,
    templates: Mapping[str, object],
) -> Iterator[Problem]:
    if route.email:
        if route.email.template not in templates:
            where = (*at, "email", "template")
            yield document.unknown(where, "template", route.email.template, templates)
        for index, to in enumerate(route.email.to):
            yield from _check_addressee(document, file, (*at, "email", "to", index), to)
    if route.chat:
        if route.chat.template not in templates:
            where = (*at, "chat", "template")
            yield document.unknown(where, "template", route.chat.template, templates)
        if route.chat.receiver not in file.receivers:
            where = (*at, "chat", "receiver")
            yield document.unknown(where, "receiver", route.chat.receiver, file.receivers)


def _check_addressee(
    document: Document, file: NotifyFile, where: Steps, to: str
) -> Iterator[Problem]:
    if to in ("requester", "participants") or (_SIMPLE_ADDRESS.fullmatch(to) and ":" not in to):
        return
    if not to.startswith(("person:", "rotation:")):
        hint = "write requester, participants, person:NAME, rotation:NAME or a mail address"
        yield document.problem(where, f"`{to}` can't be mailed", hint)
        return
    yield from _check_target(document, file, where, to)


def _check_templates(document: Document, file: NotifyFile) -> Iterator[Problem]:
    for name, versions in _templates(file).items():
        for language, template in versions.items():
            for part, error in render.check(template).items():
                yield document.problem(("templates", name, language, part), error)
