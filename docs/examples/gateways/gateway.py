"""A chat gateway in Python: messages as JSON lines on stdin become events on Kafka.

Needs `aiokafka` and `pledge-common`. Says `taken <id>` when all in-sync replicas have the message;
one that was not taken is given again, under the same id, and makes no second ticket.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from pledge.events import Authentication, ChatMessageReceived, Contact, encode, originate

DESK = os.environ["DESK"]
BROKERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:8107")
PREFIX = os.environ.get("KAFKA_TOPIC_PREFIX", "")


def event_of(message: dict[str, str], now: datetime) -> ChatMessageReceived:
    """The event. What the provider does not say is left out: no empty and no unset time."""
    sent_at = message.get("sent_at")
    return ChatMessageReceived(
        desk=DESK,
        occurred_at=min(datetime.fromisoformat(sent_at), now) if sent_at else now,
        recorded_at=now,
        delivery=f"example:{message['id']}",
        conversation=f"example:{message['thread']}",
        authentication=Authentication(result="passed", method="session"),
        sender=Contact(name=message.get("name"), email=message.get("email")),
        text=message["text"].replace("\0", ""),
    )


async def main() -> None:
    """Publish each line; stop at the first that Kafka does not take."""
    producer = AIOKafkaProducer(bootstrap_servers=BROKERS, acks="all", enable_idempotence=True)
    async with producer:
        for line in sys.stdin:
            message = json.loads(line)
            event = event_of(message, datetime.now(UTC))
            envelope = originate(event, source="/gateways/example", id=str(uuid.uuid4()))
            record = encode(event, envelope)
            # No timestamp: the record's is the producer's clock, and retention goes by it.
            await producer.send_and_wait(
                PREFIX + record.topic, record.value, key=record.key, headers=list(record.headers)
            )
            print("taken", message["id"], flush=True)


asyncio.run(main())
