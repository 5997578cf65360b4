"""Every breach is one page, and every page reached the pager, under one id when it came again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from support.chaos.desk import PAGE_LATE_AFTER
from support.chaos.receiver import Call
from support.chaos.topic_reader import PublishedEvent
from support.chaos.verdict import Verdict, Violation

_PAGES = """
SELECT id::text, breach_id::text, state, is_late, detected_at, raised_at FROM pages
"""
_DELIVERIES = "SELECT id::text, page_id::text, state FROM deliveries"
# `raised_at` is rounded in the webhook, not in the table.
_EXACT = timedelta(milliseconds=1)


async def verify(
    connection: asyncpg.Connection,
    calls: Sequence[Call],
    breaches: Sequence[PublishedEvent],
    events: Sequence[PublishedEvent],
    verdict: Verdict,
) -> None:
    """Compare breaches, pages, deliveries, calls of the receiver, and what was published."""
    broken = {each.data["breach_id"]: each for each in breaches if each.what == "promise.breached"}
    pages = await connection.fetch(_PAGES)
    raised = Counter(row["breach_id"] for row in pages)
    verdict.same(set(raised), set(broken), "breaches with a page")
    for breach, count in raised.items():
        verdict.expect(count == 1, Violation.TWICE, f"breach {breach} has {count} pages")
    for row in pages:
        _verify_lateness(row, broken, verdict)
    deliveries = await connection.fetch(_DELIVERIES)
    _verify_calls(pages, deliveries, calls, verdict)
    _verify_events(deliveries, events, verdict)
    verdict.count("pages", len(pages))
    verdict.count("pages marked late", sum(row["is_late"] for row in pages))


def _verify_lateness(
    row: asyncpg.Record, broken: dict[str, PublishedEvent], verdict: Verdict
) -> None:
    breach = broken.get(row["breach_id"])
    if breach is None:
        return
    detected = datetime.fromisoformat(breach.data["detected_at"])
    waited = row["raised_at"] - detected
    is_late = breach.data["is_late"] or waited > PAGE_LATE_AFTER
    is_close = abs(waited - PAGE_LATE_AFTER) < _EXACT
    verdict.expect(
        is_close or row["is_late"] == is_late,
        Violation.OTHER,
        f"page {row['id']} was raised {waited} after its breach; late: {row['is_late']}",
    )


def _verify_calls(
    pages: Sequence[asyncpg.Record],
    deliveries: Sequence[asyncpg.Record],
    calls: Sequence[Call],
    verdict: Verdict,
) -> None:
    by_id: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_id[call.webhook_id].append(call)
        verdict.expect(call.is_signed, Violation.OTHER, f"call {call.webhook_id} is not signed")
    states = {row["id"]: row["state"] for row in pages}
    of_page: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in deliveries:
        of_page[row["page_id"]].append(row)
        found = by_id.pop(row["id"], [])
        label = f"delivery {row['id']} of page {row['page_id']}"
        match row["state"]:
            case "delivered":
                is_there = any(call.was_accepted for call in found)
                verdict.expect(is_there, Violation.LOST, f"{label} did not reach the receiver")
            case "cancelled":
                is_over = states.get(row["page_id"]) == "resolved"
                verdict.expect(
                    is_over, Violation.LOST, f"{label} was cancelled, its page is not over"
                )
            case other:
                verdict.add(Violation.LOST, f"{label} is {other}")
        bodies = {call.body for call in found}
        verdict.expect(len(bodies) < 2, Violation.TWICE, f"{label} came with {len(bodies)} bodies")
        verdict.count("webhook calls", len(found))
        verdict.count("webhook repetitions", max(0, len(found) - 1))
    for page, state in states.items():
        count = len(of_page[page])
        # A page that is over before it is sent needs no delivery.
        is_right = count == 1 or (count == 0 and state == "resolved")
        kind = Violation.LOST if count == 0 else Violation.TWICE
        verdict.expect(is_right, kind, f"page {page}, {state}, has {count} deliveries")
    verdict.expect(not by_id, Violation.OTHER, f"calls of no delivery: {sorted(by_id)}")


def _verify_events(
    deliveries: Sequence[asyncpg.Record], events: Sequence[PublishedEvent], verdict: Verdict
) -> None:
    delivered = Counter(each.data["page_id"] for each in events if each.what == "page.delivered")
    wanted = {row["page_id"] for row in deliveries if row["state"] == "delivered"}
    verdict.same(set(delivered), wanted, "pages published as delivered")
    for page, count in delivered.items():
        verdict.expect(
            count == 1, Violation.TWICE, f"page {page} was published as delivered {count} times"
        )
