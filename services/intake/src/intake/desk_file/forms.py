"""What `intake.yaml` says of the portal and its forms (INF-08, SIG-04)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from intake.desk_file.common import Name, Text
from intake.domain.desk import FormField, FormKind
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document


class FormFieldEntry(Part):
    """A field of a form: a line of text, a long one, or a choice; `help` stands under it."""

    name: Name
    title: Text
    help: str = Field(default="", max_length=1_000)
    choices: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    required: bool = False
    long: bool = False


class FormEntry(Part):
    """A kind of request that the portal offers, with the fields of its form (SIG-04). What
    `required_information` asks for of this kind is asked for as well."""

    name: Name
    title: Text
    fields: Annotated[tuple[FormFieldEntry, ...], Field(max_length=50)] = ()


class PortalRules(Part):
    """Who may send the desk's forms, what a requester decides in them, and whether requesters sign
    in: `sign_in_template` is the template of notify.yaml that brings the link (INF-08)."""

    form_keys: tuple[Annotated[str, Field(min_length=16, max_length=200)], ...] = ()
    requester_sets_severity: bool = False
    sign_in_template: Name | None = None
    forms: tuple[FormEntry, ...] = ()


def forms_of(section: PortalRules) -> tuple[FormKind, ...]:
    """The kinds of request on offer; without a list there is one."""
    offered = tuple(
        FormKind(
            each.name,
            each.title,
            tuple(
                FormField(
                    field.name, field.title, field.help, field.choices, field.required, field.long
                )
                for field in each.fields
            ),
        )
        for each in section.forms
    )
    return offered or (FormKind("case", "A request"),)


def check_forms(document: Document, section: PortalRules) -> Iterator[Problem]:
    """Forms and fields that are there twice; choices that are none."""
    names = [each.name for each in section.forms]
    for index, form in enumerate(section.forms):
        if form.name in names[:index]:
            yield document.twice(("portal", "forms", index), form.name)
        fields = [each.name for each in form.fields]
        for place, field in enumerate(form.fields):
            at = ("portal", "forms", index, "fields", place)
            if field.name in fields[:place]:
                yield document.twice(at, field.name)
            if len(field.choices) == 1:
                hint = "add another choice, or leave `choices` out"
                yield document.problem(at, f"`{field.name}` has one choice alone", hint)
