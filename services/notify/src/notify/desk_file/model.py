"""The shape of a desk's `notify.yaml`, as people write it. `load` turns it into the domain."""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pledge.events.addresses import normal_address
from pledge.runtime.desk_file.model import Like, Part, Slug, Words, Zone, one_or_more
from pledge.runtime.durations import AnyDuration

_TARGET = re.compile(r"(receiver|person|rotation):[a-z0-9-]+")


def _address(value: str) -> str:
    normal = normal_address(value)
    if normal is None:
        raise ValueError("is not a mail address; write it like support@desk.example")
    return normal


def _target(value: str) -> str:
    if not _TARGET.fullmatch(value):
        raise ValueError("write receiver:NAME, person:NAME or rotation:NAME")
    return value


def _at_least_a_second(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least 1s")
    return value


Wait = Annotated[AnyDuration, AfterValidator(_at_least_a_second)]
Address = Annotated[str, AfterValidator(_address)]
Target = Annotated[str, AfterValidator(_target)]
Phone = Annotated[str, Like(r"^\+[1-9][0-9]{5,14}$", "a number such as +15550100, in quotes")]


class PersonSection(Part):
    """Somebody to notify. `methods`: "email", "voice" or names of receivers; all are used."""

    name: str
    email: Address | None = None
    phone: Phone | None = None
    zone: Zone | None = None
    language: str | None = None
    methods: Annotated[list[str], Field(min_length=1)] = Field(default_factory=lambda: ["email"])


class OverrideSection(Part):
    """`person` takes over from `from` up to `until`, both with their offset from UTC."""

    person: Slug
    starts_at: datetime = Field(alias="from")
    ends_at: datetime = Field(alias="until")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise ValueError("write times with their offset, such as 2026-12-24T08:00:00+01:00")
        if self.ends_at <= self.starts_at:
            raise ValueError("`until` must come after `from`")
        return self


class RotationSection(Part):
    """People who take turns; a weekly rotation hands off on the weekday of `first_day`."""

    people: Annotated[list[Slug], Field(min_length=1)]
    period: Literal["daily", "weekly"]
    first_day: date
    hand_off: time
    zone: Zone | None = None
    overrides: list[OverrideSection] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        ordered = sorted(self.overrides, key=lambda override: override.starts_at)
        for earlier, later in pairwise(ordered):
            if later.starts_at < earlier.ends_at:
                since = later.starts_at.astimezone(UTC).isoformat()
                raise ValueError(f"two overrides cover {since}; only one person can be on call")
        return self


class ReceiverSection(Part):
    """A machine that takes signed webhooks. `${NAME}` in `url` is filled in from the settings."""

    url: Annotated[
        str, Like(r"^(https?://|\$\{)(.|\n)*$", "a web address, or one that begins with ${NAME}")
    ]
    zone: Zone = "UTC"


class VoiceSection(Part):
    """Calls to people. The account at the provider is the operator's to give."""

    number: Phone = Field(alias="from")


class StepSection(Part):
    """Whom to notify, and how long to wait for an acknowledgement."""

    notify: Annotated[list[Target], BeforeValidator(one_or_more), Field(min_length=1)]
    wait: Wait


class EscalationSection(Part):
    """Steps in their order, walked through once and `repeats` times more."""

    steps: Annotated[list[StepSection], Field(min_length=1)]
    repeats: Annotated[int, Field(ge=0, le=100)] = 0


class WhenSection(Part):
    """Everything that is named must hold. `complete` and `entitled` ask about `ticket.opened`.

    `channel` is that of the event, `contacted_by` any by which the requester has come until then.
    """

    event: Words
    severity: Words = Field(default_factory=list)
    priority: Words = Field(default_factory=list)
    metric: Words = Field(default_factory=list)
    channel: Words = Field(default_factory=list)
    contacted_by: Words = Field(default_factory=list)
    urgent: bool | None = None
    complete: bool | None = None
    entitled: bool | None = None


class EmailSection(Part):
    """Whom to mail: requester, participants (those in copy), person:NAME, rotation:NAME or an
    address."""

    to: Annotated[list[str], BeforeValidator(one_or_more), Field(min_length=1)]
    template: str


class ChatSection(Part):
    """A message to a receiver."""

    receiver: Slug
    template: str


class RouteSection(Part):
    """One line of the routing."""

    name: str
    when: WhenSection
    page: Slug | None = None
    email: EmailSection | None = None
    chat: ChatSection | None = None

    @model_validator(mode="after")
    def _check_effect(self) -> Self:
        if not (self.page or self.email or self.chat):
            raise ValueError("a route needs at least one of `page`, `email` and `chat`")
        return self


class TemplateSection(Part):
    """Jinja2: subject and text as they are, html with escaping."""

    text: str
    subject: str = ""
    html: str | None = None


class BrakeSection(Part):
    """At most so many automatic mails to one address within this time."""

    mails: Annotated[int, Field(ge=1)] = 20
    within: Wait = timedelta(hours=1)


class NotifyFile(Part):
    """Who is notified of what, and how, for one desk."""

    title: str
    zone: Zone
    language: str = "en"
    sender: Address
    own_addresses: list[Address] = Field(default_factory=list)
    late_after: Wait = timedelta(seconds=30)
    mail_brake: BrakeSection = BrakeSection()
    reachable_hosts: list[str] = Field(default_factory=list)
    people: dict[Slug, PersonSection] = Field(default_factory=dict)
    rotations: dict[Slug, RotationSection] = Field(default_factory=dict)
    receivers: dict[Slug, ReceiverSection] = Field(default_factory=dict)
    voice: VoiceSection | None = None
    escalations: dict[Slug, EscalationSection] = Field(default_factory=dict)
    routes: list[RouteSection] = Field(default_factory=list)
    templates: dict[str, dict[str, TemplateSection]] = Field(default_factory=dict)
