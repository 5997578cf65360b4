from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka import membership
from pledge.runtime.kafka.membership import Membership
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.records import Partition


async def test_certificate_that_is_being_replaced_ends_no_membership(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question needs a connection of its own, and reads the certificates for it."""
    monkeypatch.setattr(membership, "QUESTION_DUE", 0)
    kafka = KafkaSettings(
        bootstrap_servers="localhost:9092",
        security_protocol="SSL",
        ssl_cafile=tmp_path / "ca.pem",
        session_timeout=timedelta(seconds=6),
        heartbeat_interval=timedelta(seconds=1),
    )
    partition = Partition("ticket.events.v1", 0)

    async def commit(_: object) -> None:
        raise KafkaConnectionError("asked for by the test")

    assignment = SimpleNamespace(
        offsets=lambda: {partition: 1}, partitions=lambda: {partition}, is_joined=True
    )
    subscription = SimpleNamespace(commit=commit, member_id="me", is_heartbeating=True)
    watched = Membership(
        cast(Any, assignment),
        cast(Any, subscription),
        kafka,
        service="test",
        metrics=RuntimeMetrics(CollectorRegistry(), "test"),
    )
    with structlog.testing.capture_logs() as lines, pytest.raises(TimeoutError):
        async with asyncio.timeout(1.3):
            await watched.watch()
    assert [line for line in lines if line["event"] == "group_not_described"]
