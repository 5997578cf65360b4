"""Fixtures for everything that needs a broker or a database."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge.runtime.settings import KafkaSettings
from support import topics
from support.cluster import Cluster, open_cluster, run
from support.databases import Databases


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The broker and the database server that all tests share."""
    shared = open_cluster()
    yield shared
    shared.close()


@pytest.fixture
def unique_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test has, also not in another process or an hour ago."""
    words = re.sub(r"[^a-z0-9]+", "_", str(request.node.name).lower())[:18].strip("_")
    return f"t{SystemIds(SystemClock()).new().hex[4:20]}_{words}"


@pytest.fixture
def kafka(cluster: Cluster, unique_name: str) -> Iterator[KafkaSettings]:
    """The shared broker, with all topics created for this test alone (2 partitions each)."""
    settings = KafkaSettings(
        bootstrap_servers=cluster.bootstrap_servers, topic_prefix=f"{unique_name}."
    )
    run(topics.create(settings))
    yield settings
    run(topics.delete(settings))


@pytest.fixture
def database(cluster: Cluster, unique_name: str) -> Iterator[Databases]:
    """Call it with a service's name (or "runtime") for the DSN of a new, migrated database."""
    databases = Databases(cluster, unique_name)
    yield databases
    databases.drop()
