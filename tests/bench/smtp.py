"""How many mails a second SMTP takes: 250 after Kafka, beside a server that answers 250 at once."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

from bench.report import Row, rate
from bench.rig import CLOCK, PROGRESS_EVERY, Child, Rig, published, ready
from bench.say import say

TOPIC = "channel.email.v1"
SENDERS = 20
# Of each sender, over one connection, as a relay sends to a mail exchanger that it knows.
WARMING, MAILS = 25, 100
SHARE = 0.5
LISTENS_WITHIN = 60.0


async def smtp(rig: Rig) -> list[Row]:
    """The same mails by the same clients, to the floor first."""
    environment = rig.environment(await rig.kafka(), {"intake": await rig.database("intake")})
    port = int(environment["PLEDGE_INTAKE_SMTP_PORT"])
    with rig.process("bench.floor_smtp", environment) as child:
        await _listening(child, port)
        floor, floor_spent = await _measured(child, port)
    say(f"bench.floor_smtp: {floor:,.0f} mails/s, {floor_spent:.0f} µs of processor a mail")
    value, spent = await _service(rig)
    say(f"intake: {value:,.0f} mails/s, {spent:.0f} µs of processor a mail")
    return [rate("smtp_mails", value, floor, share=SHARE, unit="mails/s")]


async def _service(rig: Rig) -> tuple[float, float]:
    kafka, name = await rig.kafka(), await rig.database("intake")
    environment = {
        **rig.environment(kafka, {"intake": name}),
        "PLEDGE_INTAKE_BLOBS": str(rig.folder / "blobs"),
    }
    with rig.process("intake", environment) as child:
        await ready(child, environment["PLEDGE_INTAKE_HTTP_PORT"])
        found = await _measured(child, int(environment["PLEDGE_INTAKE_SMTP_PORT"]))
    sent = SENDERS * (WARMING + MAILS)
    if (kept := await published(kafka, TOPIC)) != sent:
        raise RuntimeError(f"{sent} mails were answered with 250, Kafka has {kept}")
    return found


async def _measured(child: Child, port: int) -> tuple[float, float]:
    """Mails a second, and microseconds of the server's processor time a mail."""
    await _sent(port, _mails("warming", WARMING))
    mails = _mails("measured", MAILS)
    started, spent = CLOCK.monotonic(), child.seconds()
    await _sent(port, mails)
    took = CLOCK.monotonic() - started
    count = SENDERS * MAILS
    return count / took, (child.seconds() - spent) / count * 1e6


def _mails(name: str, count: int) -> list[list[bytes]]:
    """So many of each sender."""
    return [[_mail(f"{name}-{sender}-{number}") for number in range(count)]
            for sender in range(SENDERS)]  # fmt: skip


async def _sent(port: int, mails: list[list[bytes]]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in mails:
            group.create_task(_send(port, each))


async def _send(port: int, mails: list[bytes]) -> None:
    """One command after the other, each answer waited for. Raises RuntimeError for another one
    than is expected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say_and_hear(words: bytes, expected: bytes) -> None:
        writer.write(words)
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if not line.startswith(expected):
            raise RuntimeError(f"{words[:60]!r} was answered with {line!r}")

    await say_and_hear(b"", b"220")
    await say_and_hear(b"EHLO client.example\r\n", b"250")
    for mail in mails:
        await say_and_hear(b"MAIL FROM:<eve@customer.example>\r\n", b"250")
        await say_and_hear(b"RCPT TO:<support@bench.example>\r\n", b"250")
        await say_and_hear(b"DATA\r\n", b"354")
        await say_and_hear(mail, b"250")
    await say_and_hear(b"QUIT\r\n", b"221")
    writer.close()


def _mail(name: str) -> bytes:
    """A usual one, of text and HTML."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Eve Example <eve@customer.example>", "support@bench.example"
    mail["Subject"], mail["Message-ID"] = f"Nothing arrives {name}", f"<{name}@customer.example>"
    mail["Date"] = "Mon, 30 Nov 2026 10:00:00 +0000"
    mail.set_content("Nothing has arrived since nine; what can we do?\n" * 10)
    mail.add_alternative("<p>Nothing has arrived since <b>nine</b>.</p>\n" * 10, subtype="html")
    return mail.as_bytes().replace(b"\n", b"\r\n") + b".\r\n"


async def _listening(child: Child, port: int) -> None:
    give_up_at = CLOCK.monotonic() + LISTENS_WITHIN
    while True:
        child.check()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            if CLOCK.monotonic() > give_up_at:
                raise
            await CLOCK.sleep(PROGRESS_EVERY)
            continue
        writer.close()
        return
