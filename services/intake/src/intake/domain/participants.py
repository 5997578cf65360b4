"""Who gets copies of a ticket's mails besides its requester (SIG-03)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pledge.events import Contact

MAX_PARTICIPANTS: Final = 50


class Copying(StrEnum):
    """Whom the requester's side may bring in, in copy of a mail or in the portal."""

    ORGANISATION = "organisation"
    ANYONE = "anyone"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class ParticipantRules:
    """``may_add`` is for the requester's side; agents may bring in anybody. At most ``most`` people
    are in copy."""

    may_add: Copying = Copying.ORGANISATION
    most: int = 20

    def admits(
        self, requester: Contact, address: str, customer_of: Callable[[str | None], str | None]
    ) -> bool:
        """Whether the requester's side may bring the address in: in an organisation everybody of
        the requester's customer, or of the domain of the requester's own address."""
        if self.may_add is not Copying.ORGANISATION:
            return self.may_add is Copying.ANYONE
        if requester.email is None:
            return False
        customer = customer_of(requester.email)
        is_colleague = customer is not None and customer_of(address) == customer
        return is_colleague or _domain(address) == _domain(requester.email)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def with_added(
    requester: Contact, people: tuple[Contact, ...], joining: Iterable[str], most: int
) -> tuple[Contact, ...]:
    """The people in copy with those of the addresses who are new, as long as there is room; the
    same object where nothing changes."""
    known = {each.email.lower() for each in (requester, *people) if each.email is not None}
    added = list(people)
    for address in joining:
        if address.lower() not in known and len(added) < most:
            known.add(address.lower())
            added.append(Contact(email=address))
    return tuple(added) if len(added) > len(people) else people
