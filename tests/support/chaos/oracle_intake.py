"""Every delivery became one fact of one ticket, and a conversation is one ticket."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import asyncpg

from support.chaos.load import Ledger
from support.chaos.topic_reader import PublishedEvent
from support.chaos.verdict import Verdict, Violation

_TOKEN = re.compile(r"ref:([0-9a-f]{32}):")
# The facts that repeat what a person wrote.
_WORDS = ("ticket.opened", "ticket.requester_replied", "ticket.agent_replied")


def verify(facts: Sequence[PublishedEvent], ledger: Ledger, verdict: Verdict) -> None:
    """Follow the tokens of the deliveries to the facts that they became."""
    facts_of: dict[str, list[PublishedEvent]] = defaultdict(list)
    for fact in facts:
        if fact.what in _WORDS:
            for token in _TOKEN.findall(str(fact.data.get("text", ""))):
                facts_of[token].append(fact)
    for one in ledger.conversations:
        tickets = set()
        for delivery in one.deliveries:
            found = facts_of[delivery.token]
            label = f"{one.channel.name} delivery {delivery.token}"
            if delivery.was_acknowledged:
                verdict.expect(bool(found), Violation.LOST, f"{label} became nothing")
            verdict.expect(len(found) < 2, Violation.TWICE, f"{label} became {[*map(str, found)]}")
            tickets |= {fact.subject for fact in found}
            wanted = "ticket.agent_replied" if delivery.is_agent else "ticket."
            for fact in found:
                is_right = fact.what.startswith(wanted)
                verdict.expect(is_right, Violation.OTHER, f"{label} became {fact}")
        verdict.expect(len(tickets) < 2, Violation.TWICE, f"{one.id} became tickets {tickets}")
    opened = [fact for fact in facts if fact.what == "ticket.opened"]
    for number, count in Counter(fact.data["number"] for fact in opened).items():
        verdict.expect(count == 1, Violation.TWICE, f"{count} tickets have the number {number}")
    verdict.count("tickets opened", len(opened))


async def verify_tables(
    connection: asyncpg.Connection,
    facts: Sequence[PublishedEvent],
    ledger: Ledger,
    verdict: Verdict,
) -> None:
    """What intake keeps is what it published."""
    direct = {str(story.ticket_id) for story in ledger.tickets}
    rows = await connection.fetch("SELECT ticket_id, sequence, event_id FROM facts")
    kept = {f"{row['ticket_id']} #{row['sequence']} {row['event_id']}" for row in rows}
    published = {f"{each.subject} #{each.sequence} {each.id}" for each in facts}
    published = {each for each in published if each.partition(" ")[0] not in direct}
    verdict.same(kept, published, "facts kept by intake")
    rows = await connection.fetch("SELECT id, sequence FROM tickets")
    counts = Counter(each.subject for each in facts if each.subject not in direct)
    verdict.same(
        {f"{row['id']} at #{row['sequence']}" for row in rows},
        {f"{subject} at #{count}" for subject, count in counts.items()},
        "tickets kept by intake",
    )
