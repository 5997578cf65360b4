"""The four services on servers of their own: databases, topics, secrets and processes."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg

from pledge.runtime.auth import signing
from pledge.runtime.auth.key_derivation import webhook_secret
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.migrations import migrate, migrations_of
from pledge_local.free_port import free_port
from pledge_local.topics import ensure_topics
from support.chaos.desk import DESK, RECEIVER, write_desk
from support.chaos.receiver import Receiver
from support.chaos.replicas import Replica
from support.chaos.servers import Servers
from support.chaos.topic_reader import PARTITIONS, open_reader
from support.topics import PLANS
from support.waiting import eventually

SERVICES = ("intake", "sla", "notify", "status")
# Longer than a service may stall before it rejoins its group.
PATIENCE = timedelta(seconds=180)
# Two looks in a row must see the same, so that a batch in progress, between reading and writing,
# is noticed.
BETWEEN_LOOKS = timedelta(milliseconds=250)


class Deployment:
    """One run of the four services. Use `open_deployment`.

    Nothing of it belongs to an event loop: tests with loops of their own may share it.
    """

    def __init__(self, servers: Servers, name: str) -> None:
        self.servers = servers
        self.name = name
        self.folder = servers.folder / name
        self.receiver = Receiver()
        self.replicas: dict[str, Replica] = {}
        self.overrides: dict[str, str] = {}
        """Settings of all processes that differ from the usual."""
        self.kafka = KafkaSettings(
            bootstrap_servers=servers.broker.bootstrap_servers, topic_prefix=f"{name}."
        )
        self.smtp_port = free_port()
        self._ids = SystemIds(SystemClock())
        self._keys = {service: self._ids.token(32) for service in SERVICES}
        self.receiver.secret = webhook_secret(self._keys["notify"], DESK, RECEIVER)

    async def prepare(self) -> None:
        """Make folders, databases, topics and keys."""
        write_desk(self.folder / "desks")
        signing.create(self.folder / "token.key", self._ids)
        for service in SERVICES:
            database = self._database(service)
            await self.servers.postgres.create_service_database(database, service)
            owner = self.servers.postgres.dsn(database, f"{service}_owner")
            await migrate(owner, migrations_of(service))
        # The broker's own clock shows when a record was readable.
        plans = [
            replace(
                plan,
                configuration={
                    **plan.configuration,
                    "message.timestamp.type": "LogAppendTime",
                },
            )
            for plan in PLANS
        ]
        await ensure_topics(self.kafka, plans, partitions=PARTITIONS)

    def dsn(self, service: str) -> str:
        """The service's database, as the service's own role."""
        return self.servers.postgres.dsn(self._database(service), service)

    def _database(self, service: str) -> str:
        return f"{self.name}_{service}"

    # -- processes ---------------------------------------------------------------------------

    def replica(self, service: str, label: str = "", *, instance: str | None = None) -> Replica:
        """A process of `service`, not started. With `instance` it is a static member."""
        label = label or service
        if label not in self.replicas:
            self.replicas[label] = self._replica(service, label, ["-m", service], instance)
        return self.replicas[label]

    def stale_owner(self, service: str) -> Replica:
        """A process of `service` in another consumer group, on the same database."""
        label = f"{service}-stale-owner"
        if label not in self.replicas:
            script = str(Path(__file__).with_name("stale_owner.py"))
            self.replicas[label] = self._replica(service, label, [script, service], None)
        return self.replicas[label]

    def _replica(
        self, service: str, label: str, command: list[str], instance: str | None
    ) -> Replica:
        port = free_port()
        prefix = f"PLEDGE_{service.upper()}"
        known = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        environment = known | {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.kafka.topic_prefix,
            # The least the broker allows: a dead member is replaced after this.
            "KAFKA_SESSION_TIMEOUT": "6",
            "KAFKA_HEARTBEAT_INTERVAL": "0.5",
            "KAFKA_REBALANCE_TIMEOUT": "10",
            # Small batches: more instants between which to be killed.
            "KAFKA_BATCH_RECORDS": "50",
            f"{prefix}_DSN": self.dsn(service),
            f"{prefix}_HTTP_PORT": str(port),
            f"{prefix}_KEY": self._keys[service],
            f"{prefix}_STOP_GRACE": "10",
            f"{prefix}_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "PLEDGE_DESKS": str(self.folder / "desks"),
            "PLEDGE_JWKS": str(signing.public_path(self.folder / "token.key")),
            "PLEDGE_SINK_PUBLIC_URL": self.receiver.url,
            "PLEDGE_INTAKE_SMTP_PORT": str(self.smtp_port if label == "intake" else free_port()),
            "PLEDGE_NOTIFY_RETRY_FIRST_WAIT": "0.1",
            "PLEDGE_NOTIFY_RETRY_LONGEST_WAIT": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (known.get("PYTHONPATH"), _TESTS))),
        }
        environment |= self.overrides
        if instance is not None:
            environment["KAFKA_GROUP_INSTANCE_ID"] = instance
        log = self.folder / "logs" / f"{label}.log"
        return Replica(service, label, command, environment, port=port, log=log)

    def main(self, service: str) -> Replica:
        """The one process of `service` that always runs. A static member: back after a kill, it
        goes on with its partitions without waiting until the group has missed it."""
        return self.replica(service, instance=f"{service}-0")

    async def run_all(self) -> None:
        """Start what does not run, and wait until all four are ready."""
        await self.servers.restore()
        mains = [self.main(service) for service in SERVICES]
        for each in mains:
            each.thaw()
            each.start()
        await asyncio.gather(*(each.ready(PATIENCE) for each in mains))

    async def stop_others(self) -> None:
        """Stop every process but the main ones."""
        mains = {self.main(service) for service in SERVICES}
        others = [each for each in self.replicas.values() if each not in mains and each.is_running]
        await asyncio.gather(*(each.stop() for each in others))

    @property
    def kills(self) -> int:
        """How many processes of services were killed in this deployment."""
        return sum(each.kills for each in self.replicas.values())

    # -- waiting -----------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until everything that was read is applied, all due is done, all written is sent."""
        before: object = None

        async def is_at_rest() -> bool:
            nonlocal before
            for each in self.replicas.values():
                each.check()
            now = await self._look()
            is_same, before = now is not None and now == before, now
            await SystemClock().sleep(BETWEEN_LOOKS)
            return is_same

        await eventually(is_at_rest, within=PATIENCE, what="all work done")

    async def _look(self) -> object:
        """What there is, when everything is done; None while something is not."""
        async with open_reader(self.kafka) as reader:
            ends = await reader.ends()
        for service in SERVICES:
            connection = await asyncpg.connect(self.dsn(service), timeout=10)
            try:
                await assert_done(connection, service, ends)
            finally:
                await connection.close()
        return ends

    def last_lines(self) -> str:
        """What each process that runs logged last."""
        running = [each for each in self.replicas.values() if each.is_running]
        return "\n".join(f"{each.label}:\n{each.tail()}" for each in running)

    async def close(self) -> None:
        """Kill what runs and remove the files."""
        self.receiver.close()
        for each in self.replicas.values():
            await each.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


async def open_deployment(servers: Servers, name: str) -> Deployment:
    """A deployment with all four services ready; the caller closes it."""
    deployment = Deployment(servers, name)
    try:
        await servers.restore()
        await deployment.prepare()
        await deployment.run_all()
    except BaseException:
        await deployment.close()
        raise
    return deployment


# The desk's promises are due within seconds, except one of an hour that no trial waits for.
_SOON = "clock_timestamp() + interval '10 minutes'"
_CONDITIONS = {
    "sla": ("timers run", f"SELECT count(*) FROM tickets WHERE wake_at <= {_SOON}"),
    "notify": ("deliveries wait", "SELECT count(*) FROM deliveries WHERE state = 'pending'"),
}


async def assert_done(
    connection: asyncpg.Connection, service: str, ends: dict[tuple[str, int], int]
) -> None:
    """Fail, naming what is left to do for `service`."""
    rows = await connection.fetch("SELECT topic, partition, next_offset FROM consumed")
    behind = [
        f"{row['topic']}[{row['partition']}] at {row['next_offset']} of {end}"
        for row in rows
        if row["next_offset"] < (end := ends[row["topic"], row["partition"]])
    ]
    assert not behind, f"{service} has not read {', '.join(behind)}"
    waiting = await connection.fetchval("SELECT count(*) FROM outbox")
    assert waiting == 0, f"{service} has {waiting} rows in its outbox"
    if service in _CONDITIONS:
        what, query = _CONDITIONS[service]
        count = await connection.fetchval(query)
        assert count == 0, f"{service}: {count} {what}"


_TESTS = str(Path(__file__).parents[2])


def _is_ours(name: str) -> bool:
    return name.startswith(("PLEDGE_", "KAFKA_"))
