"""Records to and from the bus, as bytes: the runtime knows no event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord


class Partition(NamedTuple):
    """One partition of a logical topic (its name without the deployment's prefix)."""

    topic: str
    number: int


class Record(NamedTuple):
    """One record as it was read; nothing of it is checked yet."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: datetime


class Message(NamedTuple):
    """One record to publish. Messages with the same key stay in order."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


# CloudEvents headers by which people look for an event, and their names in log lines.
_NAMED = {
    "ce_id": "event_id",
    "ce_type": "event_type",
    "ce_desk": "desk",
    "ce_subject": "subject",
    "ce_correlationid": "correlation_id",
}


def names(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The fields that identify a record in a log line: event, desk, subject, where it has them."""
    return {
        _NAMED[name]: value[:200].decode("utf-8", "replace")
        for name, value in headers
        if value is not None and name in _NAMED
    }


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that can never be handled: it goes to the dead letters with its reason."""

    record: Record
    reason: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """The results of handling a batch of records, apart from the state that the handler wrote."""

    messages: list[Message] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)


# The latest timestamp of a record. Some producers count in microseconds; a timestamp beyond what
# `datetime` holds makes no record poison.
_LATEST_MS = 253_402_300_799_000  # the end of the year 9999 UTC


def from_kafka(raw: ConsumerRecord, topic: str) -> Record:
    """A record of aiokafka, under the logical name of its topic."""
    return Record(
        topic,
        raw.partition,
        raw.offset,
        raw.key,
        raw.value,
        tuple(raw.headers),
        # A producer may leave the timestamp out, which aiokafka gives as -1.
        datetime.fromtimestamp(min(max(raw.timestamp, 0), _LATEST_MS) / 1000, UTC),
    )
