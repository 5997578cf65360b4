"""The fields that the portal's forms ask for, and what was written into them."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from intake.domain.admission import rules
from intake.domain.admission.request import Line
from intake.domain.admission.request import Request as Asked
from intake.domain.admission.requirements import Item
from intake.domain.desk import Desk, FormKind
from intake.domain.text import one_line, paragraphs
from intake.domain.ticket import Ticket
from pledge.events import FieldText
from pledge.runtime.config.error_messages import in_words
from pledge.runtime.http.app import HttpProblem

_TOLD: Final = TypeAdapter(dict[str, FieldText])

FIELD: Final = "told."
"""The prefix of their names, apart from the form's own fields."""


def needed(desk: Desk, form: str) -> tuple[Item, ...]:
    """What a new request of the form must say."""
    requirement = rules.requirement_of(desk, Asked("portal", Line(form), "", None, form=form))
    return requirement.items if requirement else ()


def form_items(desk: Desk, kind: FormKind) -> tuple[Item, ...]:
    """What the form asks for because the request needs it, besides the form's own fields."""
    own = {each.name for each in kind.fields}
    items = needed(desk, kind.name)
    return tuple(each for each in items if not each.free_text and each.name not in own)


async def read_form(request: Request, kind: FormKind) -> dict[str, str]:
    """What was written into the form's own fields. Raises HttpProblem for a required one that is
    empty, and for a choice that is none of the field's."""
    form = await request.form()
    told = {}
    for field in kind.fields:
        written = form.get(f"{FIELD}{field.name}")
        value = written.strip() if isinstance(written, str) else ""
        if field.is_required and not value:
            raise HttpProblem(422, f"{field.title} is needed")
        if field.choices and value and value not in field.choices:
            raise HttpProblem(422, f"{field.title}: choose one of {', '.join(field.choices)}")
        if value:
            told[field.name] = paragraphs(value, 1_000) if field.is_long else one_line(value, 1_000)
    return _read(told)


def asked_for(desk: Desk, ticket: Ticket) -> tuple[Item, ...]:
    """What the ticket still lacks."""
    return tuple(each for each in rules.items_of(ticket, desk) if each.name in ticket.missing)


async def read_fields(request: Request, items: tuple[Item, ...]) -> dict[str, str]:
    """What the form says of the items, by their names. Raises HttpProblem for an instant that lies
    outside the bounds, which nobody can have set."""
    form = await request.form()
    values = {item.name: form.get(f"{FIELD}{item.name}") for item in items}
    told = {
        name: one_line(value, 1_000)
        for name, value in values.items()
        if isinstance(value, str) and value.strip()
    }
    return _read(told)


def _read(told: Mapping[str, str]) -> dict[str, str]:
    try:
        return _TOLD.validate_python(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise HttpProblem(422, f"{first['loc'][0]} {in_words(first)}") from error
