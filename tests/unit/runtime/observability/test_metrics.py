from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from pledge.runtime.clock import SystemClock
from pledge.runtime.observability.metrics import STALL_INTERVAL, RuntimeMetrics, watch_event_loop
from pledge.runtime.records import Partition
from pledge.runtime.testing import VirtualClock
from support.tokens import START

PARTITION = Partition("ticket.events.v1", 3)
PLACE = {"service": "sla", "topic": "ticket.events.v1", "partition": "3"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> RuntimeMetrics:
    return RuntimeMetrics(registry, "sla")


def test_lag_is_told_in_records_and_seconds(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    metrics.lag(PARTITION, 12, timedelta(seconds=1.5))
    assert registry.get_sample_value("pledge_consumer_lag_records", PLACE) == 12
    assert registry.get_sample_value("pledge_consumer_lag_seconds", PLACE) == 1.5


def test_lag_of_a_partition_that_was_given_away_is_not_told_any_more(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    metrics.lag(PARTITION, 12, timedelta(seconds=1.5))
    metrics.released([PARTITION, Partition("never.seen", 0)])
    assert registry.get_sample_value("pledge_consumer_lag_records", PLACE) is None
    assert registry.get_sample_value("pledge_consumer_lag_seconds", PLACE) is None


def test_records_are_counted_by_result(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    metrics.batch_done(PARTITION, 10, 0.02)
    metrics.dead_lettered("ticket.events.v1", "not_json")
    labels = {"service": "sla", "topic": "ticket.events.v1"}
    count = registry.get_sample_value
    assert count("pledge_consumer_records_total", labels | {"result": "handled"}) == 10
    assert count("pledge_consumer_records_total", labels | {"result": "dead_lettered"}) == 1
    assert count("pledge_dead_letters_total", labels | {"reason": "not_json"}) == 1
    assert count("pledge_consumer_batch_seconds_sum", labels) == 0.02


def test_publishing_is_measured_from_commit_to_acknowledgement(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    metrics.relayed(5, timedelta(milliseconds=4))
    metrics.relayed(1, timedelta(milliseconds=-4))  # clocks of two machines
    metrics.outbox(7, timedelta(seconds=3))
    labels = {"service": "sla"}
    assert registry.get_sample_value("pledge_outbox_published_total", labels) == 6
    assert registry.get_sample_value("pledge_outbox_publish_seconds_sum", labels) == 0.004
    assert registry.get_sample_value("pledge_outbox_rows", labels) == 7
    assert registry.get_sample_value("pledge_outbox_oldest_seconds", labels) == 3


def test_two_services_in_one_process_do_not_mix(registry: CollectorRegistry) -> None:
    other = CollectorRegistry()
    RuntimeMetrics(registry, "sla").rebalanced("assigned")
    RuntimeMetrics(other, "notify")
    labels = {"service": "sla", "kind": "assigned"}
    assert registry.get_sample_value("pledge_consumer_rebalances_total", labels) == 1
    assert other.get_sample_value("pledge_consumer_rebalances_total", labels) is None


async def test_stall_of_the_event_loop_is_measured(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    clock = SystemClock()
    watching = asyncio.ensure_future(watch_event_loop(metrics, clock))
    await clock.sleep(STALL_INTERVAL / 2)
    blocked_until = clock.monotonic() + 0.3
    while clock.monotonic() < blocked_until:
        pass  # what a heavy computation does to everybody else
    await clock.sleep(STALL_INTERVAL)
    watching.cancel()
    longest = {"service": "sla", "le": "0.1"}
    total = {"service": "sla"}
    within = registry.get_sample_value("pledge_event_loop_stall_seconds_bucket", longest) or 0
    count = registry.get_sample_value("pledge_event_loop_stall_seconds_count", total) or 0
    assert count - within >= 1


async def test_waiting_on_a_clock_that_tests_move_is_no_stall(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    clock = VirtualClock(START)
    watching = asyncio.ensure_future(watch_event_loop(metrics, clock))
    for _ in range(3):
        await clock.sleep(timedelta(0))
        clock.advance_to(clock.now() + STALL_INTERVAL)
    await clock.sleep(timedelta(0))
    watching.cancel()
    assert registry.get_sample_value(
        "pledge_event_loop_stall_seconds_sum", {"service": "sla"}
    ) == pytest.approx(0)


def test_every_series_has_help_and_a_unit_in_its_name(
    metrics: RuntimeMetrics, registry: CollectorRegistry
) -> None:
    for family in registry.collect():
        assert family.documentation.endswith("."), family.name
        assert family.name.startswith("pledge_"), family.name
        if family.type == "histogram":
            assert family.name.endswith("_seconds"), family.name
