"""What a desk keeps of a person, for administrators: shown, exported, erased, part by part."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from intake.application.person_data import Asked, Part, PersonData
from intake.domain.desk import Desks
from pledge.events.addresses import normal_address
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids

Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
_Name = Annotated[str, Field(max_length=1_000)]
_SHORTEST_OTHER = 6
"""Characters of a number or chat identity: less would be a part of much else."""

KEPT_ELSEWHERE = (
    "Records of Kafka's topics stay until their retention ends (channels 30 days, tickets 400, "
    "dead letters 90); sla, notify and status keep what they took from them; backups and logs keep "
    "what is in them. Whole messages and files that others sent stay as they are, even where they "
    "name the person. Contents of erased files are deleted after eight days."
)
"""What an erasure of intake does not reach."""


class PersonBody(BaseModel):
    """Whose data, and where to go on: `names`, `after` and `erasure` as the part before gave
    them."""

    model_config = ConfigDict(extra="forbid")

    desk: str = Field(max_length=63)
    person: str = Field(
        max_length=320, description="A mail address, a number, or a chat identity in full."
    )
    names: Annotated[list[_Name], Field(max_length=50)] = Field(
        default=[], description="Names of theirs, to be taken out of what others wrote."
    )
    after: UUID | None = None
    erasure: UUID | None = None

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if len(self.key) < _SHORTEST_OTHER or self.key.isalpha():
            raise ValueError(
                "person should be a mail address, a number such as +15550100, or a chat identity"
            )
        return self

    @property
    def key(self) -> str:
        """What the person is found by."""
        return (normal_address(self.person.strip()) or self.person.strip()).lower()

    def asked(self) -> Asked:
        """The body as the application takes it."""
        names = frozenset(each.strip() for each in self.names) - {""}
        return Asked(self.desk, self.key, names, self.after)


class PersonPart(BaseModel):
    """A part of what is kept. Ask again with `after` until it is null; then all was looked at."""

    tickets: list[dict[str, Any]]
    left: list[str] = Field(description="Tickets that are not finished: close them, then go on.")
    beside: dict[str, list[dict[str, Any]]] = Field(
        description="With the last part: what is kept beside tickets, by kind."
    )
    names: list[str] = Field(description="Under which the person is known.")
    after: UUID | None
    erasure: UUID | None = Field(description="Of an erasure: its entry in the audit.")
    elsewhere: str = Field(description="What is not reached.")


class Persons:
    """The routes on persons. Each is a POST: addresses do not belong into logs of paths."""

    def __init__(self, data: PersonData, desks: Desks, ids: Ids) -> None:
        self._data = data
        self._desks = desks
        self._ids = ids
        self.router = APIRouter(tags=["persons"])
        add = self.router.add_api_route
        add("/persons/found", self.found, methods=["POST"])
        add("/persons/exported", self.exported, methods=["POST"])
        add("/persons/erased", self.erase, methods=["POST"])

    async def found(self, body: PersonBody, principal: Admin) -> PersonPart:
        """Which tickets of the desk name the person, and how many facts of each are theirs: what an
        erasure would take. Changes nothing."""
        self._check(body, principal)
        return _shown(await self._data.found(body.asked()))

    async def exported(self, body: PersonBody, principal: Admin) -> PersonPart:
        """What is kept of the person: their tickets whole, with the files' ids, and of others'
        tickets what they wrote or were told."""
        self._check(body, principal)
        return _shown(await self._data.exported(body.asked()))

    async def erase(self, body: PersonBody, principal: Admin) -> PersonPart:
        """Erase the person: names, addresses, words, subjects, files and messages go; times, states
        and what was promised stay. Again, it erases what is left. Not finished tickets are left."""
        self._check(body, principal)
        erasure = body.erasure or self._ids.new()
        part = await self._data.erase(body.asked(), erasure, principal.subject)
        return _shown(part, erasure)

    def _check(self, body: PersonBody, principal: Principal) -> None:
        if body.desk not in self._desks.by_id or not principal.may(body.desk):
            raise HttpProblem(404, f"there is no desk {body.desk}")


def _shown(part: Part, erasure: UUID | None = None) -> PersonPart:
    return PersonPart(
        tickets=part.tickets,
        left=part.left,
        beside=part.beside,
        names=sorted(part.names)[:50],
        after=part.after,
        erasure=erasure,
        elsewhere=KEPT_ELSEWHERE,
    )
