"""Schema changes as plain SQL files, applied once, in order, and never edited afterwards.

Files are named `NNNN_words.sql`. Each is applied in a transaction of its own and remembered with
its checksum, so that a service can refuse a schema that is older, newer, or not what its files say.
The runtime's own tables (consumed offsets, outbox) come first in every service's database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
# Any number will do as long as every process uses the same one: "pledge" in ASCII.
MIGRATION_LOCK = 0x706C65646765
RUNTIME_FOLDER = Path(__file__).with_name("migrations_sql")

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    component  text        NOT NULL,
    version    int         NOT NULL,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (component, version)
)
"""


class SchemaMismatch(Exception):
    """The database's schema is not the one this program was written for."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one service: its name and the folder with its SQL files."""

    service: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Step:
    """One migration file: `component` is `runtime` or the service's name."""

    component: str
    version: int
    name: str
    checksum: str
    sql: str


def migrations_of(package: str) -> Migrations:
    """The migrations that ship with the import package `package`.

    They stand inside the installed package, or two folders above it in a source checkout.
    Raises SchemaMismatch when there are none.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SchemaMismatch(f"the package {package} is not installed")
    inside = Path(spec.origin).parent
    for folder in (inside / "migrations", inside.parents[1] / "migrations"):
        if folder.is_dir():
            return Migrations(package, folder)
    raise SchemaMismatch(f"the package {package} came without its migrations folder")


def read_steps(migrations: Migrations) -> list[Step]:
    """Every step in the order of application. Raises SchemaMismatch on a bad or doubled name."""
    steps = _read_folder("runtime", RUNTIME_FOLDER)
    return steps + _read_folder(migrations.service, migrations.folder)


def _read_folder(component: str, folder: Path) -> list[Step]:
    steps: list[Step] = []
    for path in sorted(folder.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SchemaMismatch(f"{path}: a migration is named like 0001_initial.sql")
        sql = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        steps.append(Step(component, int(match[1]), match[2], checksum, sql))
    versions = [step.version for step in steps]
    if versions != list(range(1, len(steps) + 1)):
        raise SchemaMismatch(f"{folder}: versions must count 0001, 0002, … but are {versions}")
    return steps


async def migrate(dsn: str, migrations: Migrations) -> list[Step]:
    """Bring the database at `dsn` (the owner's role) up to date; return the steps applied now.

    Safe to run from several places at once: an advisory lock lets one of them work.
    Raises SchemaMismatch when the database knows steps that the files don't, or other contents.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await connection.execute(_LEDGER)
        pending = _compare(read_steps(migrations), await _applied(connection))
        for step in pending:
            async with connection.transaction():
                await connection.execute(step.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (component, version, name, checksum)"
                    " VALUES ($1, $2, $3, $4)",
                    step.component,
                    step.version,
                    step.name,
                    step.checksum,
                )
        return pending
    finally:
        await connection.close()


async def check(pool: asyncpg.Pool, migrations: Migrations) -> None:
    """Raise SchemaMismatch unless the database has exactly the steps of the files."""
    async with pool.acquire() as connection:
        try:
            applied = await _applied(connection)
        except asyncpg.UndefinedTableError:
            applied = []
    pending = _compare(read_steps(migrations), applied)
    if pending:
        first = pending[0]
        raise SchemaMismatch(
            f"the database lacks migration {first.component} {first.version:04}_{first.name}"
            f" (and {len(pending) - 1} more); run: pledge migrate {migrations.service}"
        )


async def _applied(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT component, version, name, checksum FROM schema_migrations ORDER BY 1, 2"
    )
    return rows


def _compare(steps: Sequence[Step], applied: Sequence[asyncpg.Record]) -> list[Step]:
    """The steps still to apply; raises SchemaMismatch when what was applied is not in the files."""
    known = {(step.component, step.version): step for step in steps}
    done = set()
    for row in applied:
        step = known.get((row["component"], row["version"]))
        label = f"{row['component']} {row['version']:04}_{row['name']}"
        if step is None:
            raise SchemaMismatch(
                f"the database is newer than this program: it has migration {label};"
                " start the version of Pledge that made it, or a later one"
            )
        if step.checksum != row["checksum"]:
            raise SchemaMismatch(
                f"migration {label} was edited after it had been applied;"
                " restore the file and write a new migration instead"
            )
        done.add((step.component, step.version))
    return [step for step in steps if (step.component, step.version) not in done]
