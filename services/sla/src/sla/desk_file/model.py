"""The shape of a desk's `sla.yaml`. What it means is in `load`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    InstanceOf,
    Tag,
    WithJsonSchema,
    model_validator,
)

from pledge.runtime.desk_file.model import Like, Part
from pledge.runtime.durations import EXPECTED, Duration, parse_duration
from sla.desk_file.business_days import MOST_DAYS, BusinessDays, business_days
from sla.desk_file.calendar_schema import CALENDAR_SCHEMA
from sla.desk_file.matrix import MatrixPart
from sla.desk_file.objectives import ObjectivePart
from sla.desk_file.team import starts_may_be_left_out, written_out
from sla.desk_file.when import Plain, When
from sla.domain.calendar.zones import MICROSECOND
from sla.domain.policy.counting import Counts
from sla.domain.policy.rules import Reopening, Repeats, Threshold, VersionScope

MOST_CUSTOMERS = 5_000
"""Customers with hours of their own in one file: each is read whenever the file is, at some
milliseconds each, and as many fill a file of 512 KiB."""

Name = Annotated[
    str,
    Like(
        r"^[a-z][a-z0-9_-]{0,63}$",
        "small letters, digits, dashes and underscores, such as first_response",
    ),
]
MilestoneName = Annotated[
    str,
    Like(
        r"^[a-z][a-z0-9_]{0,62}$",
        "small letters, digits and underscores, such as service_restored",
    ),
]


class TriggerModel(Part):
    """A type of fact, what its fields must say, and what the ticket must be."""

    fact: str = Field(description="e.g. agent_replied")
    where: When = Field(default_factory=dict, description="e.g. {is_initial_response: true}")
    when: When = Field(default_factory=dict, description="What the ticket must be at that moment.")


_TRIGGER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "A type of fact: opened, agent_replied, resolved, …"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["fact"],
            "properties": {
                "fact": {"type": "string"},
                "where": {"type": "object", "description": "What its fields must say."},
                "when": {"type": "object", "description": "What the ticket must be then."},
            },
        },
    ]
}


def _as_trigger(value: object) -> object:
    return {"fact": value} if isinstance(value, str) else value


TriggerPart = Annotated[
    TriggerModel, BeforeValidator(_as_trigger, json_schema_input_type=str | TriggerModel)
]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


Triggers = Annotated[
    list[TriggerPart],
    BeforeValidator(_as_list),
    WithJsonSchema(
        {"anyOf": [*_TRIGGER_SCHEMA["anyOf"], {"type": "array", "items": _TRIGGER_SCHEMA}]}
    ),
]


class PausePart(Part):
    """The timer is paused from `on` until one of `until`."""

    on: TriggerPart
    until: Triggers = Field(min_length=1)


class CalendarCase(Part):
    """A calendar that holds under a condition; the last one needs none."""

    when: When = Field(default_factory=dict)
    use: str


def _kind_of_choice(value: object) -> str:
    return "list" if isinstance(value, list) else "name"


CalendarChoice = Annotated[
    Annotated[str, Tag("name")] | Annotated[list[CalendarCase], Tag("list")],
    Discriminator(_kind_of_choice),
]


def _within(value: object) -> object:
    if isinstance(value, BusinessDays | timedelta):
        return value
    text = value if isinstance(value, str) else ""
    found = parse_duration(text) or business_days(text)
    if not found:
        raise ValueError(f"{EXPECTED}; or business days, such as 3bd, up to {MOST_DAYS}")
    return found


Within = Annotated[
    timedelta | BusinessDays,
    BeforeValidator(_within),
    WithJsonSchema({"type": "string", "examples": ["90m", "4h", "3bd", "3 business days"]}),
]
"""So much time, or so many business days."""

Received = Literal["next_opening"]
"""When something counts as received that comes outside the calendar's hours."""


class TargetPart(Part):
    """One rule: under `when` (and with `during` or `outside` at the start) this is promised.

    One of `within`, `by`, `expect`, `measure` and `no_promise` says what.
    """

    when: When = Field(default_factory=dict)
    during: str | None = Field(default=None, description="A calendar open at the start.")
    outside: str | None = Field(default=None, description="A calendar closed at the start.")
    within: Within | None = Field(
        default=None, description="Counted on the calendar, or in its business days: `4h`, `3bd`."
    )
    by: str | None = Field(
        default=None,
        description="`close of same|next|2nd|… business day`, `12:00 of the next business day`, "
        "or `time given in <field>`.",
    )
    received: Received | None = Field(
        default=None, description="`by` counts from then; as it was received, if not given."
    )
    expect: str | None = Field(
        default=None, description="The softer promise, as `within` or `by`; never a breach."
    )
    calendar: CalendarChoice | None = None
    closing: CalendarChoice | None = Field(
        default=None, description="The calendar whose zone and closing end the business day."
    )
    measure: Literal[True] | None = Field(default=None, description="Measured, not promised.")
    no_promise: Literal[True] | None = Field(default=None, description="No timer at all.")


def _kind_of_targets(value: object) -> str:
    return "tracks" if isinstance(value, dict) else "list"


Targets = Annotated[
    Annotated[list[TargetPart], Tag("list")]
    | Annotated[dict[Name, list[TargetPart]], Tag("tracks")],
    Discriminator(_kind_of_targets),
]


def _threshold(value: object) -> object:
    if isinstance(value, str):
        text = value.strip()
        if text.endswith("%") and text[:-1].isdigit() and 0 < int(text[:-1]) < 100:
            return Threshold(int(text[:-1]), None)
        if text.endswith(" left") and (left := parse_duration(text.removesuffix(" left"))):
            return Threshold(None, left // MICROSECOND)
    raise ValueError('should be a percentage such as "75%", or a time such as "10m left"')


AtRisk = Annotated[
    InstanceOf[Threshold],
    BeforeValidator(_threshold),
    WithJsonSchema({"type": "string", "examples": ["75%", "10m left"]}),
]


class MetricPart(Part):
    """A promise: what moves its timer, and how long it may take."""

    model_config = ConfigDict(json_schema_extra=starts_may_be_left_out)

    title: str = ""
    team: Name | None = Field(
        default=None,
        description="Of this team of intake.yaml: begins when the ticket comes to it, ends when "
        "the ticket leaves it.",
    )
    starts: Triggers = Field(min_length=1)
    meets: Triggers = Field(min_length=1)
    pauses: list[PausePart] = Field(default_factory=list)
    cancels: Triggers = Field(default_factory=list)
    repeats: Repeats = Repeats.NEVER
    stops_after: int | None = Field(
        default=None,
        ge=1,
        le=500,
        description="With `repeats: on_meet`: so many missed in a row, 48 unless given, and no "
        "further interval begins until it is met.",
    )
    for_each: str | None = Field(
        default=None,
        description="A field of the facts, e.g. complaint_id: each value has a timer of its own.",
    )
    revisable: bool = Field(
        default=False,
        description="Agents may agree another due time with the customer: `revisable` in "
        "intake.yaml offers it.",
    )
    after: str | None = Field(default=None, description="Begins once this metric was met.")
    reopening: Reopening = Reopening.KEEP
    outlives_closing: bool = False
    at_risk: list[AtRisk] | None = None
    calendar: CalendarChoice | None = Field(default=None, description="For its targets.")
    closing: CalendarChoice | None = Field(default=None, description="For its targets.")
    received: Received | None = Field(
        default=None, description="For those of its targets that are due `by` a business day."
    )
    targets: Targets

    @model_validator(mode="before")
    @classmethod
    def _of_a_team(cls, value: object) -> object:
        return written_out(value)

    @model_validator(mode="after")
    def _repeats_as_it_may(self) -> Self:
        if self.stops_after is not None and self.repeats is not Repeats.ON_MEET:
            raise ValueError("should have `stops_after` only with `repeats: on_meet`")
        if self.revisable and self.repeats is Repeats.ON_MEET:
            raise ValueError("should not be `revisable` with `repeats: on_meet`: a metric is one")
        return self


class Floor(Part):
    """At least this severe, whatever is set."""

    when: When
    at_least: str


class Ceiling(Part):
    """At most this severe, whatever is set."""

    when: When
    at_most: str


class DefaultCase(Part):
    """The severity under some condition where nobody has set one; the last needs no condition."""

    when: When = Field(default_factory=dict)
    use: str


DefaultChoice = Annotated[
    Annotated[str, Tag("name")] | Annotated[list[DefaultCase], Tag("list")],
    Discriminator(_kind_of_choice),
]


class SeverityPart(Part):
    """The desk's severities."""

    levels: list[str] = Field(min_length=1, description="The most severe first.")
    default: DefaultChoice = Field(description="Where nobody has set one.")
    floors: list[Floor] = Field(default_factory=list)
    ceilings: list[Ceiling] = Field(default_factory=list)


class FlagPart(Part):
    """A yes-or-no attribute of the desk's own, off at first."""

    on: Triggers = Field(min_length=1)
    off: Triggers = Field(default_factory=list)


class SilencePart(Part):
    """A quiet ticket closes by itself after so many attempts and so long without a word, both."""

    when: When = Field(default_factory=dict)
    attempts: int = Field(default=0, ge=0, le=100)
    attempt: Triggers = Field(default_factory=list, description="What is an attempt that failed.")
    heard: Triggers = Field(min_length=1, description="Facts by which the customer was heard from.")
    quiet: Duration
    warn: Duration | None = Field(default=None, description="Announced so long before.")
    calendar: str = "always"


class CustomersPart(Part):
    """Customers' own hours. The calendar `customer` stands for those of the ticket's customer."""

    otherwise: str = Field(description="The calendar that `customer` is for all others.")
    calendars: dict[str, Annotated[Any, WithJsonSchema(CALENDAR_SCHEMA)]] = Field(
        min_length=1, max_length=MOST_CUSTOMERS, description="By customer, as tickets name it."
    )


class PolicyFile(Part):
    """A desk's promises: `deploy/desks/<desk>/sla.yaml`."""

    desk: str | None = Field(default=None, description="The folder's name, if not given.")
    label: str = Field(default="", description="For people, e.g. 2026-01.")
    effective_from: AwareDatetime | None = Field(
        default=None, description="Tickets opened from then on are under this version."
    )
    applies_to: VersionScope = Field(
        default=VersionScope.NEW, description="`open`: also to the tickets that are open then."
    )
    timezone: str = Field(default="UTC", description="In which explanations show times.")
    severity: SeverityPart | None = None
    matrix: MatrixPart | None = None
    defaults: dict[str, Plain] = Field(default_factory=dict, description="e.g. {plan: basic}")
    milestones: list[MilestoneName] = Field(
        default_factory=list,
        max_length=50,
        description="Facts of the desk's own, named as in intake.yaml, e.g. service_restored.",
    )
    flags: dict[Name, FlagPart] = Field(default_factory=dict)
    counts: dict[str, Counts] = Field(
        default_factory=dict,
        description="Since when a change of an attribute counts, e.g. {plan: from_opening}.",
    )
    at_risk: list[AtRisk] = Field(default_factory=lambda: [Threshold(75, None)])
    calendars: dict[Name, Annotated[Any, WithJsonSchema(CALENDAR_SCHEMA)]] = Field(
        default_factory=dict
    )
    customers: CustomersPart | None = None
    metrics: dict[Name, MetricPart] = Field(min_length=1)
    silences: dict[Name, SilencePart] = Field(default_factory=dict)
    objectives: dict[Name, ObjectivePart] = Field(default_factory=dict, max_length=50)
