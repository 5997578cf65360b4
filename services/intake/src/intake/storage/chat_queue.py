"""The queue of a desk's chat, kept from its own events in the transaction that reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from intake.domain.thread_matching import Delivery, Key, key_of
from pledge.events import ChatEnded, ChatMessageReceived

SILENT_FOR: Final = timedelta(minutes=30)
"""A visitor silent for so long is dropped from the queue, even if no gateway ended the chat."""

KEPT_FOR: Final = timedelta(days=1)
"""How long after its last message a chat is kept; a later message joins the queue again."""

NOBODY: Final = ("bot", "note")
"""Senders who neither wait nor answer."""

_NOTE = """
INSERT INTO chats (key, desk, began_at, heard_at, answered_at)
SELECT * FROM unnest(
    $1::bytea[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]
)
ON CONFLICT (key) DO UPDATE SET heard_at = greatest(chats.heard_at, excluded.heard_at),
    answered_at = coalesce(chats.answered_at, excluded.answered_at)
"""
_FORGET = """
DELETE FROM chats WHERE key IN (
    SELECT key FROM chats WHERE heard_at < $1 ORDER BY heard_at LIMIT 200 FOR UPDATE SKIP LOCKED)
"""
_END = "DELETE FROM chats WHERE key = ANY($1::bytea[])"
_WAITING = """
SELECT count(*) AS waiting,
    count(*) FILTER (WHERE began_at < (SELECT began_at FROM chats WHERE key = $3)) AS ahead,
    EXISTS (SELECT FROM chats WHERE key = $3 AND answered_at IS NULL) AS is_waiting
FROM chats WHERE desk = $1 AND answered_at IS NULL AND heard_at > $2
"""


@dataclass(slots=True)
class _Chat:
    desk: str
    began_at: datetime
    heard_at: datetime
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """How many wait for an agent, and how many of them came before the one who asks; None when
    that one does not wait."""

    waiting: int
    ahead: int | None


async def update(
    connection: asyncpg.Connection, deliveries: Iterable[Delivery], now: datetime
) -> None:
    """Update the queue by the chat events among the deliveries; drop chats that are long over."""
    under_way: dict[Key, _Chat] = {}
    ended: set[Key] = set()
    for delivery in deliveries:
        event = delivery.event
        if not isinstance(event, ChatMessageReceived | ChatEnded):
            continue
        key = _key(delivery.desk.id, event.conversation)
        if isinstance(event, ChatMessageReceived) and event.sender_kind in NOBODY:
            continue
        if isinstance(event, ChatEnded):
            under_way.pop(key, None)
            ended.add(key)
            continue
        at = event.occurred_at
        chat = under_way.setdefault(key, _Chat(delivery.desk.id, at, at))
        if event.sender_kind == "agent":
            chat.answered_at = chat.answered_at or at
        else:
            chat.heard_at = max(chat.heard_at, at)
    if ended:
        await connection.execute(_END, sorted(ended))
    if under_way:
        await connection.execute(_FORGET, now - KEPT_FOR)
        keys = sorted(under_way)
        chats = [under_way[key] for key in keys]
        await connection.execute(
            _NOTE,
            keys,
            [each.desk for each in chats],
            [each.began_at for each in chats],
            [each.heard_at for each in chats],
            [each.answered_at for each in chats],
        )


async def queue(pool: asyncpg.Pool, desk: str, conversation: str, now: datetime) -> Queue:
    """The queue of a desk, as the visitor of `conversation` sees it (empty: nobody's)."""
    row = await pool.fetchrow(_WAITING, desk, now - SILENT_FOR, _key(desk, conversation))
    return Queue(row["waiting"], row["ahead"] if row["is_waiting"] else None)


def _key(desk: str, conversation: str) -> Key:
    return key_of("chat-conversation", desk, conversation)
