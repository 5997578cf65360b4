"""Retries wait within a growing bound, and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pledge.runtime.backoff import RetryPolicy, longest_wait, next_attempt

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

spans = st.integers(1, 100_000).map(lambda number: timedelta(milliseconds=number))
policies = st.builds(RetryPolicy, spans, spans, st.integers(1, 2000), spans)
jitters = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 5000), jitters, spans)
def test_a_retry_is_within_the_bounds_or_there_is_none(
    policy: RetryPolicy, attempts: int, jitter: float, age: timedelta
) -> None:
    at = next_attempt(policy, attempts=attempts, created_at=NOW - age, now=NOW, jitter=jitter)

    if at is None:
        is_spent = attempts >= policy.attempts
        assert is_spent or age + longest_wait(policy, attempts) > policy.give_up_after
    else:
        assert NOW <= at <= NOW + longest_wait(policy, attempts)
        assert at - (NOW - age) <= policy.give_up_after


@given(policies, st.integers(1, 5000))
def test_the_bound_never_shrinks_and_never_passes_the_longest(
    policy: RetryPolicy, attempts: int
) -> None:
    assert longest_wait(policy, attempts) <= longest_wait(policy, attempts + 1)
    assert longest_wait(policy, attempts) <= policy.longest_wait


@given(jitters, st.integers(0, 10_000_000))
def test_what_the_receiver_asks_for_is_heeded_up_to_the_longest_wait(
    jitter: float, seconds: int
) -> None:
    policy = RetryPolicy(
        first_wait=timedelta(seconds=1),
        longest_wait=timedelta(minutes=10),
        attempts=20,
        give_up_after=timedelta(hours=24),
    )
    requested = timedelta(seconds=seconds)

    at = next_attempt(
        policy, attempts=1, created_at=NOW, now=NOW, jitter=jitter, not_before=requested
    )

    assert at is not None
    assert min(requested, policy.longest_wait) <= at - NOW <= policy.longest_wait
