"""A database per test: a copy, within milliseconds, of a template that was migrated once."""

from __future__ import annotations

import hashlib

import asyncpg

from pledge.runtime.postgres.migrations import Migrations, migrate, migrations_of, read_steps
from support.cluster import Cluster, run

# `database(RUNTIME)` has the runtime's tables and no service's.
RUNTIME = "runtime"


class Databases:
    """Makes databases for one test and drops them at its end."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._made: list[str] = []

    def __call__(self, service: str) -> str:
        """The DSN of a new database of `service`, as its own role (which can't change a schema)."""
        migrations = self._migrations(service)
        template = self._template(service, migrations)
        name = self._next_name(service)
        server = self._cluster.postgres
        run(_copy(server.dsn("postgres"), name, template, service))
        return server.dsn(name, service)

    def empty(self, service: str = RUNTIME) -> str:
        """The DSN of a new database without tables, as the owner's role."""
        name = self._next_name(service)
        run(self._cluster.postgres.create_service_database(name, service))
        return self._cluster.postgres.dsn(name, f"{service}_owner")

    def owner(self, dsn: str) -> str:
        """The DSN of the same database as its owner's role, which may change the schema."""
        role, _, rest = dsn.removeprefix("postgresql://").partition("@")
        return f"postgresql://{role}_owner@{rest}"

    def drop(self) -> None:
        """Drop what was made, ending all sessions that are left."""
        run(_drop(self._cluster.postgres.dsn("postgres"), self._made))

    def _next_name(self, service: str) -> str:
        name = f"{self._name}_{service}_{len(self._made)}"
        self._made.append(name)
        return name

    def _migrations(self, service: str) -> Migrations:
        if service != RUNTIME:
            return migrations_of(service)
        none = self._cluster.folder / "no-migrations"
        none.mkdir(exist_ok=True)
        return Migrations("none", none)

    def _template(self, service: str, migrations: Migrations) -> str:
        """The name of the template, made now when these migrations were never applied before."""
        marks = "".join(step.checksum for step in read_steps(migrations))
        name = f"template_{service}_{hashlib.sha256(marks.encode()).hexdigest()[:12]}"
        with self._cluster.locked(name):
            run(self._make_template(name, service, migrations))
        return name

    async def _make_template(self, name: str, service: str, migrations: Migrations) -> None:
        server = self._cluster.postgres
        admin = await asyncpg.connect(server.dsn("postgres"))
        try:
            if await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                return
            draft = f"{name}_draft"
            await admin.execute(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')
            with self._cluster.locked("roles"):
                await server.create_service_database(draft, service)
            await migrate(server.dsn(draft, f"{service}_owner"), migrations)
            await admin.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        finally:
            await admin.close()


async def _copy(dsn: str, name: str, template: str, service: str) -> None:
    admin = await asyncpg.connect(dsn)
    try:
        await admin.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{service}_owner"'
        )
        await admin.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{service}"')
        await admin.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await admin.close()


async def _drop(dsn: str, names: list[str]) -> None:
    admin = await asyncpg.connect(dsn)
    try:
        for name in names:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await admin.close()
