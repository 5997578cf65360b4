"""The table in docs/architecture.md of who reads and who writes which topic.

It comes from the `topics.py` of each service, to which the running service is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pledge.runtime.cli.root import services
from pledge.runtime.service.topics import ServiceTopics

BEGIN = "<!-- topics: written by `make spec`, do not edit -->"
END = "<!-- topics: end -->"


class NoTopicTable(Exception):
    """The document has no place for the table: the message says which marks it needs."""


def with_topic_table(document: str) -> str:
    """`document` with the table of this installation between its marks. Raises NoTopicTable."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoTopicTable(f"docs/architecture.md must have the lines {BEGIN} and {END}")
    found = {name: each.topics for name, each in services().items()}
    return f"{before}{BEGIN}\n{table(found)}{END}{after}"


def table(topics: Mapping[str, ServiceTopics]) -> str:
    """One row a topic: which services write it and which read it."""
    lines = ["| topic | written by | read by |", "|---|---|---|"]
    named = dict.fromkeys(
        topic for each in topics.values() for topic in (*each.reads, *each.writes)
    )
    for topic in sorted(named):
        writers = [name for name, each in topics.items() if topic in each.writes]
        readers = [name for name, each in topics.items() if topic in each.reads]
        lines.append(f"| `{topic}` | {_names(writers)} | {_names(readers)} |")
    return "\n".join(lines) + "\n"


def _names(services: Iterable[str]) -> str:
    return ", ".join(services) or "–"
