"""A broker and a database of the benchmark's own, and processes that work on them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import psutil
from aiokafka import AIOKafkaConsumer

from pledge.runtime.auth import signing
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.migrations import migrate, migrations_of
from pledge_local.free_port import free_port
from pledge_local.kafka import Broker
from pledge_local.postgres import Server
from support import topics

ROOT = Path(__file__).parents[2]
DESKS = Path(__file__).parent / "desks"
# As `deploy/topics.yaml` has it, so that figures are those of a real deployment.
PARTITIONS = 12
PROGRESS_EVERY = timedelta(milliseconds=20)
GIVE_UP_AFTER = 300.0
CLOCK = SystemClock()


@dataclass(slots=True)
class Child:
    """A program under measurement."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raises RuntimeError, with the end of its log, when it is there no more."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text()[-3000:]}")

    def seconds(self) -> float:
        """Processor time used until now."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """The most memory it ever had, in bytes: its peak resident set."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = [each for each in status.splitlines() if each.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


@dataclass(slots=True)
class Throughput:
    """How fast somebody worked, and the microseconds of processor time that an event took."""

    rate: float
    spent: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        spent = ", ".join(f"{name} {micros:.0f}" for name, micros in self.spent.items())
        return f"{self.rate:,.0f} events/s (µs of processor an event: {spent})"


class Rig:
    """Where one benchmark run happens."""

    def __init__(self, folder: Path, broker: Broker, server: Server) -> None:
        self.folder = folder
        self.broker = broker
        self.server = server
        self.templates: dict[str, str] = {}
        """Databases that took long to fill, by what is in them; to be copied."""
        self._made = 0

    async def kafka(self) -> KafkaSettings:
        """The broker with fresh topics, under a prefix of their own."""
        self._made += 1
        settings = KafkaSettings(
            bootstrap_servers=self.broker.bootstrap_servers, topic_prefix=f"bench{self._made}."
        )
        await topics.create(settings, PARTITIONS)
        return settings

    async def database(self, service: str) -> str:
        """A fresh, migrated database of `service`; returns its name."""
        self._made += 1
        name = f"{service}_{self._made}"
        await self.server.create_service_database(name, service)
        await migrate(self.server.dsn(name, f"{service}_owner"), migrations_of(service))
        return name

    async def copy(self, template: str, service: str) -> str:
        """A copy of the database `template` of `service`; returns its name."""
        self._made += 1
        name = f"{service}_{self._made}"
        connection = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            # By file, as a million rows are copied faster than logged.
            await connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{service}_owner"'
                " STRATEGY file_copy"
            )
            await connection.execute(
                f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO "{service}"'
            )
        finally:
            await connection.close()
        return name

    async def drop(self, database: str) -> None:
        """Remove a database that is not needed any more, for it may be large."""
        connection = await asyncpg.connect(self.server.dsn("postgres"))
        try:
            await connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
        finally:
            await connection.close()

    @contextmanager
    def process(self, module: str, environment: Mapping[str, str]) -> Iterator[Child]:
        """`python -m module` with `environment`; it is stopped at the end."""
        self._made += 1
        log = self.folder / f"{module}-{self._made}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        child = Child(module, process, log)
        try:
            yield child
            child.check()
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def environment(self, kafka: KafkaSettings, databases: Mapping[str, str]) -> dict[str, str]:
        """The environment of services, and of floors, on this rig."""
        dsns = {
            f"PLEDGE_{service.upper()}_DSN": self.server.dsn(name, service)
            for service, name in databases.items()
        }
        ports = {
            f"PLEDGE_{service.upper()}_HTTP_PORT": str(free_port())
            for service in ("intake", "sla", "notify")
        }
        return {
            **dsns,
            **ports,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "BENCH_PARTITIONS": str(PARTITIONS),
            "PLEDGE_INTAKE_SMTP_PORT": str(free_port()),
            "PLEDGE_INTAKE_KEY": "a key of the benchmark that signs nothing real",
            "PLEDGE_NOTIFY_KEY": "a key of the benchmark that signs nothing real",
            "PLEDGE_DESKS": str(DESKS),
            "PLEDGE_JWKS": str(signing.public_path(self.folder / "token.key")),
            "PLEDGE_LOG_LEVEL": "warning",
        }

    def seconds(self) -> dict[str, float]:
        """Processor time that the database and the broker have used until now."""
        return {
            "database": _tree_seconds(self.server.child.pid if self.server.child else None),
            "broker": _tree_seconds(self.broker.child.pid if self.broker.child else None),
        }


def _tree_seconds(pid: int | None) -> float:
    if pid is None:
        return 0.0
    parent = psutil.Process(pid)
    total = 0.0
    for each in (parent, *parent.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@asynccontextmanager
async def open_rig() -> AsyncIterator[Rig]:
    """Start a broker and a database for one run, and remove them afterwards."""
    with TemporaryDirectory(prefix="pledge-bench-") as name:
        folder = Path(name)
        # Both of Java's compilers: the broker is worked hard for minutes.
        broker = Broker(folder / "kafka", java_options=())
        server = Server(folder / "postgres")
        try:
            await asyncio.gather(asyncio.to_thread(broker.start), asyncio.to_thread(server.start))
            signing.create(folder / "token.key", SystemIds(SystemClock()))
            yield Rig(folder, broker, server)
        finally:
            await asyncio.gather(asyncio.to_thread(broker.stop), asyncio.to_thread(server.stop))


async def consumed(rig: Rig, child: Child, dsn: str, before: int, until: int) -> Throughput:
    """How fast `child` works on `dsn`, from its first record until all is published.

    Its topics hold `until` records, of which it had read `before`. Time, records and processor
    time count from the first sight of a moved offset.
    """
    connection = await asyncpg.connect(dsn)
    try:
        first = await _read(connection, child, before + 1)
        started, spent = CLOCK.monotonic(), {**rig.seconds(), "itself": child.seconds()}
        await _read(connection, child, until)
        while await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
            await CLOCK.sleep(PROGRESS_EVERY)
        took = CLOCK.monotonic() - started
        now = {**rig.seconds(), "itself": child.seconds()}
    finally:
        await connection.close()
    events = until - first
    return Throughput(
        events / took, {name: (now[name] - spent[name]) / events * 1e6 for name in now}
    )


async def _read(connection: asyncpg.Connection, child: Child, offsets: int) -> int:
    """Wait until so many records have been read; returns how many they are by then."""
    give_up_at = CLOCK.monotonic() + GIVE_UP_AFTER
    while True:
        done = await connection.fetchval("SELECT coalesce(sum(next_offset), 0)::int8 FROM consumed")
        if done >= offsets:
            return int(done)
        child.check()
        if CLOCK.monotonic() > give_up_at:
            raise TimeoutError(f"{child.name} read {done} of {offsets} in {GIVE_UP_AFTER:g} s")
        await CLOCK.sleep(PROGRESS_EVERY)


async def counts(
    kafka: KafkaSettings, dsn: str, tables: Iterable[str], topic: str
) -> dict[str, int]:
    """Rows of the tables, and events on the topic: a service and its floor must agree on them."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {
            table: int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
            for table in tables
        }
    finally:
        await connection.close()
    found["events"] = await published(kafka, topic)
    return found


async def published(kafka: KafkaSettings, topic: str) -> int:
    """How many records the logical topic has."""
    consumer = AIOKafkaConsumer(kafka.topic(topic), **kafka.client_options(), group_id=None)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
    finally:
        await consumer.stop()
    return sum(ends.values())


def agree(floor: Mapping[str, int], service: Mapping[str, int]) -> None:
    """Raises RuntimeError unless both wrote and published as much."""
    if floor != service:
        raise RuntimeError(f"the floor wrote {floor}, the service {service}")


async def ready(child: Child, port: str, within: float = 60.0) -> float:
    """Wait until the service says that it is ready; how many seconds that took from here."""
    started = CLOCK.monotonic()
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        while CLOCK.monotonic() - started < within:
            child.check()
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).is_success:
                    return CLOCK.monotonic() - started
            except httpx.HTTPError:
                pass  # not listening yet
            await CLOCK.sleep(PROGRESS_EVERY)
    raise TimeoutError(f"{child.name} is not ready after {within:g} s:\n{child.log.read_text()}")
