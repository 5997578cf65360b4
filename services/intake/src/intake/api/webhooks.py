"""The webhooks to which events are sent: what became of each event, and sending it again."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from intake.application.webhook_desk import WebhookDesk
from intake.storage.webhook_lists import WantedDeliveries
from intake.storage.webhooks import Address, State
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.instants import Timestamp

Reader = Annotated[Principal, Depends(require(Role.READER))]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


class WebhookView(BaseModel):
    """A webhook, and how many events wait for it or were given up."""

    desk: str
    name: str
    url: str = Field(description="Without its query, which may hold a secret.")
    since: Timestamp = Field(description="Events from before are not sent.")
    disabled_at: Timestamp | None
    disabled_because: str | None
    pending: int
    given_up: int


class Webhooks(BaseModel):
    """The webhooks of one's desks."""

    items: list[WebhookView]


class WebhookDelivery(BaseModel):
    """One event for one webhook. Its `event_id` is the `webhook-id` of every attempt."""

    id: int
    desk: str
    webhook: str
    state: State
    event_id: str
    type: str
    ticket_id: UUID
    ticket_number: str | None
    sequence: int
    created_at: Timestamp
    attempts: int
    next_attempt_at: Timestamp | None = Field(
        description="Empty while an earlier event of the ticket is pending."
    )
    ended_at: Timestamp | None
    reason: str | None
    detail: str | None


class WebhookDeliveries(BaseModel):
    """Some deliveries, newest first."""

    items: list[WebhookDelivery]
    next: int | None = Field(description="The cursor of the next page, if there is one.")


class SendAgain(BaseModel):
    """Deliveries by id, whatever became of them, or all that were given up since an instant."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(default=[], max_length=1_000)
    since: Timestamp | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.ids) == (self.since is not None):
            raise ValueError("give `ids` or `since`")
        return self


class SentAgain(BaseModel):
    """How many are sent again; at the bound there may be more: ask once more."""

    count: int


class WebhookRoutes:
    """The routes of webhooks."""

    def __init__(self, webhooks: WebhookDesk) -> None:
        self._webhooks = webhooks
        self.router = APIRouter(tags=["webhooks"])
        add = self.router.add_api_route
        add("/webhooks", self.list_webhooks, methods=["GET"])
        add("/webhooks/deliveries", self.list_webhook_deliveries, methods=["GET"])
        add("/webhooks/{desk}/{name}/redeliver", self.redeliver, methods=["POST"])
        add("/webhooks/{desk}/{name}/enable", self.enable, methods=["POST"], status_code=204)

    async def list_webhooks(
        self,
        principal: Reader,
        desk: Annotated[list[str] | None, Query(max_length=200)] = None,
    ) -> Webhooks:
        """The webhooks of one's desks."""
        desks = principal.desks if desk is None else principal.only(frozenset(desk))
        found = await self._webhooks.every(desks)
        return Webhooks(items=[_webhook(each) for each in found])

    async def list_webhook_deliveries(
        self,
        principal: Reader,
        desk: Annotated[list[str] | None, Query(max_length=200)] = None,
        webhook: Annotated[str | None, Query(max_length=63)] = None,
        state: State | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> WebhookDeliveries:
        """What became of events that webhooks get, newest first."""
        desks = principal.desks if desk is None else principal.only(frozenset(desk))
        wanted = WantedDeliveries(desks, webhook, state, cursor, limit)
        found, following = await self._webhooks.deliveries(wanted)
        items = [WebhookDelivery(**_fields(each, WebhookDelivery)) for each in found]
        return WebhookDeliveries(items=items, next=following)

    async def redeliver(self, desk: str, name: str, body: SendAgain, principal: Admin) -> SentAgain:
        """Send events again, under their ids: a receiver that took one knows it."""
        address = _address(principal, desk, name)
        return SentAgain(count=await self._webhooks.send_again(address, body.ids, body.since))

    async def enable(self, desk: str, name: str, principal: Admin) -> None:
        """Send events again to a webhook that was disabled, from now on."""
        if not await self._webhooks.enable(_address(principal, desk, name)):
            raise _unknown(desk, name)


def _address(principal: Principal, desk: str, name: str) -> Address:
    if not principal.may(desk, Role.ADMIN):
        raise _unknown(desk, name)
    return Address(desk, name)


def _unknown(desk: str, name: str) -> HttpProblem:
    return HttpProblem(404, f"there is no webhook {name[:63]} at the desk {desk[:63]}")


def _webhook(row: Mapping[str, Any]) -> WebhookView:
    shown = urlsplit(row["url"])._replace(query="", fragment="").geturl()
    return WebhookView(**{**_fields(row, WebhookView), "url": shown})


def _fields(row: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields}
