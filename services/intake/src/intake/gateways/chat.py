"""What a desk's chat widget asks before and during a chat: is somebody there, how many wait."""

from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from intake.domain.chat_hours import closes_at, opens_at
from intake.domain.desk import Desks
from intake.storage import chat_queue
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.instants import Timestamp

_Conversation = Annotated[
    str, Query(max_length=200, description="The visitor's own, once a chat has begun.")
]


class ChatOffer(BaseModel):
    """What the widget shows: a chat with its queue, or when there is one and the form till then."""

    desk: str
    open: bool
    opens_at: Timestamp | None = Field(description="When it is closed: the next opening, if near.")
    closes_at: Timestamp | None = Field(description="When it is open.")
    waiting: int = Field(description="Chats that wait for an agent, this one included.")
    ahead: int | None = Field(description="Of them, those before this one; null: not waiting.")
    case_form: str = Field(description="Where to describe a case instead, at any hour.")
    help_centre: str | None = Field(description="Where answers are, at any hour.")


class ChatWidget:
    """The widget's route. It is public, as the widget is, and shows nothing about anybody."""

    def __init__(self, pool: asyncpg.Pool, desks: Desks, clock: Clock) -> None:
        self._pool = pool
        self._desks = desks
        self._clock = clock
        self.router = APIRouter(tags=["deliveries"])
        self.router.add_api_route("/desks/{desk}/chat", self.offer, methods=["GET"])

    async def offer(
        self, desk: str, response: Response, conversation: _Conversation = ""
    ) -> ChatOffer:
        """Whether the desk's chat is open now, and who waits (SIS-04)."""
        known = self._desks.by_id.get(desk)
        if known is None or known.chat is None:
            raise HttpProblem(404, f"there is no chat of a desk {desk[:63]}")
        now = self._clock.now()
        until: datetime | None = closes_at(known.chat, now)
        queue = await chat_queue.queue(self._pool, desk, conversation, now)
        # The widget stands in the desk's own pages.
        response.headers["access-control-allow-origin"] = "*"
        response.headers["cache-control"] = "no-store"
        return ChatOffer(
            desk=desk,
            open=until is not None,
            opens_at=None if until else opens_at(known.chat, now),
            closes_at=until,
            waiting=queue.waiting,
            ahead=queue.ahead,
            case_form=known.chat.case_form,
            help_centre=known.help_centre,
        )
