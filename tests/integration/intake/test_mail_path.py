"""How many of our modules a plain mail passes, from the SMTP DATA command to its event."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType

from integration.intake.harness import Intake, a_mail
from support.waiting import eventually

MOST_MODULES = 35
"""Modules with a step of the mail's way; see `INSTRUMENTS` and `DATA` for what else runs."""
READING = "intake.mail."
"""The reading of a mail is one call of a pure function, so one step, whatever it has to decode."""
INSTRUMENTS = {
    "intake.metrics", "intake.settings", "pledge.runtime.auth.link_signer", "pledge.runtime.clock",
    "pledge.runtime.config.settings", "pledge.runtime.ids", "pledge.runtime.observability.health",
    "pledge.runtime.observability.metrics", "pledge.runtime.observability.tracing",
    "pledge.runtime.retry",
}  # fmt: skip
"""They give the time, an id, a setting, a signature or a trace, count, or call again: the mail does
not pass them."""
DATA = {
    "pledge.events.channel", "pledge.events.values", "pledge.events.ticket",
    "pledge.events.instants", "pledge.events.addresses", "pledge.runtime.postgres.pool",
    "pledge.runtime.records", "intake.domain.request_details",
}  # fmt: skip
"""Types of what is passed on: their constructors, validators, encoders and properties run."""


def _stack(frame: FrameType | None) -> Iterator[str]:
    """The functions of ours on the stack, the innermost first, as `module:function`."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(("intake.", "pledge.")):
            yield f"{module}:{frame.f_code.co_qualname}"
        frame = frame.f_back


def _is_of_the_mail(outermost: str) -> bool:
    """Whether a task of ours that began so takes the mail in, or fetches and applies its record;
    the others are the relay, the offset commits, probes, and the monitors of the process."""
    return outermost.startswith(
        (
            "intake.gateways.smtp_server:DataReader.smtp_DATA",
            "pledge.runtime.kafka.consumer:",
            "pledge.runtime.kafka.partition_worker:",
            "pledge.runtime.kafka.subscription:",
        )
    )


async def test_a_mail_passes_few_modules_from_smtp_to_its_event(intake: Intake) -> None:
    await intake.mail(a_mail("Before", message_id="<warm@x.example>"))
    await intake.tickets(1)
    ran: dict[str, set[str]] = defaultdict(set)

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (stack := list(_stack(frame))) and _is_of_the_mail(stack[-1]):
            module, _, function = stack[0].partition(":")
            ran[module].add(function)

    async def is_published() -> bool:
        return bool(await intake.pool.fetchval("SELECT count(*) = 2 FROM facts"))

    sys.setprofile(note)
    try:
        await intake.mail(a_mail())
        await eventually(is_published, what="the event of the mail being in the outbox")
    finally:
        sys.setprofile(None)
    ways = ran.keys() - INSTRUMENTS - DATA
    steps = sorted({READING if each.startswith(READING) else each for each in ways})
    for module in sorted(ran):
        kind = "instrument" if module in INSTRUMENTS else "data" if module in DATA else "step"
        print(f"{kind:10} {module}: {', '.join(sorted(ran[module]))}")
    print(f"{len(steps)} steps, {len(ran)} modules in all")
    assert {"intake.gateways.email", "intake.consumer", "pledge.runtime.outbox.writer"} <= {*steps}
    assert len(steps) <= MOST_MODULES, steps
