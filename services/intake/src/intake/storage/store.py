"""Intake's tables, a function per statement. A batch costs the same few statements at any size."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_type_hints
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter
from pydantic_core import to_json

from intake.domain.command_registry import State
from intake.domain.desk import Desk
from intake.domain.failed_replies import MailedReply
from intake.domain.request_details import NO_DETAILS, RequestDetails
from intake.domain.thread_matching import Key
from intake.domain.ticket import Ticket
from intake.storage.files import MESSAGE_POSITION, FileRow, insert_files, row_of
from pledge.events import AttachmentRef, Contact

_REQUEST_DETAILS: Final = TypeAdapter(RequestDetails)


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of a ticket as it was published: ``data`` is its JSON, ``files`` what came with it,
    ``raw`` the whole message that it came in."""

    ticket_id: UUID
    sequence: int
    event_id: str
    type: str
    occurred_at: datetime
    data: str
    desk: str = ""
    files: tuple[AttachmentRef, ...] = ()
    raw: AttachmentRef | None = None


# ---- deliveries and threads ----

_NOTE_DELIVERIES = """
INSERT INTO deliveries (key, taken_at)
SELECT key, $2 FROM unnest($1::bytea[]) AS new(key) ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
"""


async def note_deliveries(
    connection: asyncpg.Connection, keys: Sequence[Key], now: datetime
) -> set[Key]:
    """Remember the deliveries; return those that were not known. In key order, so that two
    transactions with the same deliveries wait for one another instead of deadlocking."""
    rows = await connection.fetch(_NOTE_DELIVERIES, keys, now)
    return {row["key"] for row in rows}


_NOTE_REQUEST = """
INSERT INTO deliveries (key, taken_at, request) VALUES ($1, $2, $3)
ON CONFLICT (key) DO NOTHING RETURNING true
"""


async def note_request(
    connection: asyncpg.Connection, key: Key, request: bytes, now: datetime
) -> bool:
    """Remember a request under its key, with the hash of what was sent; whether it is new."""
    return bool(await connection.fetchval(_NOTE_REQUEST, key, now, request))


async def request_of(connection: asyncpg.Connection, key: Key) -> bytes | None:
    """The hash of what was sent under the key, if that was kept."""
    found: bytes | None = await connection.fetchval(
        "SELECT request FROM deliveries WHERE key = $1", key
    )
    return found


async def forget_deliveries(connection: asyncpg.Connection, keys: Sequence[Key]) -> None:
    """Forget deliveries that could not be handled: replayed later, they are new."""
    await connection.execute("DELETE FROM deliveries WHERE key = ANY($1::bytea[])", keys)


async def forget_old_deliveries(
    connection: asyncpg.Connection, keys: Sequence[Key], before: datetime
) -> None:
    """Forget those of the deliveries that were taken before the instant."""
    await connection.execute(
        "DELETE FROM deliveries WHERE key = ANY($1::bytea[]) AND taken_at < $2", keys, before
    )


async def find_threads(connection: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, UUID]:
    """The tickets of the threads that are known."""
    rows = await connection.fetch(
        "SELECT key, ticket_id FROM threads WHERE key = ANY($1::bytea[])", keys
    )
    return {row["key"]: row["ticket_id"] for row in rows}


_ADD_THREADS = """
INSERT INTO threads (key, ticket_id)
SELECT key, ticket_id FROM unnest($1::bytea[], $2::uuid[]) AS new(key, ticket_id) ORDER BY key
ON CONFLICT (key) DO NOTHING
"""


async def add_threads(connection: asyncpg.Connection, threads: Mapping[Key, UUID]) -> None:
    """Remember threads; one that is known keeps its ticket."""
    await connection.execute(_ADD_THREADS, list(threads), list(threads.values()))


# ---- tickets ----

_TAKE_NUMBERS = """
INSERT INTO ticket_numbers AS known (desk, next_number) VALUES ($1, $2::bigint + $3::bigint)
ON CONFLICT (desk) DO UPDATE SET next_number = greatest(known.next_number, $2) + $3
RETURNING next_number - $3
"""


async def take_numbers(
    connection: asyncpg.Connection, counts: Mapping[str, int], desks: Mapping[str, Desk]
) -> dict[str, int]:
    """Reserve the next numbers of each desk; return the first of each. A statement a desk, in the
    order of their names: a batch is of one desk or a few, and waits for others' only here."""
    numbers = {}
    for desk in sorted(counts):
        numbers[desk] = await connection.fetchval(
            _TAKE_NUMBERS, desk, desks[desk].first_number, counts[desk]
        )
    return numbers


TICKET_COLUMNS: Final = (
    "id", "desk", "number", "state", "severity", "priority", "channel", "subject_line",
    "requester", "opened_at", "changed_at", "sequence", "details",
)  # fmt: skip
SELECT_TICKET: Final = f"SELECT {', '.join(TICKET_COLUMNS)} FROM tickets"  # noqa: S608 - constant names


async def lock_tickets(connection: asyncpg.Connection, ids: Iterable[UUID]) -> dict[UUID, Ticket]:
    """The tickets of these ids that exist, locked until the transaction ends, in id order."""
    rows = await connection.fetch(
        f"{SELECT_TICKET} WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", sorted(set(ids))
    )
    return {row["id"]: ticket_of(row) for row in rows}


async def insert_tickets(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write new tickets."""
    await connection.copy_records_to_table(
        "tickets", columns=TICKET_COLUMNS, records=[_values(ticket) for ticket in tickets]
    )


_UPDATE = """
UPDATE tickets SET
    state = new.state, severity = new.severity, priority = new.priority,
    requester = new.requester, changed_at = new.changed_at, sequence = new.sequence,
    details = new.details::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
    $7::int[], $8::text[])
    AS new(id, state, severity, priority, requester, changed_at, sequence, details)
WHERE tickets.id = new.id
"""


async def update_tickets(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write what changed in tickets whose rows are locked."""
    await connection.execute(
        _UPDATE,
        [each.id for each in tickets],
        [each.state.value for each in tickets],
        [each.severity for each in tickets],
        [each.priority for each in tickets],
        [requester_key(each.requester) for each in tickets],
        [each.changed_at for each in tickets],
        [each.sequence for each in tickets],
        [to_json(_details(each)).decode() for each in tickets],
    )


def requester_key(person: Contact) -> str | None:
    """What a requester's history is found by: the address, else the number, else the chat id."""
    key = person.email or person.phone or person.chat
    return key.lower()[:320] if key else None


def _values(ticket: Ticket) -> tuple[Any, ...]:
    return (
        ticket.id,
        ticket.desk,
        ticket.number,
        ticket.state.value,
        ticket.severity,
        ticket.priority,
        ticket.channel,
        ticket.subject_line,
        requester_key(ticket.requester),
        ticket.opened_at,
        ticket.changed_at,
        ticket.sequence,
        _details(ticket),
    )


# The fields of a ticket that have no column are kept in `details`, each under its name; the
# requester's column holds only what it is found by.
_DETAILS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter(hint)
    for name, hint in get_type_hints(Ticket).items()
    if name not in {*TICKET_COLUMNS, "request_details"} - {"requester"}
}


def _details(ticket: Ticket) -> dict[str, Any]:
    """What has no column; values that say nothing are left out."""
    details = {
        name: value for name in _DETAILS if (value := getattr(ticket, name)) not in (None, ())
    }
    if ticket.request_details is not NO_DETAILS:
        details["particulars"] = _REQUEST_DETAILS.dump_python(
            ticket.request_details, exclude_defaults=True
        )
    return details


def ticket_of(row: Mapping[str, Any]) -> Ticket:
    """The ticket of a row of `tickets`."""
    details = row["details"]
    return Ticket(
        id=UUID(int=row["id"].int),
        desk=row["desk"],
        number=row["number"],
        state=State(row["state"]),
        sequence=row["sequence"],
        subject_line=row["subject_line"],
        channel=row["channel"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        severity=row["severity"],
        priority=row["priority"],
        request_details=_REQUEST_DETAILS.validate_python(details["particulars"])
        if "particulars" in details
        else NO_DETAILS,
        **{
            name: adapter.validate_python(details[name])
            for name, adapter in _DETAILS.items()
            if name in details
        },
    )


# ---- facts ----


async def insert_facts(connection: asyncpg.Connection, facts: Sequence[Fact]) -> None:
    """Write the facts of tickets, and which files they have."""
    await connection.copy_records_to_table(
        "facts",
        columns=("ticket_id", "sequence", "event_id", "type", "occurred_at", "data"),
        records=[
            (each.ticket_id, each.sequence, each.event_id, each.type, each.occurred_at, each.data)
            for each in facts
        ],
    )
    if rows := [row for each in facts for row in _file_rows(each)]:
        await insert_files(connection, rows)


def _file_rows(fact: Fact) -> Iterator[FileRow]:
    place = (fact.ticket_id, fact.sequence)
    if fact.raw is not None:
        yield row_of(*place, MESSAGE_POSITION, fact.desk, "messages", fact.raw)
    for position, ref in enumerate(fact.files):
        yield row_of(*place, position, fact.desk, "files", ref)


async def insert_texts(
    connection: asyncpg.Connection, texts: Sequence[tuple[UUID, int, str]]
) -> None:
    """Keep whole texts (ticket, sequence of the fact, text)."""
    await connection.copy_records_to_table(
        "texts", columns=("ticket_id", "sequence", "text"), records=texts
    )


_MAILED_REPLIES: Final = """
SELECT reply.ticket_id, reply.sequence, mail.data ->> 'email_id' AS email_id,
    ARRAY(SELECT lower(person ->> 'email') FROM json_array_elements(mail.data -> 'to') AS person
          WHERE person ->> 'email' IS NOT NULL) AS recipients
FROM facts AS mail JOIN facts AS reply
    ON reply.ticket_id = mail.ticket_id AND reply.sequence = mail.sequence - 1
WHERE mail.ticket_id = ANY($1::uuid[])
    AND mail.type = 'pledge.ticket.email_requested.v1'
    AND reply.type = 'pledge.ticket.agent_replied.v1'
"""


async def mailed_replies(
    connection: asyncpg.Connection, tickets: Sequence[UUID]
) -> dict[UUID, MailedReply]:
    """The replies of these tickets that were mailed, by the id of the mail."""
    rows = await connection.fetch(_MAILED_REPLIES, tickets)
    return {
        UUID(row["email_id"]): MailedReply(
            UUID(int=row["ticket_id"].int), row["sequence"], frozenset(row["recipients"])
        )
        for row in rows
    }


# ---- attachments that came before there was a store of files ----


async def find_attachment(
    connection: asyncpg.Connection, desk: str, sha256: str
) -> tuple[str, bytes] | None:
    """The content type and bytes of a file of the desk."""
    row = await connection.fetchrow(
        "SELECT content_type, content FROM attachments WHERE desk = $1 AND sha256 = $2",
        desk,
        sha256,
    )
    return (row["content_type"], row["content"]) if row else None


# ---- customers' plans, as agents changed them ----

_KEEP_PLAN: Final = """
INSERT INTO customer_plans (desk, customer, plan, file_plan, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (desk, customer) DO UPDATE SET plan = $3, file_plan = $4, since = $5
"""


async def keep_customer_plan(
    connection: asyncpg.Connection, desk: Desk, customer: str, plan: str, since: datetime
) -> None:
    """Remember the customer's plan, and what the file says of it now."""
    await connection.execute(
        _KEEP_PLAN, desk.id, customer, plan, desk.customers[customer].plan, since
    )


async def desks_with_plans(
    connection: asyncpg.Connection, desks: Iterable[Desk]
) -> dict[str, Desk]:
    """The desks, by id, with the plans that their customers have by now; those that know no
    customer need no look."""
    asked = {each.id: each for each in desks if each.customers}
    if not asked:
        return {}
    rows = await connection.fetch(
        "SELECT desk, customer, plan, file_plan FROM customer_plans WHERE desk = ANY($1::text[])",
        list(asked),
    )
    plans: dict[str, dict[str, str]] = {}
    for row in rows:
        customer = asked[row["desk"]].customers.get(row["customer"])
        if customer is not None and customer.plan == row["file_plan"]:
            plans.setdefault(row["desk"], {})[row["customer"]] = row["plan"]
    return {desk: asked[desk].with_plans(found) for desk, found in plans.items()}
