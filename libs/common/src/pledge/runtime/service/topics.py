"""Which topics a service reads and writes: declared once, held to while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from pledge.runtime.kafka.dead_letters import SUFFIX


@dataclass(frozen=True, slots=True)
class ServiceTopics:
    """Logical topic names.

    The consumer subscribes to `reads` and nothing else, and the outbox refuses a message for a
    topic that is neither in `writes` nor the dead-letter topic of one in `reads`. The table in
    docs/architecture.md is generated from these.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]

    def allowed(self) -> frozenset[str]:
        """The topics to which the service may publish, dead-letter topics included."""
        return frozenset({*self.writes, *(topic + SUFFIX for topic in self.reads)})
