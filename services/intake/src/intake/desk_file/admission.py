"""What `intake.yaml` says of a request's information, its requester's right to ask, its scope."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from intake.desk_file.common import (
    Name,
    RuleCondition,
    Text,
    address_of,
    compiled,
    condition_of,
)
from intake.domain.admission.entitlement import Entitlement, ScopeRule, VersionList
from intake.domain.admission.requirements import Item, Requirement, normal
from pledge.events import Contact
from pledge.runtime.desk_file.model import Like, Part, one_or_more
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document, Steps


def _without_colon(value: str) -> str:
    if ":" in value or "\n" in value:
        raise ValueError(
            "should be without a colon: write what comes before the colon of such a line"
        )
    return value


Label = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_without_colon)]


class MailLines(Part):
    """Lines of a mail or chat by which a requester sets a value: `Severity: 2` (INF-01)."""

    severity: tuple[Label, ...] = ()
    priority: tuple[Label, ...] = ()


class ItemEntry(Part):
    """A piece of information: how it is asked for, and how it is recognised.

    `known_as` are names of form fields and beginnings of lines (`Product: …`), besides the name and
    in any spelling; `matches` is a regular expression that a value must hold to count; `found_by`
    finds it anywhere in the text; so many characters of `free_text` are it; `stands_for` makes it
    the ticket's product, or the customer, whose name may stand anywhere in the text.
    """

    name: Name
    title: Label
    known_as: tuple[Label, ...] = ()
    matches: str | None = Field(default=None, max_length=500)
    found_by: str | None = Field(default=None, max_length=500)
    free_text: int = Field(default=0, ge=0, le=10_000)
    stands_for: Literal["product", "customer"] | None = None
    required: bool = True
    required_if: dict[Name, tuple[str, ...]] = Field(default_factory=dict)

    _one = field_validator("known_as", mode="before")(one_or_more)
    _regex = field_validator("matches", "found_by")(compiled)


class KindEntry(Part):
    """A kind of request, by a condition, and what it must say, which may be nothing; the first kind
    that holds counts."""

    name: Name
    when: RuleCondition = RuleCondition()
    items: tuple[ItemEntry, ...] = ()


class RequiredInformation(Part):
    """What requests must say before they are complete (INF-05), and the template of notify.yaml
    that asks for the rest (INF-06)."""

    ask_with: Name
    kinds: tuple[KindEntry, ...] = ()


class AdministratorEntry(Part):
    """Somebody who may open tickets for a customer."""

    name: str | None = Field(default=None, max_length=200)
    email: str

    @field_validator("email")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address_of(value)


class EntitlementEntry(Part):
    """Who may open tickets (SIG-01): `only: administrators` of a customer. Others get the template
    `answer`; `closes` says whether their ticket is closed with it."""

    only: Literal["administrators"]
    answer: Name
    closes: bool = False


class ScopeEntry(Part):
    """A kind of request that the promises do not cover, and the template that answers it."""

    name: Name
    when: RuleCondition
    scope: Name = "out_of_scope"
    answer: Name | None = None


class VersionsEntry(Part):
    """The released versions of a product, the latest first: only that one is covered."""

    name: Name
    title: Text
    known_as: tuple[Label, ...] = Field(min_length=1)
    released: tuple[
        Annotated[str, Like(r"^[0-9]{1,9}(\.[0-9]{1,9}){0,5}$", "a version such as 2.1")], ...
    ] = Field(min_length=1)
    scope: Name = "out_of_scope"
    answer: Name | None = None

    _one = field_validator("known_as", mode="before")(one_or_more)


class ScopeSection(Part):
    """What the desk's promises do not cover (SIG-10)."""

    rules: tuple[ScopeEntry, ...] = ()
    versions: tuple[VersionsEntry, ...] = ()


def requirements_of(section: RequiredInformation | None) -> tuple[Requirement, ...]:
    """The kinds of requests as the domain's values."""
    return tuple(
        Requirement(each.name, condition_of(each.when), tuple(_item(item) for item in each.items))
        for each in (section.kinds if section else ())
    )


def entitlement_of(section: EntitlementEntry | None) -> Entitlement | None:
    """The rule on who may open tickets, or None: everybody may."""
    return Entitlement(section.answer, section.closes) if section else None


def scope_rules_of(section: ScopeSection) -> tuple[ScopeRule, ...]:
    """The rules on scope as the domain's values."""
    return tuple(
        ScopeRule(each.name, condition_of(each.when), each.scope, each.answer)
        for each in section.rules
    )


def version_lists_of(section: ScopeSection) -> tuple[VersionList, ...]:
    """The lists of versions as the domain's values."""
    return tuple(
        VersionList(
            each.name, each.title, _names(each.known_as), each.released, each.scope, each.answer
        )
        for each in section.versions
    )


def administrators_of(entries: Iterable[AdministratorEntry]) -> tuple[Contact, ...]:
    """The administrators as contacts."""
    return tuple(Contact(name=each.name, email=each.email) for each in entries)


def labels_of(labels: Iterable[str]) -> frozenset[str]:
    """The beginnings of lines as names are compared."""
    return _names(labels)


def check_required_information(
    document: Document, section: RequiredInformation | None
) -> Iterator[Problem]:
    """Doubles, references to items that are not there, kinds that are never reached."""
    seen: set[str] = set()
    reached_by_all: str | None = None
    for index, kind in enumerate(section.kinds if section else ()):
        at: Steps = ("required_information", "kinds", index)
        if kind.name in seen:
            yield document.twice((*at, "name"), kind.name)
        seen.add(kind.name)
        if reached_by_all is not None:
            message = (
                f"`{kind.name}` is never used: `{reached_by_all}` before it takes all requests"
            )
            found = document.problem(at, message, "give that one a `when`, or put it last")
            yield replace(found, severity="warning")
        if kind.when == RuleCondition():
            reached_by_all = reached_by_all or kind.name
        yield from _check_items(document, (*at, "items"), kind)


def check_scope(document: Document, section: ScopeSection) -> Iterator[Problem]:
    """Doubles, and lists that are not in order."""
    names = [*(("rules", each.name) for each in section.rules)]
    names += [("versions", each.name) for each in section.versions]
    for index, (part, name) in enumerate(names):
        if name in [other for _, other in names[:index]]:
            yield document.twice(("scope", part), name)
    for index, each in enumerate(section.versions):
        numbers = [tuple(map(int, version.split("."))) for version in each.released]
        if numbers != sorted(numbers, reverse=True):
            yield document.problem(
                ("scope", "versions", index, "released"), f"the versions of `{each.name}` are "
                "not in order", "write the latest one first",
            )  # fmt: skip


def _check_items(document: Document, at: Steps, kind: KindEntry) -> Iterator[Problem]:
    names = [each.name for each in kind.items]
    for index, item in enumerate(kind.items):
        if item.name in names[:index]:
            yield document.twice((*at, index), item.name)
        for other in item.required_if:
            if other not in names or other == item.name:
                yield document.problem(
                    (*at, index, "required_if"), f"`{kind.name}` has no other item `{other}`",
                    f"known: {', '.join(names)}",
                )  # fmt: skip


def _item(entry: ItemEntry) -> Item:
    return Item(
        name=entry.name,
        title=entry.title,
        known_as=_names((entry.name, entry.title, *entry.known_as)),
        matches=re.compile(entry.matches) if entry.matches else None,
        found_by=re.compile(entry.found_by) if entry.found_by else None,
        free_text=entry.free_text,
        stands_for=entry.stands_for,
        is_required=entry.required,
        required_if={
            name: frozenset(value.lower() for value in values)
            for name, values in entry.required_if.items()
        },
    )


def _names(labels: Iterable[str]) -> frozenset[str]:
    return frozenset(normal(each) for each in labels)
