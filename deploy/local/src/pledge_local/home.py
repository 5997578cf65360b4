"""The folder `.pledge`: all that a local stack keeps, and who runs it."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pledge_local.errors import LocalError

DEFAULT = ".pledge"
LEAST_FREE_BYTES = 500_000_000
# Put aside at the next start: two files of each process are kept.
LARGEST_LOG_BYTES = 20_000_000
# Whoever asks who runs here holds the lock for an instant: that is no second start.
ATTEMPTS = 10
PAUSE_SECONDS = 0.05


class Home:
    """One stack's folder. Only its owner may read it: it holds keys and customers' mails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.folder / "logs"

    @property
    def kafka(self) -> Path:
        """The broker's configuration and data."""
        return self.folder / "kafka"

    @property
    def postgres(self) -> Path:
        """The database server's data."""
        return self.folder / "postgres"

    @property
    def sink(self) -> Path:
        """What the sink received."""
        return self.folder / "sink"

    @property
    def keys(self) -> Path:
        """The secrets that sign links, reply addresses and webhooks."""
        return self.folder / "keys"

    @property
    def token_key(self) -> Path:
        """The private key that signs tokens; `pledge token create` finds it here by itself."""
        return self.folder / "token.key"

    @property
    def stack_file(self) -> Path:
        """The addresses; it exists while the stack is ready."""
        return self.folder / "stack.json"

    def command(self, program: str = "pledge") -> str:
        """How `program` is called so that it finds this folder from here."""
        is_found = self.folder == home_of(None).folder
        return program if is_found else f"PLEDGE_HOME={shlex.quote(str(self.folder))} {program}"

    def log(self, name: str) -> Path:
        """The log file of the process `name`."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Create the folder. Raises LocalError when it can't be written or the disk is full."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.keys, self.sink, self.kafka):
                folder.mkdir(mode=0o700, exist_ok=True)
                # The folder around them may be one that others made, open to everybody.
                folder.chmod(0o700)
            probe = self.folder / ".write-probe"
            probe.write_bytes(b"")
            probe.unlink()
            for log in self.logs.glob("*.log"):
                if log.stat().st_size > LARGEST_LOG_BYTES:
                    log.replace(log.with_suffix(".log.1"))
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise LocalError(
                f"The folder {self.folder} can't be written: {error.strerror}.",
                "Make it writable, or choose another one with --home or PLEDGE_HOME.",
            ) from error
        if free < LEAST_FREE_BYTES:
            raise LocalError(
                f"The disk of {self.folder} has only {free // 1_000_000} MB left.",
                f"Free {LEAST_FREE_BYTES // 1_000_000} MB, or choose another disk with --home.",
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one who runs the stack of this folder. Raises LocalError when another one does."""
        with (self.folder / "lock").open("a+") as lock:
            if not _taken(lock, fcntl.LOCK_EX, ATTEMPTS):
                raise self._second_start()
            # Left by a stack that was killed: nobody answers there.
            self.stack_file.unlink(missing_ok=True)
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield
            finally:
                self.stack_file.unlink(missing_ok=True)
                lock.seek(0)
                lock.truncate()

    def runner(self) -> int | None:
        """The pid of the process that runs this folder's stack; None when nobody does."""
        try:
            with (self.folder / "lock").open("r+") as lock:
                is_free = _taken(lock, fcntl.LOCK_SH, 1)
                return None if is_free else int(lock.read() or 0) or None
        except OSError:
            return None

    def stack(self) -> dict[str, Any] | None:
        """The addresses of the running stack; None while there is none, or it starts or stops."""
        if self.runner() is None:
            return None  # one that was killed leaves its addresses behind
        try:
            content = json.loads(self.stack_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write_stack(self, content: Mapping[str, Any]) -> None:
        """Publish the addresses, whole or not at all, readable by the owner alone."""
        draft = self.stack_file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        draft.replace(self.stack_file)

    def _second_start(self) -> LocalError:
        pid = self.runner()
        stack = self.stack() or {}
        places = [
            part["url"] for part in stack.values() if isinstance(part, dict) and "url" in part
        ]
        where = f" at {', '.join(places)}" if places else ""
        return LocalError(
            f"A stack already runs in {self.folder} (process {pid}){where}.",
            f"Use it, stop it with `{self.command()} down`, or start another one with --home and"
            " --port-base.",
        )


def _taken(lock: IO[str], kind: int, attempts: int) -> bool:
    """Whether the lock could be had in one of `attempts`."""
    for attempt in range(attempts):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def home_of(option: Path | None) -> Home:
    """The folder chosen by option, else by PLEDGE_HOME, else `.pledge` here."""
    return Home(option or Path(os.environ.get("PLEDGE_HOME") or DEFAULT))
