"""The shape of a desk's `notify.yaml`, as people write it. `policy` turns it into the domain."""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_SPAN = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+(?:\.\d+)?)s)?")
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]+@[A-Za-z0-9.-]+")
_TARGET = re.compile(r"(receiver|person|rotation):[a-z0-9-]+")


def _span(value: object) -> object:
    """Read 30s, 5m, 1h30m, 2d as durations."""
    if not isinstance(value, str):
        raise ValueError("write a duration with its unit, such as 30s, 5m or 1h30m")  # noqa: TRY004
    match = _SPAN.fullmatch(value.strip())
    if match is None or not any(match.groups()):
        raise ValueError("is not a duration; write it like 30s, 5m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a time zone; write an IANA name such as Europe/Berlin")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("is not a mail address; write it like support@desk.example")
    return value


def _target(value: str) -> str:
    if not _TARGET.fullmatch(value):
        raise ValueError("write receiver:NAME, person:NAME or rotation:NAME")
    return value


def _at_least_a_second(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least 1s")
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
Wait = Annotated[timedelta, BeforeValidator(_span), AfterValidator(_at_least_a_second)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Target = Annotated[str, AfterValidator(_target)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{5,14}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_as_list)]


class Section(BaseModel):
    """A part of the file: a key nobody knows is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonSection(Section):
    """Somebody who can be told. `methods`: "email", "voice" or names of receivers, all are used."""

    name: str
    email: Address | None = None
    phone: Phone | None = None
    zone: Zone | None = None
    language: str | None = None
    methods: Annotated[list[str], Field(min_length=1)] = ["email"]


class OverrideSection(Section):
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


class RotationSection(Section):
    """People who take turns; a weekly rotation hands off on the weekday of `first_day`."""

    people: Annotated[list[Slug], Field(min_length=1)]
    period: Literal["daily", "weekly"]
    first_day: date
    hand_off: time
    zone: Zone | None = None
    overrides: list[OverrideSection] = []

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        ordered = sorted(self.overrides, key=lambda override: override.starts_at)
        for earlier, later in pairwise(ordered):
            if later.starts_at < earlier.ends_at:
                since = later.starts_at.astimezone(UTC).isoformat()
                raise ValueError(f"two overrides cover {since}; only one person can be on call")
        return self


class ReceiverSection(Section):
    """A machine that takes signed webhooks. `${NAME}` in `url` is filled in from the settings."""

    url: Annotated[str, Field(pattern=r"^(https?://|\$\{)")]
    zone: Zone = "UTC"


class VoiceSection(Section):
    """Calls to people. The account at the provider is the operator's to give."""

    number: Phone = Field(alias="from")


class StepSection(Section):
    """Whom to tell, and how long to wait for an acknowledgement."""

    notify: Annotated[list[Target], BeforeValidator(_as_list), Field(min_length=1)]
    wait: Wait


class EscalationSection(Section):
    """Steps in their order, walked through once and `repeats` times more."""

    steps: Annotated[list[StepSection], Field(min_length=1)]
    repeats: Annotated[int, Field(ge=0, le=100)] = 0


class WhenSection(Section):
    """Everything that is named must hold. `complete` and `entitled` ask about `ticket.opened`."""

    event: Words
    severity: Words = []
    priority: Words = []
    metric: Words = []
    channel: Words = []
    urgent: bool | None = None
    complete: bool | None = None
    entitled: bool | None = None


class EmailSection(Section):
    """Whom to mail: requester, person:NAME, rotation:NAME or an address."""

    to: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    template: str


class ChatSection(Section):
    """A message to a receiver."""

    receiver: Slug
    template: str


class RouteSection(Section):
    """One line of the routing."""

    name: str
    when: WhenSection
    page: Slug | None = None
    email: EmailSection | None = None
    chat: ChatSection | None = None

    @model_validator(mode="after")
    def _check_effect(self) -> Self:
        if not (self.page or self.email or self.chat):
            raise ValueError("a route needs at least one of page, email, chat")
        return self


class TemplateSection(Section):
    """Jinja2: subject and text as they are, html with escaping."""

    text: str
    subject: str = ""
    html: str | None = None


class BrakeSection(Section):
    """At most so many automatic mails to one address within this time."""

    mails: Annotated[int, Field(ge=1)] = 20
    within: Wait = timedelta(hours=1)


class NotifyFile(Section):
    """Who is told what, when, and how, for one desk."""

    title: str
    zone: Zone
    language: str = "en"
    sender: Address
    own_addresses: list[Address] = []
    late_after: Wait = timedelta(seconds=30)
    mail_brake: BrakeSection = BrakeSection()
    reachable_hosts: list[str] = []
    people: dict[Slug, PersonSection] = {}
    rotations: dict[Slug, RotationSection] = {}
    receivers: dict[Slug, ReceiverSection] = {}
    voice: VoiceSection | None = None
    escalations: dict[Slug, EscalationSection] = {}
    routes: list[RouteSection] = []
    templates: dict[str, dict[str, TemplateSection]] = {}
