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
        """A group unknown to the service's own replicas."""
        return f"{super().group(name)}.stale-owner"


def main(service: str) -> int:
    """Run `service` until SIGTERM."""
    serve = importlib.import_module(f"{service}.__main__").serve
    settings_class = getattr(
        importlib.import_module(f"{service}.settings"), f"{service.capitalize()}Settings"
    )

    async def serve_in_other_group(
        settings: ServiceSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
    ) -> None:
        await serve(settings, OtherGroup(**kafka.model_dump()), clock, ids, stop)

    return run_main(service, settings_class, serve_in_other_group)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
