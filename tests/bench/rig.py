"""A broker and a database of the benchmark's own, and processes that work on them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from pledge.runtime import signing
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge.runtime.migrations import migrate, migrations_of
from pledge.runtime.settings import KafkaSettings
from pledge_local.kafka import Broker, free_port
from pledge_local.postgres import Server
from pledge_local.topics import ensure_topics, read_topics

ROOT = Path(__file__).parents[2]
DESKS = Path(__file__).parent / "desks"
# As `deploy/topics.yaml` has it, so that figures are those of a real deployment.
PARTITIONS = 12
PROGRESS_EVERY = 0.02
GIVE_UP_AFTER = 600.0


class Rig:
    """Where one benchmark run happens."""

    def __init__(self, folder: Path, broker: Broker, server: Server) -> None:
        self.folder = folder
        self.broker = broker
        self.server = server
        self._made = 0

    async def kafka(self) -> KafkaSettings:
        """The broker with fresh topics, under a prefix of their own."""
        self._made += 1
        settings = KafkaSettings(
            bootstrap_servers=self.broker.bootstrap_servers, topic_prefix=f"bench{self._made}."
        )
        plans = read_topics(ROOT / "deploy" / "topics.yaml")
        await ensure_topics(settings, plans, partitions=PARTITIONS)
        return settings

    async def database(self, service: str) -> str:
        """A fresh, migrated database of `service`."""
        self._made += 1
        name = f"{service}_{self._made}"
        await self.server.create_service_database(name, service)
        await migrate(self.server.dsn(name, f"{service}_owner"), migrations_of(service))
        return self.server.dsn(name, service)

    @contextmanager
    def process(
        self, module: str, environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`python -m module` with `environment`; it is stopped at the end."""
        log = self.folder / f"{module}-{self._made}.log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield child
            if child.poll() is not None:
                raise RuntimeError(f"{module} ended:\n{log.read_text()[-3000:]}")
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()

    def environment(self, service: str, kafka: KafkaSettings, dsn: str) -> dict[str, str]:
        """The environment of a service on this rig."""
        upper = service.upper()
        return {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            f"PLEDGE_{upper}_DSN": dsn,
            f"PLEDGE_{upper}_HTTP_PORT": str(free_port()),
            "PLEDGE_INTAKE_SMTP_PORT": str(free_port()),
            "PLEDGE_INTAKE_KEY": "a key of the benchmark that signs nothing real",
            "PLEDGE_NOTIFY_KEY": "a key of the benchmark that signs nothing real",
            "PLEDGE_DESKS": str(DESKS),
            "PLEDGE_JWKS": str(signing.public_path(self.folder / "token.key")),
            "PLEDGE_LOG_LEVEL": "warning",
        }


@asynccontextmanager
async def open_rig() -> AsyncIterator[Rig]:
    """Start a broker and a database for one run, and remove them afterwards."""
    with TemporaryDirectory(prefix="pledge-bench-") as name:
        folder = Path(name)
        broker, server = Broker(folder / "kafka"), Server(folder / "postgres")
        try:
            await asyncio.gather(asyncio.to_thread(broker.start), asyncio.to_thread(server.start))
            signing.create(folder / "token.key", SystemIds(SystemClock()))
            yield Rig(folder, broker, server)
        finally:
            await asyncio.gather(asyncio.to_thread(broker.stop), asyncio.to_thread(server.stop))


async def consumed(dsn: str, total: int) -> float:
    """Records per second of whoever works on `dsn`, from its first record until all is published.

    `total` records are on its topics already. The time counts from the first sight of a moved
    offset, and so do the records.
    """
    clock = SystemClock()
    connection = await asyncpg.connect(dsn)
    try:
        started = clock.monotonic()
        first: tuple[float, int] | None = None
        while True:
            done = await connection.fetchval("SELECT coalesce(sum(next_offset), 0) FROM consumed")
            now = clock.monotonic()
            if first is None and done:
                first = (now, int(done))
            if done >= total and not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM outbox)"
            ):
                break
            if now - started > GIVE_UP_AFTER:
                raise TimeoutError(f"{done} of {total} records after {GIVE_UP_AFTER} s")
            await asyncio.sleep(PROGRESS_EVERY)  # noqa: TID251 - a benchmark runs in real time
    finally:
        await connection.close()
    if first is None:
        raise RuntimeError("nothing was consumed")
    return (total - first[1]) / (clock.monotonic() - first[0])
