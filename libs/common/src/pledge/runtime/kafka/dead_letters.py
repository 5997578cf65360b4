"""Dead letters: records that can never be handled, kept with bytes, origin and reason.

A dead letter is an outbox row written in the transaction that moves the offset past the record, so
it can't be lost between the two. It lands on `<topic>.dlq` with its own headers and ours below.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pledge.runtime.records import Message, Poison, Record

SUFFIX = ".dlq"
# Details come from exceptions; a header is no place for a whole document.
LONGEST_DETAIL = 500
_NO_NUL = "\N{REPLACEMENT CHARACTER}"

TOPIC = "dlq_topic"
PARTITION = "dlq_partition"
OFFSET = "dlq_offset"
SERVICE = "dlq_service"
REASON = "dlq_reason"
DETAIL = "dlq_detail"
AT = "dlq_at"
NO_KEY = "dlq_no_key"
OUR_HEADERS = frozenset({TOPIC, PARTITION, OFFSET, SERVICE, REASON, DETAIL, AT, NO_KEY})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of a dead-letter topic, read back."""

    record: Record
    origin_topic: str
    origin_partition: int
    origin_offset: int
    service: str
    reason: str
    detail: str
    at: str

    def original(self) -> Message:
        """The record as it was, to be published to its topic again."""
        kept = tuple(pair for pair in self.record.headers if pair[0] not in OUR_HEADERS)
        return Message(self.origin_topic, self.record.key or b"", self.record.value, kept)


def dead_letter(poison: Poison, *, service: str, now: datetime) -> Message:
    """The message that keeps `poison` on its dead-letter topic."""
    record = poison.record
    ours: list[tuple[str, bytes | None]] = [
        (TOPIC, record.topic.encode()),
        (PARTITION, str(record.partition).encode()),
        (OFFSET, str(record.offset).encode()),
        (SERVICE, service.encode()),
        (REASON, poison.reason.encode()),
        (DETAIL, poison.detail[:LONGEST_DETAIL].encode("utf-8", "backslashreplace")),
        (AT, now.isoformat().encode()),
    ]
    if record.key is None:
        ours.append((NO_KEY, b"1"))
    # PostgreSQL stores no NUL in text, and the outbox keeps names as text.
    kept = [(name.replace("\0", _NO_NUL), value) for name, value in record.headers]
    return Message(record.topic + SUFFIX, record.key or b"", record.value, (*kept, *ours))


def read_dead_letter(record: Record) -> DeadLetter | None:
    """Parse a record of a dead-letter topic; None when Pledge did not write it."""
    ours = {name: value for name, value in record.headers if name in OUR_HEADERS and value}
    try:
        return DeadLetter(
            record,
            ours[TOPIC].decode(),
            int(ours[PARTITION]),
            int(ours[OFFSET]),
            ours[SERVICE].decode(),
            ours[REASON].decode(),
            ours.get(DETAIL, b"").decode(),
            ours[AT].decode(),
        )
    except (KeyError, ValueError):
        return None
