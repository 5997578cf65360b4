"""What the routes have in common: who may call them, and the parameters of lists."""

from collections.abc import Awaitable, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.cursors import BadCursor
from pledge.runtime.http.app import HttpProblem

Reader = Annotated[Principal, Depends(require("reader"))]
Responder = Annotated[Principal, Depends(require("responder"))]
Limit = Annotated[int, Query(ge=1, le=200, description="rows on a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
Names = Annotated[list[str] | None, Query(max_length=50)]
Ticket = Annotated[str | None, Query(max_length=100, description="number or id")]

OPEN = ("triggered", "acknowledged", "exhausted")
States = Annotated[list[str] | None, Query(max_length=50)]


def visible_desks(principal: Principal, requested: Sequence[str] | None) -> list[str] | None:
    """The requested desks that the principal may see; None for all."""
    if principal.desks is None:
        return list(requested) if requested is not None else None
    return sorted(principal.desks if requested is None else principal.desks & set(requested))


def known_states(states: Sequence[str] | None, known: Sequence[str]) -> list[str] | None:
    """The states to list; `open` stands for those that are not resolved. Raises HttpProblem."""
    if states is None:
        return None
    found = [each for state in states for each in (OPEN if state == "open" else (state,))]
    for state in found:
        if state not in known:
            raise HttpProblem(422, f"state {state} is none of {', '.join(known)}")
    return found


async def as_page(page: Awaitable[tuple[Sequence[Any], str | None]]) -> dict[str, Any]:
    """The rows of a list and the cursor of the next page. Raises HttpProblem for a bad cursor."""
    try:
        items, following = await page
    except BadCursor as error:
        raise HttpProblem(400, f"this cursor is of no use: {error}") from error
    return {"items": items, "next": following}
