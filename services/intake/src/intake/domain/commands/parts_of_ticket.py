"""What commands on one of several parts of a ticket share: meetings, offers, feedback."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from intake.domain.ticket import Refusal, RefusalReason, Ticket, nothing_to_change

_Part = TypeVar("_Part")


def the_one(
    ticket: Ticket,
    found: Sequence[_Part],
    wanted: UUID | None,
    ids: Callable[[_Part], tuple[UUID | None, ...]],
    *,
    noun: str,
    what: str,
    several: str,
) -> _Part | Refusal:
    """The one of ``found`` that has the wanted id; without a wanted id the only one there is.

    ``ids`` gives the ids by which a part may be named, the usual one first; ``what`` and
    ``several`` say for people what one or several of them are.
    """
    left = [each for each in found if wanted is None or wanted in ids(each)]
    if len(left) == 1:
        return left[0]
    if not left:
        return nothing_to_change(ticket, f"no {noun} {'of this id ' if wanted else ''}{what}")
    names = ", ".join(str(ids(each)[0]) for each in left)
    detail = f"{len(left)} {several}; name one by its {noun}_id: {names}"
    return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)


def room_for_one(
    kept: Sequence[_Part], most: int, is_over: Callable[[_Part], bool]
) -> tuple[_Part, ...]:
    """The parts, without the first that is over, or the first at all, if there are ``most``."""
    if len(kept) < most:
        return tuple(kept)
    gone = next((each for each in kept if is_over(each)), kept[0])
    return tuple(each for each in kept if each is not gone)
