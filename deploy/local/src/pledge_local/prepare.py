"""Makes the topics that a cluster lacks: `python -m pledge_local.prepare`.

For clusters that `pledge up` did not start. The cluster is the one in KAFKA_*; what is there is
left alone. A broker that does not answer yet is asked again for two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from aiokafka.errors import KafkaConnectionError, KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings, SettingsError, load_settings
from pledge_local.errors import LocalError
from pledge_local.topics import TopicPlan, ensure_topics, read_topics

GIVES_UP_AFTER = timedelta(minutes=2)
PAUSE = timedelta(seconds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the topics; gives the exit status: 1 without a cluster, 2 for wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m pledge_local.prepare")
    parser.add_argument("--topics", type=Path, default=Path("deploy/topics.yaml"))
    options = parser.parse_args(arguments)
    # What its clients can't do comes as an exception.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        made = asyncio.run(_make(load_settings(KafkaSettings), read_topics(options.topics)))
    except (SettingsError, LocalError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (KafkaError, OSError) as error:
        sys.stderr.write(f"Kafka did not take the topics: {error}\n")
        return 1
    sys.stdout.write("".join(f"made {name}\n" for name in made) or "all topics are there\n")
    return 0


async def _make(kafka: KafkaSettings, plans: Sequence[TopicPlan]) -> list[str]:
    clock = SystemClock()
    gives_up_at = clock.now() + GIVES_UP_AFTER
    while True:
        try:
            return await ensure_topics(kafka, plans)
        except KafkaConnectionError:
            if clock.now() > gives_up_at:
                raise
        await clock.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
