"""What became of each delivery: for agents as a page, for programs as a query."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from intake.application.delivery_ledger import DeliveryLedger
from intake.application.filed_mails import FiledMails
from intake.domain.command_fields import Channel
from intake.storage.ledger import Ending, Shown, Wanted
from pledge.events import Actor
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.problems import wants_page
from pledge.runtime.http.web import Web
from pledge.runtime.instants import Timestamp

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]
EntryId = Annotated[int, Path(ge=1, le=2**63 - 1, description="A delivery's `id`.")]


class DeliveryView(BaseModel):
    """One delivery and its one end."""

    id: int
    desk: str = Field(description="Empty where the delivery could not be read.")
    channel: str
    end: Ending
    reason: str
    taken_at: Timestamp
    sender: str | None
    subject: str
    ticket_id: UUID | None
    ticket_number: str | None
    event_id: str
    place: str = Field(description="topic/partition/offset of its record.")
    is_machine_mail: bool = Field(
        description="Filed as a machine's and without a ticket: an agent may open one of it."
    )


class DeliveryPage(BaseModel):
    """Some deliveries, newest first."""

    items: list[DeliveryView]
    next: int | None = Field(description="The cursor of the next page, if there is one.")


class OpenedTicket(BaseModel):
    """The ticket that was opened of a delivery."""

    ticket_id: UUID
    ticket_number: str


class Deliveries:
    """The routes of the delivery ledger."""

    def __init__(self, web: Web, ledger: DeliveryLedger, filed: FiledMails) -> None:
        self._web = web
        self._ledger = ledger
        self._filed = filed
        self.router = APIRouter(tags=["deliveries"])
        add = self.router.add_api_route
        add("/deliveries", self.list_deliveries, methods=["GET"], response_model=DeliveryPage)
        add(
            "/deliveries/{entry_id}/ticket",
            self.open_ticket,
            methods=["POST"],
            status_code=201,
            response_model=OpenedTicket,
        )

    async def list_deliveries(
        self,
        request: Request,
        principal: Reader,
        desk: Annotated[list[str] | None, Query(max_length=200)] = None,
        end: Ending | None = None,
        channel: Channel | None = None,
        ticket: UUID | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> DeliveryPage | Response:
        """What became of deliveries, newest first: each comes to exactly one end. Those that could
        not be read name no desk, and are shown to who may see every desk. A browser gets a page."""
        desks = principal.desks if desk is None else principal.only(frozenset(desk))
        wanted = Wanted(desks, end, channel, ticket, cursor, limit)
        found, following = await self._ledger.page(wanted)
        if wants_page(request):
            return self._page(
                request, wanted, desk or [], found, following, may_act=principal.has(Role.AGENT)
            )
        return DeliveryPage(items=[_view(each) for each in found], next=following)

    async def open_ticket(
        self, request: Request, entry_id: EntryId, principal: Agent
    ) -> OpenedTicket | Response:
        """Open a ticket of mail that was filed as a machine's, once. It is answered by nobody but
        agents, and its promises count from when the mail came. A browser gets the ticket's page."""
        by = Actor(kind="agent", id=principal.subject)
        ticket = await self._filed.open(entry_id, principal.desks, by)
        if wants_page(request):
            return RedirectResponse(f"/ticket/{ticket.id}", status_code=303)
        return OpenedTicket(ticket_id=ticket.id, ticket_number=ticket.number)

    def _page(
        self,
        request: Request,
        wanted: Wanted,
        asked: list[str],
        found: list[Shown],
        following: int | None,
        *,
        may_act: bool,
    ) -> Response:
        query: dict[str, object] = {
            "desk": asked, "channel": wanted.channel, "ticket": wanted.ticket_id,
            "limit": wanted.limit,
        }  # fmt: skip

        def address(end: Ending | None, cursor: int | None = None) -> str:
            said = {**query, "end": end, "cursor": cursor}
            given = {name: value for name, value in said.items() if value}
            return f"/deliveries?{urlencode(given, doseq=True)}"

        return self._web.page(
            request,
            "deliveries.html",
            desk=asked[0] if len(asked) == 1 else None,
            rows=[_view(each) for each in found],
            endings=[(each, address(each)) for each in Ending],
            every=address(None),
            chosen=wanted.ending,
            may_act=may_act,
            following=address(wanted.ending, following) if following else None,
        )


def _view(shown: Shown) -> DeliveryView:
    entry = shown.entry
    return DeliveryView(
        id=shown.id,
        desk=entry.desk,
        channel=entry.channel,
        end=entry.ending,
        reason=entry.reason,
        taken_at=entry.taken_at,
        sender=entry.sender,
        subject=entry.subject,
        ticket_id=entry.ticket_id,
        ticket_number=shown.ticket_number,
        event_id=entry.event_id,
        place=entry.place,
        is_machine_mail=shown.is_machine_mail,
    )
