"""The seven-line subscriber of the README, run as it stands against the real broker."""

import asyncio
import sys
from pathlib import Path

from pledge.events import PromiseBreached, Topic, encode, originate
from pledge.events.spec.samples import sample_of
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from pledge_local.processes import Child
from support import topics
from support.waiting import eventually

SNIPPET = Path(__file__).parents[3] / "docs" / "reference" / "breach_consumer.py"


async def test_the_breach_consumer_prints_what_was_promised_and_missed(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    text = SNIPPET.read_text(encoding="utf-8")
    breaches = kafka.topic(Topic.SLA_BREACHES.value)
    program = text.replace(Topic.SLA_BREACHES.value, breaches)
    program = program.replace("localhost:8107", kafka.bootstrap_servers)
    breach = sample_of(PromiseBreached)
    record = encode(breach, originate(breach, source="/sla", id="breach-1", sequence=1))
    said = tmp_path / "said"

    process = Child("consumer", [sys.executable, "-uc", program], said)

    async def is_printed() -> bool:
        # It reads from now on, and nothing tells when it has begun: so say it again.
        message = Message(record.topic, record.key, record.value, record.headers)
        await topics.publish(kafka, [message])
        assert process.exit_code() is None, said.read_text()
        return str(breach) in said.read_text().splitlines()

    try:
        assert await eventually(is_printed, what="the breach on standard output")
    finally:
        await asyncio.to_thread(process.stop, 10)
