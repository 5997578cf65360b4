"""Each kind of error, made on a real server: what passes is waited for, all else ends.

The consumer dead-letters the record that a bug is about, waits for what passes by itself, and
stops, with nothing dead-lettered, when the deployment lacks something that every record needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.postgres.errors import ConnectionLost, Fault, fault_of
from pledge.runtime.postgres.pool import Pool, open_pool
from pledge.runtime.records import Message, Record
from pledge.runtime.scheduling.due_loop import DueLoop
from support import topics
from support.databases import RUNTIME, Databases
from support.ledger import INPUT, Ledger, create_table
from support.waiting import eventually

RECORDS = 20
BAD = b"value-000003"
# Longer than the first retries take: time in which something wrong would happen.
A_WHILE = timedelta(seconds=1)


@dataclass
class Place:
    """The database under test, with two sessions of a superuser, which nobody ends."""

    dsn: str
    name: str
    admin: asyncpg.Connection
    """For what is done to the database."""
    watcher: asyncpg.Connection
    """For looking at it, also while `admin` waits."""

    async def cut_everybody(self) -> None:
        """End all sessions but those of the superuser."""
        await self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
            " AND usename <> current_user"
        )


Injection = Callable[[Place, asyncpg.Connection], Awaitable[None]]


@pytest.fixture
async def place(database: Databases) -> AsyncIterator[Place]:
    dsn = database(RUNTIME)
    await create_table(database.owner(dsn))
    superuser = database.owner(dsn).replace(f"{RUNTIME}_owner@", "postgres@")
    settings = {"deadlock_timeout": "60s"}
    admin = await asyncpg.connect(superuser, server_settings=settings)
    watcher = await asyncpg.connect(superuser)
    yield Place(dsn, await admin.fetchval("SELECT current_database()"), admin, watcher)
    await watcher.close()
    await admin.close()


# -- bugs ------------------------------------------------------------------------------------


async def wrong_number_of_arguments(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT $1::int + $2::int", 1)


async def no_arguments(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT $1::int")


async def connection_used_after_its_release(place: Place, _: asyncpg.Connection) -> None:
    pool = await open_pool(place.dsn, application_name="other", size=1)
    try:
        async with pool.acquire() as other:
            pass
        await other.execute("SELECT 1")
    finally:
        pool.terminate()


async def value_that_does_not_fit(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT $1::int", "no number")


async def row_that_is_there_already(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("CREATE TEMPORARY TABLE one (id int PRIMARY KEY) ON COMMIT DROP")
    await connection.execute("INSERT INTO one VALUES (1), (1)")


async def file_that_is_missing(place: Place, _: asyncpg.Connection) -> None:
    Path("/nowhere", place.name).read_text(encoding="utf-8")


async def mistake_in_the_code(_: Place, connection: asyncpg.Connection) -> None:
    connection.execute()


async def column_that_is_missing(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT nothing FROM ledger")


BUGS = (
    wrong_number_of_arguments,
    no_arguments,
    connection_used_after_its_release,
    value_that_does_not_fit,
    row_that_is_there_already,
    file_that_is_missing,
    mistake_in_the_code,
)


@pytest.mark.parametrize("inject", BUGS, ids=lambda each: each.__name__)
async def test_a_bug_costs_the_record_it_is_about_and_no_other(
    kafka: KafkaSettings, place: Place, inject: Injection
) -> None:
    async def at_the_bad_one(connection: asyncpg.Connection, record: Record) -> None:
        if record.value == BAD:
            await inject(place, connection)

    await publish(kafka)
    async with Ledger(kafka, place.dsn) as ledger:
        ledger.handler.inject = at_the_bad_one
        await eventually(lambda: has_rows(place, RECORDS - 1))
        letters = await eventually(lambda: dead_letters(kafka))
        assert letters == [BAD]
        assert BAD not in await rows(place)
        assert not ledger.consuming.done()


# -- what passes by itself ---------------------------------------------------------------------


async def deadlock(place: Place, connection: asyncpg.Connection) -> None:
    await place.admin.execute("CREATE TABLE IF NOT EXISTS pair (id int)")
    await place.admin.execute("GRANT ALL ON pair TO PUBLIC")
    await place.admin.execute("TRUNCATE pair; INSERT INTO pair VALUES (1), (2)")
    async with place.admin.transaction():
        await place.admin.execute("UPDATE pair SET id = id WHERE id = 1")
        await connection.execute("UPDATE pair SET id = id WHERE id = 2")
        # The superuser looks for a deadlock late, so that the other one is its victim.
        crossing = asyncio.ensure_future(
            place.admin.execute("UPDATE pair SET id = id WHERE id = 2")
        )
        try:
            await connection.execute("UPDATE pair SET id = id WHERE id = 1")
        except asyncpg.DeadlockDetectedError:
            await connection.execute("ROLLBACK")
            raise
        finally:
            await crossing


async def serialization_failure(place: Place, _: asyncpg.Connection) -> None:
    await place.admin.execute("CREATE TABLE IF NOT EXISTS single (id int)")
    await place.admin.execute("GRANT ALL ON single TO PUBLIC")
    await place.admin.execute("TRUNCATE single; INSERT INTO single VALUES (1)")
    other = await asyncpg.connect(place.dsn)
    try:
        async with other.transaction(isolation="repeatable_read"):
            await other.fetchval("SELECT id FROM single")
            await place.admin.execute("UPDATE single SET id = id + 1")
            await other.execute("UPDATE single SET id = id + 1")
    finally:
        await other.close()


async def session_ended_in_a_statement(place: Place, connection: asyncpg.Connection) -> None:
    waiting = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)  # noqa: TID251 - lets the statement begin
    await place.cut_everybody()
    await waiting


async def session_ended_between_statements(place: Place, connection: asyncpg.Connection) -> None:
    async def is_closed() -> bool:
        try:
            return bool(connection.is_closed())
        except asyncpg.InterfaceError:
            return True

    await place.cut_everybody()
    await eventually(is_closed)
    await connection.execute("SELECT 1")


async def statement_timeout(_: Place, connection: asyncpg.Connection) -> None:
    await connection.execute("SET LOCAL statement_timeout = '50ms'")
    await connection.execute("SELECT pg_sleep(60)")


async def lock_timeout(place: Place, connection: asyncpg.Connection) -> None:
    async with place.admin.transaction():
        await place.admin.execute("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
        await connection.execute("SET LOCAL lock_timeout = '50ms'")
        await connection.execute("SELECT 1 FROM schema_migrations")


async def disk_full(_: Place, connection: asyncpg.Connection) -> None:
    await raised_by_the_server(connection, "53100")


async def out_of_memory(_: Place, connection: asyncpg.Connection) -> None:
    await raised_by_the_server(connection, "53200")


async def schema_changed_under_a_statement(place: Place, _: asyncpg.Connection) -> None:
    await place.admin.execute("DROP TABLE IF EXISTS wide; CREATE TABLE wide (a int)")
    await place.admin.execute("GRANT ALL ON wide TO PUBLIC")
    other = await asyncpg.connect(place.dsn)
    try:
        await other.fetch("SELECT * FROM wide")
        await place.admin.execute("ALTER TABLE wide ADD COLUMN b int")
        async with other.transaction():
            await other.fetch("SELECT * FROM wide")
    finally:
        await other.close()


async def raised_by_the_server(connection: asyncpg.Connection, sqlstate: str) -> None:
    await connection.execute(f"DO $$ BEGIN RAISE 'as told' USING ERRCODE = '{sqlstate}'; END $$")


PASSING = (
    deadlock,
    serialization_failure,
    session_ended_in_a_statement,
    session_ended_between_statements,
    statement_timeout,
    lock_timeout,
    disk_full,
    out_of_memory,
    schema_changed_under_a_statement,
)


@pytest.mark.parametrize("inject", PASSING, ids=lambda each: each.__name__)
async def test_what_passes_is_retried_and_costs_no_record(
    kafka: KafkaSettings, place: Place, inject: Injection
) -> None:
    left = 2

    async def twice(connection: asyncpg.Connection, record: Record) -> None:
        nonlocal left
        if record.value == BAD and left:
            left -= 1
            await inject(place, connection)
            pytest.fail("nothing was raised")

    await publish(kafka)
    async with Ledger(kafka, place.dsn) as ledger:
        ledger.handler.inject = twice
        await eventually(lambda: has_rows(place, RECORDS))
        assert left == 0
        assert len(set(await rows(place))) == RECORDS
        assert await dead_letters(kafka) == []
        assert not ledger.consuming.done()
        assert not ledger.relaying.done()


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        pytest.param(
            "ALTER DATABASE {} SET default_transaction_read_only = on",
            "ALTER DATABASE {} RESET default_transaction_read_only",
            id="read-only",
        ),
        # The database's limit: roles are shared by all tests that run at a time.
        pytest.param(
            "ALTER DATABASE {} CONNECTION LIMIT 0",
            "ALTER DATABASE {} CONNECTION LIMIT -1",
            id="too many connections",
        ),
    ],
)
async def test_a_server_that_refuses_is_waited_for_by_consumer_and_relay(
    kafka: KafkaSettings, place: Place, begin: str, end: str
) -> None:
    async with Ledger(kafka, place.dsn) as ledger:
        await publish(kafka)
        await eventually(lambda: has_rows(place, RECORDS))
        await place.admin.execute(begin.format(place.name))
        await place.cut_everybody()
        await publish(kafka, start=RECORDS)
        await asyncio.wait({ledger.consuming, ledger.relaying}, timeout=A_WHILE.total_seconds())
        assert not ledger.consuming.done()
        assert not ledger.relaying.done()
        assert len(await rows(place)) == RECORDS
        await place.admin.execute(end.format(place.name))
        await place.cut_everybody()
        await eventually(lambda: has_rows(place, 2 * RECORDS))
        assert await dead_letters(kafka) == []


# -- what the deployment lacks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("take", "give", "expected"),
    [
        pytest.param(
            "REVOKE INSERT ON ledger FROM runtime",
            "GRANT INSERT ON ledger TO runtime",
            asyncpg.InsufficientPrivilegeError,
            id="grant",
        ),
        pytest.param(
            "ALTER TABLE ledger RENAME COLUMN value TO worth",
            "ALTER TABLE ledger RENAME COLUMN worth TO value",
            asyncpg.UndefinedColumnError,
            id="column",
        ),
        pytest.param(
            "ALTER TABLE ledger RENAME TO book",
            "ALTER TABLE book RENAME TO ledger",
            asyncpg.UndefinedTableError,
            id="table",
        ),
    ],
)
async def test_what_every_record_needs_stops_the_consumer_and_costs_no_record(
    kafka: KafkaSettings, place: Place, take: str, give: str, expected: type[Exception]
) -> None:
    await place.admin.execute(take)
    await publish(kafka)
    async with Ledger(kafka, place.dsn) as ledger:
        with pytest.raises(expected):
            await asyncio.wait_for(ledger.consuming, 60)
        moved = await place.watcher.fetchval("SELECT count(*) FROM consumed WHERE next_offset > 0")
        assert moved == 0
    await place.admin.execute(give)
    async with Ledger(kafka, place.dsn):
        await eventually(lambda: has_rows(place, RECORDS))
        assert await dead_letters(kafka) == []


async def test_a_relay_without_its_grant_stops(kafka: KafkaSettings, place: Place) -> None:
    async with Ledger(kafka, place.dsn) as ledger:
        await place.admin.execute("REVOKE SELECT ON outbox FROM runtime")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncio.wait_for(ledger.relaying, 60)


async def test_a_relay_that_misuses_its_library_stops(
    kafka: KafkaSettings, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pledge.runtime.outbox.relay._READ", "SELECT $1::smallint[]")
    async with Ledger(kafka, place.dsn) as ledger:
        with pytest.raises(asyncpg.InterfaceError):
            await asyncio.wait_for(ledger.relaying, 60)


# -- a worker without records --------------------------------------------------------------------


async def fired(place: Place, inject: Injection, left: int) -> int:
    """Fire one due thing with a due loop, whose first `left` tries meet `inject`; the tries."""
    tries = 0
    is_fired = asyncio.Event()
    now = SystemClock().now()
    async with await open_pool(place.dsn, application_name="due", size=2) as pool:

        async def load(horizon: datetime, limit: int) -> Sequence[tuple[datetime, str]]:
            await pool.fetchval("SELECT 1")
            return [] if is_fired.is_set() else [(now, "key")]

        async def fire(_: Sequence[tuple[datetime, str]]) -> None:
            nonlocal tries
            tries += 1
            async with pool.acquire() as connection, connection.transaction():
                if tries <= left:
                    await inject(place, connection)
            is_fired.set()

        running = asyncio.ensure_future(DueLoop(SystemClock(), load=load, fire=fire).run())
        waiting = asyncio.ensure_future(is_fired.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        waiting.cancel()
        if running.done():
            await running  # raises what ended it
        running.cancel()
        assert is_fired.is_set()
    return tries


async def test_a_due_loop_waits_for_what_passes(place: Place) -> None:
    assert await fired(place, session_ended_between_statements, left=2) == 3


@pytest.mark.parametrize(
    ("inject", "expected"),
    [
        (wrong_number_of_arguments, asyncpg.InterfaceError),
        (file_that_is_missing, FileNotFoundError),
        (column_that_is_missing, asyncpg.UndefinedColumnError),
    ],
    ids=lambda each: each.__name__,
)
async def test_a_due_loop_ends_with_what_does_not_pass(
    place: Place, inject: Injection, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        await fired(place, inject, left=1)


# -- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sqlstate", "fault"),
    [
        ("08006", Fault.PASSING),
        ("22003", Fault.BUG),
        ("23505", Fault.BUG),
        ("25006", Fault.PASSING),
        ("25P03", Fault.PASSING),
        ("26000", Fault.DEPLOYMENT),
        ("28P01", Fault.DEPLOYMENT),
        ("3D000", Fault.DEPLOYMENT),
        ("40001", Fault.PASSING),
        ("40P01", Fault.PASSING),
        ("42501", Fault.DEPLOYMENT),
        ("42P02", Fault.BUG),
        ("42P01", Fault.DEPLOYMENT),
        ("42703", Fault.DEPLOYMENT),
        ("53100", Fault.PASSING),
        ("53300", Fault.PASSING),
        ("54001", Fault.BUG),
        ("55P03", Fault.PASSING),
        ("57P01", Fault.PASSING),
        ("57014", Fault.PASSING),
        ("58030", Fault.PASSING),
        ("XX000", Fault.BUG),
        ("XX001", Fault.DEPLOYMENT),
    ],
)
async def test_a_sqlstate_decides(place: Place, sqlstate: str, fault: Fault) -> None:
    with pytest.raises(asyncpg.PostgresError) as raised:
        await raised_by_the_server(place.admin, sqlstate)
    assert raised.value.sqlstate == sqlstate
    assert fault_of(raised.value) is fault


async def test_a_password_that_is_wrong_and_a_database_that_is_not_there_do_not_pass(
    place: Place,
) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError) as missing:
        await open_pool(place.dsn.replace(place.name, "nowhere"), application_name="t", size=1)
    assert fault_of(missing.value) is Fault.DEPLOYMENT
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError) as stranger:
        await open_pool(place.dsn.replace("runtime@", "stranger@"), application_name="t", size=1)
    assert fault_of(stranger.value) is Fault.DEPLOYMENT


@pytest.mark.parametrize("host", ["/nowhere", "127.0.0.1"], ids=["socket", "port"])
async def test_a_server_that_does_not_run_is_a_lost_connection(host: str) -> None:
    with pytest.raises(ConnectionLost):
        await open_pool(f"postgresql://a@/a?host={host}&port=1", application_name="t", size=1)


async def test_a_misuse_stays_one_on_a_connection_that_is_alive(pool: Pool) -> None:
    with pytest.raises(asyncpg.InterfaceError):
        async with pool.acquire() as connection:
            await connection.execute("SELECT $1::int", 1, 2)
    with pytest.raises(asyncpg.InterfaceError):
        await pool.execute("SELECT $1::int", 1, 2)


@pytest.fixture
async def pool(place: Place) -> AsyncIterator[Pool]:
    async with await open_pool(place.dsn, application_name="test", size=2) as opened:
        yield opened


async def publish(kafka: KafkaSettings, start: int = 0) -> None:
    values = [b"value-%06d" % number for number in range(start, start + RECORDS)]
    await topics.publish(kafka, [Message(INPUT, value, value, ()) for value in values])


async def has_rows(place: Place, count: int) -> bool:
    return len(await rows(place)) >= count


async def rows(place: Place) -> list[bytes]:
    return [row["value"] for row in await place.watcher.fetch("SELECT value FROM ledger")]


async def dead_letters(kafka: KafkaSettings) -> list[bytes | None]:
    return [record.value for record in await topics.read(kafka, f"{INPUT}.dlq")]
