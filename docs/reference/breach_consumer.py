# Prints every broken promise from now on; needs only `aiokafka` and `pledge-common`.
# ruff: noqa: D100, D103, E401, I001, T201
import asyncio, aiokafka as kafka
from pledge.events import decode


async def main() -> None:
    async with kafka.AIOKafkaConsumer("sla.breaches.v1", bootstrap_servers="localhost:8107") as bus:
        async for record in bus:
            print(decode(record.headers, record.value))


asyncio.run(main())
