"""The events notify publishes, numbered per ticket or incident in the transaction of the change."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pledge.events import Envelope, Event, caused_by, encode
from pledge.runtime.records import Message

SOURCE = "/notify"


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event without its sequence yet. `position` is unique among those of its cause."""

    event: Event
    cause: Envelope
    position: int


_RESERVE = """
INSERT INTO published (subject, sequence)
SELECT subject, count FROM unnest($1::text[], $2::bigint[]) AS wanted(subject, count)
ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET sequence = published.sequence + excluded.sequence
RETURNING subject, sequence
"""


async def number_events(
    connection: asyncpg.Connection, drafts: Sequence[EventDraft]
) -> list[Message]:
    """Give each event its sequence and encode it; locks the subjects until the commit.

    Subjects are locked in their order, so that two transactions never wait for each other.
    """
    if not drafts:
        return []
    counts = Counter(draft.event.subject() for draft in drafts)
    subjects = sorted(counts)
    rows = await connection.fetch(_RESERVE, subjects, [counts[each] for each in subjects])
    last = {row["subject"]: row["sequence"] - counts[row["subject"]] for row in rows}
    messages = []
    for draft in drafts:
        subject = draft.event.subject()
        last[subject] += 1
        envelope = caused_by(
            draft.event, draft.cause, draft.position, source=SOURCE, sequence=last[subject]
        )
        encoded = encode(draft.event, envelope)
        messages.append(Message(encoded.topic, encoded.key, encoded.value, encoded.headers))
    return messages


def position(owner: UUID, number_: int) -> int:
    """A position unique among all events of all causes: the owner's id and the owner's number."""
    return owner.int << 32 | number_
