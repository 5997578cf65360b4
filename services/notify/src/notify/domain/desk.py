"""The rules of a desk's notify file: people, rotations, receivers, policies, routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, partial

from notify.domain.oncall import Rotation, on_call
from notify.domain.page import EscalationPolicy
from notify.domain.routing import Route

PERSON_NEEDS: Mapping[str, tuple[str, str]] = {
    "email": ("email", "email address"),
    "voice": ("phone", "phone number"),
}
"""The channels that reach a person directly: the person's field that each needs, and its name in
words. Any other method is the name of a receiver."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be notified. `methods` are "email", "voice" or names of receivers."""

    name: str
    full_name: str
    email: str | None
    zone: str  # IANA name; every time this person reads is shown in it
    language: str
    methods: tuple[str, ...]  # at least one
    phone: str | None = None  # E.164: called by "voice"


class ReceiverKind(StrEnum):
    """The protocol of a receiver."""

    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A machine that takes pages or chat messages. `secret` signs what is sent to it."""

    name: str
    kind: ReceiverKind
    url: str
    secret: str = field(repr=False)
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Voice:
    """How the desk calls people: the number shown, and its account at the provider."""

    number: str  # E.164
    account: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Template:
    """Jinja2 sources. `html` is escaped as it is filled, `subject` and `text` are plain."""

    text: str
    subject: str = ""
    html: str | None = None


@dataclass(frozen=True)
class Desk:
    """One desk's rules for executor people."""

    name: str
    title: str
    zone: str
    language: str
    sender: str  # From of every mail, an address
    own_addresses: frozenset[str]  # lower case: mails to these would come back to us
    people: Mapping[str, Person]
    rotations: Mapping[str, Rotation]
    receivers: Mapping[str, Receiver]
    policies: Mapping[str, EscalationPolicy]
    routes: tuple[Route, ...]
    templates: Mapping[str, Mapping[str, Template]]  # name -> language -> template
    late_after: timedelta
    mails_per_address: int  # automatic mails to one address within `mails_within`
    mails_within: timedelta
    reachable_hosts: frozenset[str]  # private hosts this desk's webhooks may reach all the same
    voice: Voice | None = None  # None: the desk makes no calls

    @cached_property
    def routed_events(self) -> frozenset[str]:
        """The events that some route names."""
        return frozenset(event for line in self.routes for event in line.when.events)

    def template(self, name: str, language: str) -> Template:
        """The template in this language, else in the desk's, else in whichever there is."""
        versions = self.templates[name]
        for wanted in (language, language.partition("-")[0], self.language):
            if wanted in versions:
                return versions[wanted]
        return next(iter(versions.values()))


@dataclass(frozen=True, slots=True)
class ContactMethod:
    """One way to reach somebody: a channel, and the target it delivers to."""

    channel: str  # "email", "voice" or "webhook"
    target: str  # a mail address, a phone number or a receiver's name
    name: str
    zone: str  # IANA name
    language: str
    person: Person | None  # None: a receiver that belongs to no person

    @property
    def responder(self) -> str:
        """Who acknowledges a page that was sent this way."""
        return self.person.name if self.person else self.target

    @property
    def key(self) -> tuple[str, str]:
        """Distinguishes the deliveries of one step. Two people behind one receiver get a
        message each."""
        if self.channel == "webhook":
            return (self.channel, f"{self.target}/{self.person.name if self.person else ''}")
        return (self.channel, self.target)


def contact_methods(desk: Desk, target: str, at: datetime) -> tuple[ContactMethod, ...]:
    """How to reach a step's target ("receiver:r", "person:p", "rotation:r") at this instant.

    Empty for a target that the desk's file no longer has (the policy was copied earlier).
    """
    kind, _, name = target.partition(":")
    if kind == "receiver":
        receiver = desk.receivers.get(name)
        if receiver is None:
            return ()
        return (ContactMethod("webhook", name, name, receiver.zone, desk.language, None),)
    if kind == "rotation" and name in desk.rotations:
        name = on_call(desk.rotations[name], at)
    person = desk.people.get(name)
    if person is None:
        return ()
    found = (_contact_method(desk, person, method) for method in person.methods)
    return tuple(each for each in found if each is not None)


def _contact_method(desk: Desk, person: Person, method: str) -> ContactMethod | None:
    """A method of a person's, by its name in the desk's file; None if it can't be used."""
    reach = partial(
        ContactMethod,
        name=person.full_name,
        zone=person.zone,
        language=person.language,
        person=person,
    )
    if method == "email" and person.email:
        return reach("email", person.email)
    if method == "voice" and person.phone and desk.voice:
        return reach("voice", person.phone)
    return reach("webhook", method) if method in desk.receivers else None
