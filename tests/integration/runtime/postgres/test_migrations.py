"""A schema is what its files say, or the service does not start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pledge.runtime.postgres.migrations import Migrations, SchemaMismatch, check, migrate
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases


@pytest.fixture
def migrations(tmp_path: Path) -> Migrations:
    (tmp_path / "0001_initial.sql").write_text("CREATE TABLE shelf (id int)")
    return Migrations("shop", tmp_path)


async def _check(dsn: str, migrations: Migrations) -> None:
    pool = await open_pool(dsn, application_name="test", size=2)
    try:
        await check(pool, migrations)
    finally:
        await pool.close()


async def test_steps_are_applied_once_also_from_two_places(
    database: Databases, migrations: Migrations
) -> None:
    dsn = database.empty()
    both = await asyncio.gather(migrate(dsn, migrations), migrate(dsn, migrations))
    assert sorted(len(applied) for applied in both)[0] == 0
    assert [step.name for step in max(both, key=len)][-1] == "initial"
    await _check(dsn, migrations)


async def test_a_service_does_not_start_on_an_older_schema(
    database: Databases, migrations: Migrations
) -> None:
    with pytest.raises(SchemaMismatch, match="pledge migrate shop"):
        await _check(database.empty(), migrations)


async def test_a_service_does_not_start_on_a_newer_schema(
    database: Databases, migrations: Migrations
) -> None:
    dsn = database.empty()
    newer = migrations.folder / "0002_more.sql"
    newer.write_text("ALTER TABLE shelf ADD label text")
    await migrate(dsn, migrations)
    newer.unlink()
    with pytest.raises(SchemaMismatch, match="newer than this program"):
        await _check(dsn, migrations)


async def test_an_edited_migration_is_refused(database: Databases, migrations: Migrations) -> None:
    dsn = database.empty()
    await migrate(dsn, migrations)
    (migrations.folder / "0001_initial.sql").write_text("CREATE TABLE shelf (id bigint)")
    with pytest.raises(SchemaMismatch, match="was edited"):
        await migrate(dsn, migrations)


async def test_a_step_that_fails_leaves_nothing_behind(
    database: Databases, migrations: Migrations
) -> None:
    dsn = database.empty()
    (migrations.folder / "0002_broken.sql").write_text("CREATE TABLE half (id int); SELECT 1/0")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(dsn, migrations)
    (migrations.folder / "0002_broken.sql").write_text("CREATE TABLE half (id int)")
    assert [step.name for step in await migrate(dsn, migrations)] == ["broken"]


async def test_a_gap_in_the_numbers_is_refused(database: Databases, migrations: Migrations) -> None:
    (migrations.folder / "0003_skipped.sql").write_text("SELECT 1")
    with pytest.raises(SchemaMismatch, match="must count"):
        await migrate(database.empty(), migrations)
