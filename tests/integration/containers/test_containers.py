"""The published images of Kafka and PostgreSQL serve as well as the servers we start ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.community.kafka import KafkaContainer
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.docker_client import DockerClient

from integration.containers.broken_promise import breaches_of_an_unanswered_ticket
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.postgres.migrations import migrate, migrations_of
from support import topics
from support.databases import Databases

KAFKA_IMAGE = "confluentinc/cp-kafka:7.6.0"
POSTGRES_IMAGE = "postgres:18"


@pytest.fixture(scope="module")
def engine() -> None:
    """A container engine that has the images or can get them."""
    try:
        client = DockerClient().client
    except Exception as error:
        pytest.skip(f"no container engine is in reach: {error}")
    for image in (KAFKA_IMAGE, POSTGRES_IMAGE):
        try:
            if not client.images.list(name=image):
                client.images.pull(image)
        except Exception as error:
            pytest.skip(f"the image {image} is not in reach: {error}")


@pytest.fixture
def container_kafka(engine: None) -> Iterator[KafkaSettings]:
    with KafkaContainer(KAFKA_IMAGE).with_kraft() as container:
        yield KafkaSettings(bootstrap_servers=container.get_bootstrap_server())


@pytest.fixture
def container_dsn(engine: None) -> Iterator[str]:
    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()


async def test_broken_promise_is_told_on_containers(
    container_kafka: KafkaSettings, container_dsn: str, tmp_path: Path
) -> None:
    await topics.create(container_kafka)
    await migrate(container_dsn, migrations_of("sla"))
    told = await breaches_of_an_unanswered_ticket(container_kafka, container_dsn, tmp_path)
    assert [breach.metric for breach in told] == ["first_response"]


async def test_broken_promise_is_told_on_our_own_servers(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    told = await breaches_of_an_unanswered_ticket(kafka, database("sla"), tmp_path)
    assert [breach.metric for breach in told] == ["first_response"]
