"""The one fallback for a batch that fails: item by item, so that one bad item harms no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from pledge.runtime.kafka.ownership import Fenced
from pledge.runtime.postgres.errors import is_bug

T = TypeVar("T")

log = structlog.get_logger()


async def apply_or_reject(
    batch: Sequence[T],
    *,
    apply: Callable[[Sequence[T]], Awaitable[None]],
    reject: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Apply `batch` in one piece; if that fails, apply its items one by one, in their order.

    An item that fails alone is handed to `reject` with its error, before the next one is applied.
    A batch of one is tried a second time as well: what was cached for the first try is read again.

    Raises what `reject` raises, and errors that are no item's fault: the partition is lost
    (Fenced), the database is away, or the deployment lacks something that every item needs (see
    `postgres.errors`). Those leave the rest of the batch untouched.
    """
    try:
        await apply(batch)
    except Exception as error:
        if _is_no_items_fault(error):
            raise
        log.warning("batch_failed_going_one_by_one", items=len(batch), error=repr(error))
    else:
        return
    for item in batch:
        try:
            await apply([item])
        except Exception as error:
            if _is_no_items_fault(error):
                raise
            await reject(item, error)


def _is_no_items_fault(error: Exception) -> bool:
    return isinstance(error, Fenced) or not is_bug(error)
