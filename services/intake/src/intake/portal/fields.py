"""The fields that the portal's forms ask for, and what was written into them."""

from typing import Final

from fastapi import Request

from intake.domain.admission import rules
from intake.domain.admission.request import Line
from intake.domain.admission.request import Request as Asked
from intake.domain.admission.requirements import Item
from intake.domain.desk import Desk
from intake.domain.text import one_line
from intake.domain.ticket import Ticket

FIELD: Final = "told."
"""The prefix of their names, apart from the form's own fields."""


def needed(desk: Desk, form: str) -> tuple[Item, ...]:
    """What a new request of the form must say."""
    requirement = rules.requirement_of(desk, Asked("portal", Line(form), "", None, form=form))
    return requirement.items if requirement else ()


def asked_for(desk: Desk, ticket: Ticket) -> tuple[Item, ...]:
    """What the ticket still lacks."""
    return tuple(each for each in rules.items_of(ticket, desk) if each.name in ticket.missing)


async def read_fields(request: Request, items: tuple[Item, ...]) -> dict[str, str]:
    """What the form says of the items, by their names."""
    form = await request.form()
    values = {item.name: form.get(f"{FIELD}{item.name}") for item in items}
    return {
        name: one_line(value, 1_000)
        for name, value in values.items()
        if isinstance(value, str) and value.strip()
    }
