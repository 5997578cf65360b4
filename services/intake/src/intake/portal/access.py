"""Who is at the portal, which tickets they may see, and how its pages are made."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi import Request
from fastapi.responses import Response

from intake.domain.desk import Desk, Desks
from intake.domain.thread_matching import key_of
from intake.domain.ticket import Ticket
from intake.portal.sign_in import SignIns
from intake.portal.tokens import Person
from intake.storage import queries
from intake.storage.store import requester_key
from pledge.events import Actor, Authentication, Contact
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids

COOKIE: Final = "pledge_my"
_UUID: Final = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


@dataclass(frozen=True, slots=True)
class PortalAccess:
    """Finds desks, people and their tickets for the portal's routes, and answers with pages."""

    web: Web
    pool: asyncpg.Pool
    desks: Desks
    sign_ins: SignIns

    def desk(self, desk: str) -> Desk:
        """The desk of a portal. Raises HttpProblem for one that has none."""
        known = self.desks.by_id.get(desk)
        if known is None or known.sign_in_template is None:
            raise HttpProblem(404, f"there is no portal of a desk {desk[:63]}")
        return known

    async def person(self, request: Request, desk: Desk) -> Person | None:
        """Who is signed in; None: nobody."""
        person = await self.sign_ins.who(desk.id, request.cookies.get(COOKIE))
        request.state.person = person
        return person

    async def signed_in(self, request: Request, desk: Desk) -> Person:
        """Who is signed in. Raises HttpProblem for nobody."""
        person = await self.person(request, desk)
        if person is None:
            raise HttpProblem(403, f"you are not signed in any more; sign in at /my/{desk.id}")
        return person

    async def find(self, desk: Desk, person: Person, number: str) -> Ticket:
        """A ticket that the person may see; another one is as good as none."""
        async with self.pool.acquire() as connection:
            if _UUID.match(number):
                found = await queries.by_id(connection, UUID(number))
            else:
                found = await queries.by_number(connection, number.upper()[:30])
        for ticket in found:
            if ticket.desk == desk.id and _sees(desk, person, ticket):
                return ticket
        raise HttpProblem(404, f"you have no request {number[:30]}")

    def page(
        self,
        request: Request,
        desk: Desk,
        person: Person | None,
        template: str,
        *,
        status: int = 200,
        **context: Any,
    ) -> Response:
        """A page in the desk's layout, with times in the person's zone."""
        values = {
            "portal": desk,
            "person": person,
            "language": desk.language or "en",
            "zone": desk.zone_of(person.address if person else None),
            **context,
        }
        return self.web.page(request, template, status=status, **values)


def submitted(
    person: Person, now: datetime, ids: Ids, conversation: str | None = None
) -> dict[str, Any]:
    """What deliveries of a signed-in person have; without a conversation it is a new one."""
    delivery = f"my:{ids.new()}"
    return {
        "desk": person.desk,
        "occurred_at": now,
        "recorded_at": now,
        "delivery": delivery,
        "conversation": conversation or key_of("portal", person.desk, delivery).hex(),
        "authentication": Authentication(result="passed", method="session", detail=person.address),
    }


def administered(desk: Desk, person: Person) -> list[str]:
    """The names of the customers that the person administers."""
    return [each.name for each in desk.administered_by(person.address)]


def contact_of(person: Person, ticket: Ticket) -> Contact:
    """The ticket's requester, if that is who is signed in."""
    is_requester = requester_key(ticket.requester) == person.address
    return ticket.requester if is_requester else Contact(email=person.address)


def actor_of(who: Contact) -> Actor:
    """The requester's side as the author of a command."""
    name = who.email or who.phone or who.chat or "requester"
    return Actor(kind="requester", id=name, name=who.name)


def _sees(desk: Desk, person: Person, ticket: Ticket) -> bool:
    is_own = requester_key(ticket.requester) == person.address
    return is_own or ticket.customer in administered(desk, person)
