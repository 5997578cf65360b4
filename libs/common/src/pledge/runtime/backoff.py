"""When a delivery that failed is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded in the wait, the number and the age.

    Its values are settings of the service.
    """

    first_wait: timedelta
    longest_wait: timedelta
    attempts: int
    give_up_after: timedelta


def next_attempt(
    policy: RetryPolicy,
    *,
    attempts: int,
    created_at: datetime,
    now: datetime,
    jitter: float,
    not_before: timedelta = timedelta(0),
) -> datetime | None:
    """When to try again after `attempts` failures, or None to give up.

    `jitter` is in [0, 1): full jitter, so that receivers that come back are not met by everybody at
    once. `not_before` is the wait a receiver requested (Retry-After, RFC 9110 §10.2.3), heeded up
    to the longest wait.
    """
    if attempts >= policy.attempts:
        return None
    ceiling = longest_wait(policy, attempts)
    wait = max(ceiling * jitter, min(not_before, policy.longest_wait))
    at = now + wait
    return at if at - created_at <= policy.give_up_after else None


def longest_wait(policy: RetryPolicy, attempts: int) -> timedelta:
    """The bound of the wait after this many failures: doubles until the longest wait."""
    doublings = min(max(attempts - 1, 0), 40)  # 2**40 seconds is past any bound; no overflow
    seconds = policy.first_wait.total_seconds() * 2**doublings
    return timedelta(seconds=min(seconds, policy.longest_wait.total_seconds()))
