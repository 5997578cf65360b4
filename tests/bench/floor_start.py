"""The least that a program must do before it can fire: start, connect, own its partitions, look.

It joins a consumer group, reads what is due within the next minutes in each partition by the same
index, and prints `ready`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg

from bench import bare
from pledge.runtime.clock import SystemClock

TOPIC = "ticket.events.v1"
WINDOW = timedelta(minutes=5)
CLOCK = SystemClock()

_DUE = """
SELECT wake_at, ticket_id FROM tickets
WHERE topic = $1 AND partition = $2 AND desk = 'many' AND wake_at <= $3
ORDER BY wake_at LIMIT 20000
"""


async def look(connection: asyncpg.Connection) -> int:
    """How many are due soon."""
    until = CLOCK.now() + WINDOW
    found = [
        await connection.fetch(_DUE, TOPIC, partition, until)
        for partition in range(bare.PARTITIONS)
    ]
    return sum(len(rows) for rows in found)


async def main() -> None:
    """Be ready, then wait until killed."""
    connection = await bare.connect("PLEDGE_SLA_DSN")
    async with bare.consumer(TOPIC) as consumer, bare.producer():
        while not consumer.assignment():
            await CLOCK.sleep(timedelta(milliseconds=5))
        print(f"ready with {await look(connection)}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    bare.run(main())
