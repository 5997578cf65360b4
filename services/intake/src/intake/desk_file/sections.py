"""The small sections of `intake.yaml`, each as it is written and as the domain's value."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, time
from types import MappingProxyType
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from intake.desk_file.admission import AdministratorEntry, Label, administrators_of
from intake.desk_file.common import Domain, EventName, Name, Text, address_of
from intake.domain.chat_hours import ChatRules, Window
from intake.domain.desk import Customer, Desk, MilestoneKind, RevisablePromise, Team
from intake.domain.matrix import Level
from intake.domain.misuse import MisuseRule
from intake.domain.ticket_parts import CareRules
from pledge.runtime.desk_file.model import Part, WebAddress, Zone
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document


class SeverityDefinition(Part):
    """A severity with the words shown where it is chosen; `also` are other words by
    which requesters name it."""

    name: Name
    title: Text
    definition: Text
    examples: tuple[Text, ...] = ()
    also: tuple[Label, ...] = ()


def levels_of(severities: Iterable[SeverityDefinition]) -> tuple[Level, ...]:
    """The severities as the pages show them (VIR-16, SIS-16, SMS-06)."""
    return tuple(
        Level(each.name, each.title, each.definition, each.examples) for each in severities
    )


class CustomerEntry(Part):
    """A customer, recognised by the domain or address of the requester."""

    name: Text
    domains: tuple[Domain, ...] = ()
    addresses: tuple[str, ...] = ()
    plan: Name | None = None
    product: str | None = None
    is_trial: bool = False
    zone: Zone | None = None
    administrators: tuple[AdministratorEntry, ...] = ()

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(address_of(value) for value in values)


def with_customers(desk: Desk, entries: Sequence[CustomerEntry]) -> Desk:
    """The desk with its customers, by name, domain and address."""
    customers = [(each, _customer(each)) for each in entries]
    by_address = {
        address: customer
        for each, customer in customers
        for address in (*each.addresses, *(admin.email for admin in each.administrators))
    }
    return replace(
        desk,
        customers=MappingProxyType({each.name: customer for each, customer in customers}),
        customers_by_domain=MappingProxyType(
            {domain: customer for each, customer in customers for domain in each.domains}
        ),
        customers_by_address=MappingProxyType(by_address),
    )


def _customer(entry: CustomerEntry) -> Customer:
    return Customer(
        entry.name,
        entry.plan,
        entry.product,
        entry.is_trial,
        administrators_of(entry.administrators),
        entry.zone,
    )


class MilestoneEntry(Part):
    """A milestone that agents record on a ticket; sla.yaml knows it by the same name."""

    name: EventName
    title: Text


def milestones_of(entries: Iterable[MilestoneEntry]) -> tuple[MilestoneKind, ...]:
    """The milestones as the domain's values."""
    return tuple(MilestoneKind(each.name, each.title) for each in entries)


class TeamEntry(Part):
    """A team to which tickets are assigned."""

    name: Name
    title: Text


def teams_of(entries: Iterable[TeamEntry]) -> tuple[Team, ...]:
    """The teams as the domain's values."""
    return tuple(Team(each.name, each.title) for each in entries)


class RevisableEntry(Part):
    """A promise for which agents may agree another due time with the customer."""

    metric: Name
    title: Text


def revisable_of(entries: Iterable[RevisableEntry]) -> tuple[RevisablePromise, ...]:
    """The promises as the domain's values."""
    return tuple(RevisablePromise(each.metric, each.title) for each in entries)


class FeedbackSection(Part):
    """Which forms are feedback or complaints, who owns a complaint's steps, by role, from which
    rating down feedback wants an answer, and with which template of notify.yaml the requester of a
    closed ticket is asked for a rating (INF-10)."""

    forms: tuple[Name, ...] = ("feedback",)
    complaint_forms: tuple[Name, ...] = ("complaint",)
    low_rating: int = Field(default=3, ge=1, le=5)
    review_owner: Name = "management"
    arbitration_owner: Name = "management"
    ask_with: Name | None = None


def care_of(section: FeedbackSection) -> CareRules:
    """The rules as the domain's value."""
    return CareRules(
        review_owner=section.review_owner,
        arbitration_owner=section.arbitration_owner,
        feedback_forms=frozenset(section.forms),
        complaint_forms=frozenset(section.complaint_forms),
        low_rating=section.low_rating,
        rating_template=section.ask_with,
    )


class MisuseEntry(Part):
    """What came by one of `lines` and is triaged as another severity is recorded as misuse."""

    name: Name
    lines: tuple[str, ...] = Field(min_length=1)
    only_for: tuple[Name, ...] = Field(min_length=1)


def misuse_rules_of(entries: tuple[MisuseEntry, ...]) -> tuple[MisuseRule, ...]:
    """The rules as the domain's values."""
    return tuple(
        MisuseRule(each.name, frozenset(each.lines), frozenset(each.only_for)) for each in entries
    )


def check_misuse(
    document: Document,
    entries: tuple[MisuseEntry, ...],
    lines: Collection[str],
    severities: Collection[str],
) -> Iterator[Problem]:
    """Lines and severities that the desk does not have."""
    for index, entry in enumerate(entries):
        for key, names, known in (
            ("lines", entry.lines, lines),
            ("only_for", entry.only_for, severities),
        ):
            for place, name in enumerate(names):
                if name not in known:
                    kind = "severity" if key == "only_for" else "address or phone line"
                    yield document.unknown(("misuse", index, key, place), kind, name, known)


_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(value: object) -> object:
    """`mon-fri`, `sat`, or a list of such."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    found: list[int] = []
    for part in parts:
        first, _, last = str(part).strip().lower().partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise ValueError("is no weekday; write mon-fri or [mon, wed]")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        found += [(begin + number) % 7 for number in range((end - begin) % 7 + 1)]
    return found


class ChatWindow(Part):
    """Weekly hours in one zone."""

    zone: Zone
    days: Annotated[frozenset[int], BeforeValidator(_days), Field(min_length=1)]
    opens: time = Field(alias="from")
    closes: time = Field(alias="to")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.closes <= self.opens and self.closes != time(0):
            raise ValueError("`to` must come after `from`; 00:00 is the end of the day")
        return self


class ChatSection(Part):
    """The chat widget. Chat is offered while any of the windows is open."""

    hours: tuple[ChatWindow, ...]
    closed_on: frozenset[date] = frozenset()
    case_form: WebAddress

    @field_validator("hours")
    @classmethod
    def _is_ever_open(cls, value: tuple[ChatWindow, ...]) -> tuple[ChatWindow, ...]:
        if not value:
            raise ValueError("needs at least one window; without a chat remove the section `chat`")
        return value


def chat_rules_of(section: ChatSection | None) -> ChatRules | None:
    """The rules as the domain's value; None for a desk without a chat."""
    if section is None:
        return None
    return ChatRules(
        windows=tuple(
            Window(ZoneInfo(each.zone), each.days, each.opens, each.closes)
            for each in section.hours
        ),
        case_form=section.case_form,
        closed_on=section.closed_on,
    )
