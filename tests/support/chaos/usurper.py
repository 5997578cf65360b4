"""A service that joins another consumer group on the same database: a second owner of everything.

It is what a wrong setting makes in production. Run as a script with the name of the service.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings, ServiceSettings
from pledge.runtime.ids import Ids
from pledge.runtime.service.main import run_main


class OtherGroup(KafkaSettings):
    """The same cluster and topics, another group."""

    def group(self, name: str) -> str:
        """A group that the service's own replicas know nothing of."""
        return f"{super().group(name)}.usurper"


def main(service: str) -> int:
    """Run `service` until told to stop."""
    serve = importlib.import_module(f"{service}.__main__").serve
    settings = getattr(
        importlib.import_module(f"{service}.settings"), f"{service.capitalize()}Settings"
    )

    async def usurp(
        told: ServiceSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
    ) -> None:
        await serve(told, OtherGroup(**kafka.model_dump()), clock, ids, stop)

    return run_main(service, settings, usurp)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
