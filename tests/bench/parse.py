"""How many mails one core reads in a second, with full output, beside the standard library."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from bench.report import Row, rate
from bench.rig import Rig
from bench.say import say
from intake.mail.description import describe
from intake.mail.parse import Delivery

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
ROUNDS = 5
SHARE = 2.0


async def parse(rig: Rig) -> list[Row]:
    """By processor time, the quickest of some rounds: other work of the machine counts little."""
    del rig
    ours, floor, count = await asyncio.to_thread(_measured)
    say(f"{count} mails, by processor time: {ours:,.0f}/s; compat32 {floor:,.0f}/s")
    return [rate("mails_parsed", ours, floor, share=SHARE, unit="mails/s")]


def _measured() -> tuple[float, float, int]:
    mails = _mails()
    parser = BytesParser(policy=policy.compat32)
    nobody = Delivery()
    ours = floor = 0.0
    for _ in range(ROUNDS):  # in turns, so that both see the same machine
        ours = max(ours, _per_second(lambda raw: json.dumps(describe(raw, "m", nobody)), mails))
        floor = max(floor, _per_second(parser.parsebytes, mails))
    return ours, floor, len(mails)


def _mails() -> Sequence[bytes]:
    """The public corpora where they are, else some of our own making."""
    found = [each.read_bytes() for each in sorted(CORPORA.rglob("*.eml"))]
    return found or [_made(number) for number in range(500)]


def _made(number: int) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Eve Example <eve{number}@x.example>", "support@y.example"
    mail["Subject"], mail["Message-ID"] = f"Größe {number}", f"<{number}@x.example>"
    mail["Date"] = "Mon, 30 Nov 2026 10:00:00 +0000"
    mail.set_content("Nothing arrives since nine.\n" * 20 + "\nOn Monday Ann wrote:\n> Hello\n")
    mail.add_alternative("<p>Nothing arrives since <b>nine</b>.</p>" * 20, subtype="html")
    if number % 3 == 0:
        mail.add_attachment(bytes(range(256)) * 8, "image", "png", filename="screen.png")
    return mail.as_bytes()


def _per_second(read: Callable[[bytes], object], mails: Sequence[bytes]) -> float:
    started = time.process_time()
    for raw in mails:
        read(raw)
    return len(mails) / (time.process_time() - started)


if __name__ == "__main__":
    sys.stdout.write("{:,.0f} {:,.0f} {}\n".format(*_measured()))
