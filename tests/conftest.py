"""Fixtures for everything that needs a broker or a database."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from support import topics
from support.cluster import Cluster, open_cluster, run
from support.databases import Databases

# A busy machine is slow, not wrong: no example has to be ready within a time.
settings.register_profile("pledge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pledge")

# A run that a script or a CI system starts in the background ignores Ctrl-C, and with it every
# process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="module")
def lasting_databases(cluster: Cluster) -> Iterator[Databases]:
    """Databases that all tests of a module share: what is large is filled once."""
    databases = Databases(cluster, f"m{SystemIds(SystemClock()).new().hex[4:20]}")
    yield databases
    databases.drop()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(50_000, id="50k"),
        pytest.param(1_000_000, id="1m", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def rows(request: pytest.FixtureRequest) -> int:
    """How many rows the tables have on which plans are looked at. The million takes a minute."""
    found: int = request.param
    return found
