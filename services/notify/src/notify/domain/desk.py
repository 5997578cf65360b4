"""The rules of a desk's notify file: people, rotations, receivers, policies, routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from notify.domain.oncall import Rotation
from notify.domain.page import EscalationPolicy
from notify.domain.routing import Route


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
