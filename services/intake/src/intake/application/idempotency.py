"""Requests with an Idempotency-Key: done once, and never two different ones under one key.

A repetition waits for the first, if that is under way, and is answered like it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import BaseModel

from intake.domain.thread_matching import Key, key_of
from intake.storage import store
from pledge.events import Actor
from pledge.runtime.http.idempotency import check_same_request


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client chose as the key of a request, and a hash of what it sent."""

    key: str
    request: bytes


@dataclass(frozen=True, slots=True)
class Once:
    """A request as it is remembered."""

    key: Key
    request: bytes

    async def is_first(self, connection: asyncpg.Connection, now: datetime) -> bool:
        """Remember the request; whether it was not known yet. One whose answer is being made is
        waited for. Raises KeyReused if another request had the key."""
        if await store.note_request(connection, self.key, self.request, now):
            return True
        check_same_request(await store.request_of(connection, self.key), self.request)
        return False

    async def forget(self, connection: asyncpg.Connection) -> None:
        """What was refused may be asked for again, under the same key."""
        await store.forget_deliveries(connection, [self.key])


def asked(key: str | None, body: BaseModel) -> Asked | None:
    """The request, if its client gave it a key."""
    if key is None:
        return None
    # The same fields in another order are the same request.
    sent = json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True).encode()
    return Asked(key, hashlib.blake2b(sent, digest_size=16).digest())


def command_once(desk: str, by: Actor, what: str, asked: Asked | None) -> Once | None:
    """A command is done once per desk, agent and kind of command."""
    if asked is None:
        return None
    digest = hashlib.sha256(asked.key.encode("utf-8", "replace")).hexdigest()
    return Once(key_of("command", desk, f"{by.kind}\0{by.id}\0{what}\0{digest}"), asked.request)


def case_once(desk: str, delivery: str, asked: Asked) -> Once:
    """A case of the delivery key that its sender's key gave it."""
    return Once(key_of("case", desk, delivery), asked.request)
