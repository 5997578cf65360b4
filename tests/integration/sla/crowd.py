"""Ten thousand open tickets at once, as the service's tables hold them."""

from __future__ import annotations

from datetime import datetime

import asyncpg

DESK = "crowd"
TICKETS = 10_000

# Nothing wakes for them (`wake_at`): they are there to be looked at.
_STATEMENTS = (
    """
    INSERT INTO tickets (ticket_id, topic, partition, desk, number, policy_version, severity,
        is_closed, sequence, timer_sequence, breach_sequence, cause_id, correlation_id)
    SELECT md5($3 || i)::uuid, 'ticket.events.v1', i % 4, $3, 'CRO-' || i,
        (SELECT version FROM policy_versions WHERE desk = $3 LIMIT 1), 'p' || 1 + i % 3,
        false, 1, 2, 0, 'c' || i, 'c' || i
    FROM generate_series(1, $1::int) AS i WHERE $2::timestamptz IS NOT NULL
    """,
    """
    INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
    SELECT md5($3 || i)::uuid, 1, 'opened', $2, $2,
        json_build_object('subject_line', 'Nobody can sign in at site ' || i, 'channel', 'email')
    FROM generate_series(1, $1::int) AS i
    """,
    """
    INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at, at_risk_sent,
        target, reason)
    SELECT md5($3 || i)::uuid, metric, 1, $3, 'running', $2,
        $2::timestamptz + interval '1 hour' + i * interval '10 seconds', 0, '4 hours', 'opened'
    FROM generate_series(1, $1::int) AS i, unnest(ARRAY['first_response', 'resolution']) AS metric
    """,
)


async def gather(connection: asyncpg.Connection, opened_at: datetime) -> None:
    """Put them there, each with two promises that fall due from an hour later on."""
    for statement in _STATEMENTS:
        await connection.execute(statement, TICKETS, opened_at, DESK)
    await connection.execute("ANALYZE tickets, facts, timers")
