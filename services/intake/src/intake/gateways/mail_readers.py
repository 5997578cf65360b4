"""Reads mails beside the event loop: in a few processes, each for a limited time.

A mail that takes too long, or kills its reader, is kept raw and says so; it is never lost, and the
others are answered meanwhile.
"""

import asyncio
import contextlib
import pickle
import sys
from typing import Final

import structlog

from intake.application.original_message import CannotReadNow
from intake.gateways.mail_worker import LENGTH, request
from intake.mail.parse import Delivery, Mail, read_mail, untouched_mail

TINY: Final = 16 * 1024
"""Bytes of a mail that is read at once: it takes a few milliseconds whatever it looks like."""
TOO_SLOW: Final = "too_slow"
READER_DIED: Final = "reader_died"

log = structlog.get_logger()


class ReadersBusy(CannotReadNow):
    """No reader was free for long; the sender should try again later."""


class _Reader:
    """One process, started when it is first needed, and again when it ended."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> asyncio.subprocess.Process:
        """The process, started if there is none."""
        async with self._starting:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "intake.gateways.mail_worker",
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    start_new_session=True,
                )  # fmt: skip
            return self._process

    async def ask(self, question: bytes, limit: float) -> Mail:
        """The mail that answers. Raises TimeoutError or EOFError; the process is then gone."""
        try:
            async with asyncio.timeout(limit):
                return await self._ask(question)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.end()
            raise EOFError from error
        except BaseException:  # its answer would be taken for the next mail's
            await self.end()
            raise

    async def _ask(self, question: bytes) -> Mail:
        process = await self.start()
        inward, outward = process.stdin, process.stdout
        assert inward is not None
        assert outward is not None
        inward.write(question)
        await inward.drain()
        (length,) = LENGTH.unpack(await outward.readexactly(LENGTH.size))
        mail = pickle.loads(await outward.readexactly(length))  # noqa: S301 - of our own process
        assert isinstance(mail, Mail)
        return mail

    async def end(self) -> None:
        """Kill the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class MailReaders:
    """The processes that read mails. `limit` is how long one mail may take, `patience` how long one
    may wait for a reader, both in seconds."""

    def __init__(self, count: int, *, limit: float, patience: float) -> None:
        self._limit, self._patience = limit, patience
        self._readers = [_Reader() for _ in range(count)]
        self._free: asyncio.LifoQueue[_Reader] = asyncio.LifoQueue()
        for each in self._readers:
            self._free.put_nowait(each)

    async def read(self, raw: bytes, delivery: Delivery) -> Mail:
        """The mail, read here if it is tiny. Raises ReadersBusy."""
        if len(raw) <= TINY:
            return _read_here(raw, delivery)
        try:
            async with asyncio.timeout(self._patience):
                reader = await self._free.get()
        except TimeoutError as error:
            raise ReadersBusy("no reader of mails became free") from error
        try:
            return await self._read(reader, raw, delivery)
        finally:
            self._free.put_nowait(reader)

    async def _read(self, reader: _Reader, raw: bytes, delivery: Delivery) -> Mail:
        """Read whole; else its fields and the beginning of its text; else nothing of it."""
        reason = None
        for _ in range(2):
            try:
                return await reader.ask(request(raw, delivery, reason), self._limit)
            except TimeoutError:
                reason = TOO_SLOW
            except EOFError:
                reason = READER_DIED
            log.warning("mail_not_read", reason=reason, size=len(raw))
        return untouched_mail(raw, reason or TOO_SLOW, delivery)

    async def run(self) -> None:
        """Start the processes; end them when cancelled."""
        try:
            for each in self._readers:
                await each.start()
            await asyncio.get_running_loop().create_future()
        finally:
            for each in self._readers:
                await each.end()


def _read_here(raw: bytes, delivery: Delivery) -> Mail:
    try:
        return read_mail(raw, delivery)
    except Exception as error:  # a fault of ours must not cost the mail
        log.exception("mail_not_read", reason=READER_DIED, size=len(raw), error=repr(error))
        return untouched_mail(raw, READER_DIED, delivery)
