"""Measures what waits in the outbox."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.postgres.errors import is_retriable

log = logs.get(__name__)


OUTBOX_INTERVAL = timedelta(seconds=5)


# Counting stops here: a number this large says all there is to say.
MOST_ROWS_COUNTED = 100_000


_OUTBOX = """
SELECT count(*) AS rows, min(written_at) AS oldest
FROM (SELECT written_at FROM outbox ORDER BY id LIMIT $1) AS waiting
"""


async def watch_outbox(metrics: RuntimeMetrics, pool: asyncpg.Pool, clock: Clock) -> None:
    """Measure the rows in the outbox and the age of the oldest, until cancelled."""
    while True:
        try:
            row = await pool.fetchrow(_OUTBOX, MOST_ROWS_COUNTED)
            oldest = row["oldest"]
            metrics.outbox(row["rows"], clock.now() - oldest if oldest else timedelta(0))
        except Exception as error:
            if not is_retriable(error):
                raise
            log.warning("outbox_not_counted", error=str(error))
        await clock.sleep(OUTBOX_INTERVAL)
