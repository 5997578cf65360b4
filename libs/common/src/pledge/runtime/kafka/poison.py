"""Poison: records that can never be handled. Too many in a row stop the service.

Each goes to the dead letters by itself. A run of more than KAFKA_POISON_RUN_LIMIT in one partition
is a broken producer or release, not bad records: the rest of the topic is kept where it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from pledge.runtime.records import Poison, Record

# What `pledge dlq resume` lets through: so many more in a row; the first good one ends it.
RESUMED_RUN = 1_000_000


class PoisonRun(Exception):
    """Too many records in a row could not be handled: the fault is hardly in the records."""


def poison_run(
    before: int, records: Sequence[Record], poison: Sequence[Poison], *, limit: int, service: str
) -> int:
    """Records in a row that were poison, up to the end of `records`; `before` is the run so far.

    Raises PoisonRun when that is more than `limit`.
    """
    poisoned = {each.record.offset for each in poison}
    run = before
    for record in records:
        run = run + 1 if record.offset in poisoned else 0
        if run > limit:
            raise PoisonRun(
                f"{run} records in a row of {record.topic}[{record.partition}] up to offset"
                f" {record.offset} could not be handled ({poison[-1].reason}). Nothing"
                " more is dead-lettered. Fix the producer or this service; if the records"
                f" really are bad, go on with: pledge dlq resume {service}"
            )
    return run
