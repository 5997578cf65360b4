"""The whole stack as a person runs it: `pledge up`, `pledge down`, and what goes wrong."""

from __future__ import annotations

import itertools
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from pledge.runtime.config.settings import KafkaSettings
from pledge_local.home import Home
from pledge_local.ports import NAMES, SERVICES, Ports
from support import topics
from support.cluster import ROOT, Cluster, run
from support.databases import Databases
from support.outliving import nothing_outlives
from support.waiting import eventually

PLEDGE = (sys.executable, "-m", "pledge_local")
# Slow machines share two cores with other tests.
UP_WITHIN = 150
LONG = timedelta(seconds=60)


def environment() -> dict[str, str]:
    ours = ("KAFKA_", "PLEDGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200"}


@dataclass
class Place:
    """A folder and ports for one stack."""

    home: Path
    base: int

    def pledge(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PLEDGE, *words, "--home", str(self.home)],
            cwd=ROOT,
            env=environment() | more,
            capture_output=True,
            text=True,
            timeout=UP_WITHIN,
            check=False,
        )

    def up(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.pledge("up", "--port-base", str(self.base), *words, **more)

    def stack(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return content

    def family(self) -> list[psutil.Process]:
        pid = Home(self.home).runner()
        assert pid is not None
        runner = psutil.Process(pid)
        return [runner, *runner.children(recursive=True)]


def free_base() -> int:
    """The first of nine free ports in a row, below those that clients are given."""
    bases = itertools.count(10_000 + os.getpid() * 10 % 15_000, 10)
    return next(base for base in bases if Ports(base).are_free(NAMES))


def are_gone(family: list[psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("stack") / "home", free_base())
    with nothing_outlives(place.home):
        started = place.up("--detach")
        assert started.returncode == 0, started.stdout + started.stderr
        assert f"`PLEDGE_HOME={place.home} pledge down` stops it" in started.stdout
        yield place


class TestRunningStack:
    """One stack, started once, for everything that leaves it running; the last test stops it."""

    def test_addresses_are_written_for_the_owner_alone(self, running: Place) -> None:
        assert stat.S_IMODE((running.home / "stack.json").stat().st_mode) == 0o600
        stack = running.stack()
        assert set(stack) == {"kafka", *SERVICES, "sink", "token"}
        assert set(stack["kafka"]) == {"bootstrap_servers"}
        assert set(stack["intake"]) == {"url", "smtp", "dsn"}
        for name in ("sla", "notify", "status"):
            assert set(stack[name]) == {"url", "dsn"}
        assert set(stack["sink"]) == {"url", "smtp"}

    def test_every_service_is_ready(self, running: Place) -> None:
        stack = running.stack()
        for name in (*SERVICES, "sink"):
            assert httpx.get(f"{stack[name]['url']}/readyz", trust_env=False).status_code == 200

    def test_token_opens_the_apis(self, running: Place) -> None:
        stack = running.stack()
        headers = {"authorization": f"Bearer {stack['token']}"}
        for url in (f"{stack['intake']['url']}/tickets", f"{stack['sla']['url']}/timers"):
            assert httpx.get(url, trust_env=False).status_code == 401
            assert httpx.get(url, headers=headers, trust_env=False).status_code == 200

    async def test_databases_are_reached_by_the_written_addresses(self, running: Place) -> None:
        for name in SERVICES:
            connection = await asyncpg.connect(running.stack()[name]["dsn"])
            try:
                assert await connection.fetchval("SELECT count(*) FROM consumed") >= 0
            finally:
                await connection.close()

    def test_second_start_is_refused_with_the_first_ones_address(self, running: Place) -> None:
        second = running.up()
        assert second.returncode == 2
        assert "A stack already runs in" in second.stderr
        assert running.stack()["intake"]["url"] in second.stderr
        assert "Traceback" not in second.stderr

    def test_taken_ports_are_refused_with_a_way_out(self, running: Place, tmp_path: Path) -> None:
        other = Place(tmp_path / "other", running.base).up()
        assert other.returncode == 2
        assert f"port {running.base} (for sink)" in other.stderr
        assert "--port-base" in other.stderr
        assert "Traceback" not in other.stderr

    async def test_killed_runner_takes_everything_with_it_and_the_data_stays(
        self, running: Place
    ) -> None:
        async with connected(running) as connection:
            await connection.execute("INSERT INTO consumed VALUES ('kept', 0, 7, 1)")
        family = running.family()
        family[0].kill()

        async def all_gone() -> bool:
            return are_gone(family)

        await eventually(all_gone, within=LONG, what="the end of all processes")
        again = running.up("--detach")
        assert again.returncode == 0, again.stdout + again.stderr
        async with connected(running) as connection:
            kept = "SELECT next_offset FROM consumed WHERE topic = 'kept'"
            assert await connection.fetchval(kept) == 7

    def test_down_leaves_nothing_running_and_tells_so(self, running: Place) -> None:
        family = running.family()
        assert len(family) > 7
        stopped = running.pledge("down")
        assert stopped.returncode == 0, stopped.stderr
        assert are_gone(family)
        assert not (running.home / "stack.json").exists()
        again = running.pledge("down")
        assert again.returncode == 0
        assert "Nothing runs" in again.stdout


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(place.stack()["sla"]["dsn"])
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with nothing_outlives(tmp_path / "home"):
        yield Place(tmp_path / "home", free_base())


@pytest.fixture
def foreground(place: Place) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PLEDGE, "up", "--home", str(place.home), "--port-base", str(place.base)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


async def ready(place: Place, process: subprocess.Popen[str]) -> None:
    async def is_ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(process.stdout.read() if process.stdout else "")
        return (place.home / "stack.json").exists()

    await eventually(is_ready, within=timedelta(seconds=UP_WITHIN), what="a ready stack")


async def test_service_that_dies_is_named_and_everything_stops(
    place: Place, foreground: subprocess.Popen[str]
) -> None:
    await ready(place, foreground)
    family = place.family()
    (sla,) = [one for one in family if one.cmdline()[-2:] == ["-m", "sla"]]
    sla.kill()
    said, _ = foreground.communicate(timeout=60)
    assert foreground.returncode == 1
    assert "sla was killed by signal 9" in said
    assert str(place.home / "logs" / "sla.log") in said
    assert "Traceback" not in said
    assert are_gone(family)


async def test_interrupt_while_starting_leaves_nothing_running(
    place: Place, foreground: subprocess.Popen[str]
) -> None:
    async def has_begun() -> bool:
        return Home(place.home).runner() is not None and len(place.family()) > 1

    await eventually(has_begun, within=LONG, what="a starting stack")
    family = place.family()
    foreground.send_signal(signal.SIGINT)
    said, _ = foreground.communicate(timeout=60)
    assert foreground.returncode == 0, said
    assert are_gone(family)


def test_existing_clusters_are_used_instead_of_starting_any(
    place: Place, cluster: Cluster, unique_name: str, database: Databases
) -> None:
    kafka = KafkaSettings(
        bootstrap_servers=cluster.bootstrap_servers, topic_prefix=f"{unique_name}."
    )
    existing = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
    }
    for name in SERVICES:
        owner = database.empty(name)
        existing[f"PLEDGE_{name.upper()}_OWNER_DSN"] = owner
        existing[f"PLEDGE_{name.upper()}_DSN"] = owner.replace(f"//{name}_owner@", f"//{name}@")
    try:
        started = place.up("--detach", **existing)
        assert started.returncode == 0, started.stdout + started.stderr
        programs = [Path(one.exe()).name for one in place.family()]
        assert "java" not in programs
        assert "postgres" not in programs
        stack = place.stack()
        assert stack["kafka"]["bootstrap_servers"] == kafka.bootstrap_servers
        assert stack["sla"]["dsn"] == existing["PLEDGE_SLA_DSN"]
        assert place.pledge("down").returncode == 0
    finally:
        run(topics.delete(kafka))


def test_cluster_that_is_not_there_is_named(place: Place) -> None:
    refused = place.up(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    assert refused.returncode == 2
    assert "Kafka at 127.0.0.1:9 can't be used" in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    # What was starting meanwhile is stopped in order, not cut off.
    said = (place.home / "logs" / "postgres.log").read_text()
    assert "received fast shutdown request" in said


def test_down_does_not_wait_for_what_nobody_collects(place: Place) -> None:
    script = "import pathlib, signal, sys; from pledge_local.home import Home;"
    script += "home = Home(pathlib.Path(sys.argv[1])); home.prepare(); held = home.held();"
    script += "held.__enter__(); print('held', flush=True); signal.pause()"
    # Ours, and we don't ask how it ended: so does the first process of many a container.
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(place.home)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    stopped = place.pledge("down")
    assert stopped.returncode == 0, stopped.stderr
    assert f"Stopped process {holder.pid}" in stopped.stdout
    assert holder.wait() == -signal.SIGTERM


def test_demo_without_a_stack_says_how_to_start_one(place: Place) -> None:
    refused = place.pledge("demo")
    assert refused.returncode == 2
    assert "pledge up" in refused.stderr
