"""A confirmed fault is one incident, and every ticket that confirms it has joined it."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from support.chaos.topic_reader import PublishedEvent
from support.chaos.verdict import Verdict, Violation


async def verify(
    connection: asyncpg.Connection,
    facts: Sequence[PublishedEvent],
    events: Sequence[PublishedEvent],
    verdict: Verdict,
) -> None:
    """Compare confirmations, incidents and what was published of them."""
    confirmed = {
        fact.subject
        for fact in facts
        if fact.what == "ticket.triaged" and fact.data.get("known_incident")
    }
    rows = await connection.fetch("SELECT ticket_id::text, incident FROM reports")
    joined = {row["ticket_id"] for row in rows if row["incident"] is not None}
    verdict.same(joined, confirmed, "tickets with an incident")
    opened = [each for each in events if each.what == "incident.opened"]
    incidents = await connection.fetchval("SELECT count(*) FROM incidents")
    wanted = 1 if confirmed else 0
    kind = Violation.TWICE if len(opened) > wanted else Violation.LOST
    counts = f"{len(confirmed)} confirmations: {incidents} incidents, {len(opened)} published"
    verdict.expect(len(opened) == incidents == wanted, kind, counts)
    verdict.count("incidents", incidents)
