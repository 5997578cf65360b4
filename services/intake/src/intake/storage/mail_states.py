"""What became of mails about tickets: the newest word on each mail and recipient."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from intake.domain.mail_states import MailState, SentMail
from pledge.events import EmailRequested

# Events may come again, and in another order where a bounce and notify tell of the same mail.
_KEEP: Final = """
INSERT INTO mail_states AS known
    (desk, ticket_id, email_id, recipient, state, reason, detail, at)
SELECT DISTINCT ON (ticket_id, email_id, recipient) *
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::timestamptz[])
    AS new(desk, ticket_id, email_id, recipient, state, reason, detail, at)
ORDER BY ticket_id, email_id, recipient, at DESC, state <> 'sent' DESC
ON CONFLICT (ticket_id, email_id, recipient) DO UPDATE SET
    state = excluded.state, reason = excluded.reason, detail = excluded.detail, at = excluded.at
WHERE known.desk = excluded.desk AND (known.at < excluded.at
    OR known.at = excluded.at AND excluded.state <> 'sent')
"""


async def keep(connection: asyncpg.Connection, mails: Sequence[SentMail]) -> None:
    """Keep these words where they are newer than what is known."""
    rows = [
        (each.desk, each.ticket_id, each.email_id, each.recipient, each.state, each.reason,
         each.detail, each.at)
        for each in mails
    ]  # fmt: skip
    await connection.execute(_KEEP, *(list(column) for column in zip(*rows, strict=True)))


# A bounce is anybody's word: only of mails that intake asked for, to one of their recipients.
_OF_TICKET: Final = """
SELECT states.* FROM mail_states AS states
JOIN facts ON facts.ticket_id = states.ticket_id AND facts.type = $3
    AND facts.data ->> 'email_id' = states.email_id::text
    AND position(to_json(states.recipient)::text IN lower(facts.data::text)) > 0
WHERE states.ticket_id = $1 AND states.desk = $2 ORDER BY states.at, states.recipient
"""


async def of_ticket(connection: asyncpg.Connection, desk: str, ticket_id: UUID) -> list[SentMail]:
    """The mails of the ticket of which there is word, oldest word first."""
    rows = await connection.fetch(_OF_TICKET, ticket_id, desk, EmailRequested.TYPE)
    return [
        SentMail(
            desk=row["desk"],
            ticket_id=UUID(int=row["ticket_id"].int),
            email_id=UUID(int=row["email_id"].int),
            recipient=row["recipient"],
            state=MailState(row["state"]),
            reason=row["reason"],
            detail=row["detail"],
            at=row["at"],
        )
        for row in rows
    ]
