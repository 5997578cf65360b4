"""Mails are read beside the event loop, for a limited time, and none is lost by it."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
from collections.abc import AsyncIterator
from datetime import timedelta

import psutil
import pytest

from intake.gateways.mail_readers import TINY, MailReaders, ReadersBusy
from intake.mail.parse import Delivery, read_mail, untouched_mail
from integration.intake.harness import Intake, a_mail
from support.waiting import eventually

LARGE = (
    b"From: Eve <eve@x.example>\r\nSubject: large\r\nMessage-ID: <l@x.example>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\n"
    b"Content-Type: application/pdf; name=a.pdf\r\n\r\n" + b"%PDF " * 20_000 + b"\r\n--b--\r\n"
)
FROM_EVE = Delivery("eve@x.example")


@pytest.fixture
async def readers() -> AsyncIterator[MailReaders]:
    made = MailReaders(1, limit=5, patience=0.2)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])
    assert not [each for each in psutil.Process().children() if _is_worker(each)]


def _is_worker(process: psutil.Process) -> bool:
    return "intake.gateways.mail_worker" in process.cmdline()


async def worker() -> psutil.Process:
    """The process that reads, once it runs."""
    found: list[psutil.Process] = []

    async def runs() -> bool:
        found[:] = [each for each in psutil.Process().children() if _is_worker(each)]
        return bool(found)

    await eventually(runs, what="the reader's process")
    return found[0]


async def test_a_mail_read_in_another_process_is_the_same(readers: MailReaders) -> None:
    assert len(LARGE) > TINY
    assert await readers.read(LARGE, FROM_EVE) == read_mail(LARGE, FROM_EVE)
    assert (await readers.read(b"Subject: tiny\r\n\r\nx", FROM_EVE)).subject == "tiny"


async def test_a_mail_that_takes_too_long_is_kept_raw_and_the_next_is_read() -> None:
    readers = MailReaders(1, limit=3, patience=1)
    running = asyncio.create_task(readers.run())
    await readers.read(LARGE, FROM_EVE)
    first = await worker()
    os.kill(first.pid, signal.SIGSTOP)
    mail = await readers.read(LARGE, FROM_EVE)
    assert mail.defects == ("too_slow",)
    assert [(each.name, each.content) for each in mail.attachments] == [("message.eml", LARGE)]
    assert (mail.subject, mail.message_id) == ("large", "<l@x.example>")
    assert not first.is_running()
    assert (await readers.read(LARGE, FROM_EVE)).defects == ()
    running.cancel()
    await asyncio.wait([running])


async def test_a_mail_whose_reader_dies_is_kept_raw(readers: MailReaders) -> None:
    await readers.read(LARGE, FROM_EVE)
    first = await worker()
    os.kill(first.pid, signal.SIGSTOP)
    reading = asyncio.create_task(readers.read(LARGE, FROM_EVE))
    await asyncio.wait([reading], timeout=0.1)
    with pytest.raises(ReadersBusy):
        await readers.read(LARGE, FROM_EVE)
    os.kill(first.pid, signal.SIGKILL)
    mail = await reading
    assert (mail.defects, mail.attachments[0].content) == (("reader_died",), LARGE)


async def test_a_mail_that_cannot_even_be_looked_at_is_kept_whole() -> None:
    readers = MailReaders(1, limit=0.001, patience=1)  # no process starts so quickly
    mail = await readers.read(LARGE, FROM_EVE)
    assert (mail.defects, mail.attachments[0].content) == (("too_slow",), LARGE)
    assert mail.sender is not None
    assert mail.sender.address == "eve@x.example"
    assert mail.content_key == untouched_mail(LARGE, "too_slow").content_key


def folded(piece: bytes, count: int) -> bytes:
    """So many pieces, on lines that the server takes."""
    lines, rest = divmod(count, 10_000)
    return b"\r\n ".join([piece * 10_000] * lines + [piece * rest])


HOSTILE = {
    "lines": b"\r\n" * 4_000_000,
    "delimiters": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 1_000_000,
    "parameters": b"Content-Type: a/b" + folded(b'; a="\\', 500_000) + b"\r\n\r\nx",
    "encoded words": b"Subject: " + folded(b"=?utf-8?q?", 300_000) + b"\r\n\r\nx",
    "markup": b"Content-Type: text/html\r\n\r\n" + folded(b"<a href='", 400_000),
    "addresses": b"To: " + folded(b'(<"', 700_000) + b"\r\n\r\nx",
}


async def test_livez_answers_within_a_second_whatever_arrives(intake: Intake) -> None:
    slowest = 0.0
    is_done = asyncio.Event()

    async def ask() -> None:
        nonlocal slowest
        async with intake.http() as client:
            while not is_done.is_set():
                started = intake.clock.monotonic()
                assert (await client.get("/livez")).status_code == 200
                slowest = max(slowest, intake.clock.monotonic() - started)
                await intake.clock.sleep(timedelta(milliseconds=20))

    def send(name: str, raw: bytes) -> None:
        head = f"Message-ID: <{name.replace(' ', '-')}@x.example>\r\n".encode()
        with smtplib.SMTP("127.0.0.1", intake.settings.smtp_port, timeout=120) as client:
            client.sendmail("eve@x.example", ["support@vircom.example"], head + raw)

    asking = asyncio.create_task(ask())
    for name, raw in HOSTILE.items():
        slowest = 0.0
        await asyncio.to_thread(send, name, raw)
        assert slowest < 1, name
    is_done.set()
    await asking
    await intake.mail(a_mail("After", message_id="<after@x.example>"))
    await intake.tickets(len(HOSTILE) + 1)
