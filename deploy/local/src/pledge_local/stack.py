"""The whole stack: what starts after what, what is watched, and what stops before what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from aiokafka.errors import KafkaError

from pledge.runtime.cli.root import services
from pledge.runtime.clock import Clock
from pledge.runtime.postgres.migrations import SchemaMismatch, migrate
from pledge_local import jars, keys
from pledge_local.errors import LocalError
from pledge_local.kafka import Broker
from pledge_local.plan import Plan, service_environment
from pledge_local.ports import SERVICES
from pledge_local.postgres import Server
from pledge_local.processes import Child
from pledge_local.service import STOPS_WITHIN, Ended, start_module, wait_until_ready
from pledge_local.steps import Steps
from pledge_local.topics import ensure_topics, read_topics

BETWEEN_LOOKS = timedelta(milliseconds=250)


class Stack:
    """Starts, watches and stops everything of one plan. Use it once."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        home, ports = plan.home, plan.ports
        self._broker = Broker(
            home.kafka,
            port=ports.of("kafka"),
            controller_port=ports.of("kafka controller"),
            log=home.log("kafka"),
        )
        self._server = Server(home.postgres, log=home.log("postgres"))
        self._http: dict[str, Child] = {}
        self._dsns = dict(plan.dsns)

    async def start(self, steps: Steps) -> None:
        """Start everything and return when all of it is ready. Raises LocalError."""
        keys.prepare(self._plan)
        ends = await asyncio.gather(
            self._start_kafka(steps),
            self._start_databases(steps),
            self._start_sink(steps),
            # All are started or have failed when this ends, so that `stop` finds what runs.
            return_exceptions=True,
        )
        for end in ends:
            if end is not None:
                raise end
        with steps.step("Services ready: " + ", ".join(SERVICES)):
            await asyncio.gather(*(self._start_service(name) for name in SERVICES))
        token = keys.admin_token(self._plan.home, self._clock)
        self._plan.home.write_stack(self.addresses(token))

    async def watch(self) -> Ended:
        """Wait until one of the processes ends by itself, and say which."""
        while True:
            for child in self._children():
                if child.exit_code() is not None:
                    return Ended(child)
            await self._clock.sleep(BETWEEN_LOOKS)

    async def stop(self, steps: Steps) -> None:
        """Stop in order: services (they drain what they have to publish), Kafka, PostgreSQL."""
        with steps.step("Services stopped"):
            # One signal each: a second one would kill a service at its work.
            waits = (asyncio.to_thread(child.stop, STOPS_WITHIN) for child in self._http.values())
            await asyncio.gather(*waits)
        if self._broker.child is not None:
            with steps.step("Kafka stopped"):
                await asyncio.to_thread(self._broker.stop)
        if self._server.child is not None:
            with steps.step("PostgreSQL stopped"):
                await asyncio.to_thread(self._server.stop)

    def kill(self) -> None:
        """End everything at once."""
        for child in self._http.values():
            child.kill()
        self._broker.kill()
        self._server.kill()

    def addresses(self, token: str) -> dict[str, object]:
        """What `stack.json` holds."""
        ports = self._plan.ports
        parts: dict[str, object] = {
            "kafka": {"bootstrap_servers": self._plan.bootstrap.bootstrap_servers}
        }
        for name in SERVICES:
            part = {"url": ports.url(name), "dsn": self._dsns[name]}
            if name == "intake":
                part["smtp"] = ports.address("intake smtp")
            parts[name] = part
        parts["sink"] = {"url": ports.url("sink"), "smtp": ports.address("sink smtp")}
        return {**parts, "token": token}

    def _children(self) -> list[Child]:
        ours = [self._broker.child, self._server.child, *self._http.values()]
        return [child for child in ours if child is not None]

    async def _start_kafka(self, steps: Steps) -> None:
        if self._plan.kafka is None:
            wanted = jars.missing(jars.locked(), jars.cache())
            if wanted:
                size = sum(jar.size for jar in wanted)
                with steps.download("Downloading Kafka", size) as advance:
                    await jars.fetch(wanted, jars.cache(), advance)
            with steps.step("Kafka started"):
                await asyncio.to_thread(self._broker.start)
        with steps.step("Topics there"):
            await _reachable(
                f"Kafka at {self._plan.bootstrap.bootstrap_servers}",
                lambda: ensure_topics(self._plan.bootstrap, read_topics(self._plan.topics)),
            )

    async def _start_databases(self, steps: Steps) -> None:
        owners = dict(self._plan.owner_dsns)
        if own := self._plan.own_databases:
            with steps.step("PostgreSQL started"):
                await asyncio.to_thread(self._server.start)
                for name in own:
                    await self._server.create_service_database(name, name)
                    self._dsns[name] = self._server.dsn(name, name)
                    owners[name] = self._server.dsn(name, f"{name}_owner")
        with steps.step("Databases migrated"):
            await asyncio.gather(
                *(self._migrate(name, owners.get(name, self._dsns[name])) for name in SERVICES)
            )

    async def _migrate(self, name: str, dsn: str) -> None:
        described = services().get(name)
        if described is None:
            raise LocalError(
                f"The service {name} is not installed.",
                "Run `make distclean run`, which installs it.",
            )
        try:
            await _reachable(f"The database of {name}", lambda: migrate(dsn, described.migrations))
        except SchemaMismatch as error:
            raise LocalError(
                f"The database of {name} does not fit this version of Pledge: {error}.",
                "Start the version that made it, or give up its data with `make clean`.",
            ) from error

    async def _start_sink(self, steps: Steps) -> None:
        plan = self._plan
        with steps.step("Sink ready"):
            environment = service_environment(plan, "sink", "") | {
                "PLEDGE_SINK_SMTP_PORT": str(plan.ports.of("sink smtp")),
                "PLEDGE_SINK_FOLDER": str(plan.home.sink),
                "PLEDGE_SINK_SECRETS": str(keys.receivers_file(plan.home)),
            }
            child = start_module("pledge_local.sink", "sink", plan.home.log("sink"), environment)
            self._http["sink"] = child
            await wait_until_ready(child, f"{plan.ports.url('sink')}/readyz", self._clock)

    async def _start_service(self, name: str) -> None:
        plan = self._plan
        environment = service_environment(plan, name, self._dsns[name])
        child = start_module(name, name, plan.home.log(name), environment)
        self._http[name] = child
        await wait_until_ready(child, f"{plan.ports.url(name)}/readyz", self._clock)


async def _reachable(what: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`; a cluster that does not answer becomes an error that says so."""
    try:
        await work()
    except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError) as error:
        raise LocalError(
            f"{what} can't be used: {str(error) or type(error).__name__}",
            "Check its address and what its user may do there, and try again.",
        ) from error
