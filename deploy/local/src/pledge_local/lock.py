"""Writes `kafka.lock.json`: run `python -m pledge_local.lock` after changing a version here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jgo

from pledge_local.jars import LOCK

KAFKA = "4.3.0"
SLF4J = "1.7.36"
ENDPOINTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    f"org.apache.kafka:kafka-server:{KAFKA}",
    f"org.slf4j:slf4j-simple:{SLF4J}",  # Kafka brings the interface and no implementation
)


def resolve() -> list[dict[str, str | int]]:
    """Every jar that the endpoints need, sorted by path."""
    artifacts = {
        (item.groupId, item.artifactId, item.version): item.resolve()
        for endpoint in ENDPOINTS
        for item in jgo.resolve(endpoint)
    }
    entries: list[dict[str, str | int]] = []
    for (group, artifact, version), file in sorted(artifacts.items()):
        folder = f"{group.replace('.', '/')}/{artifact}/{version}"
        content = Path(file).read_bytes()
        entries.append(
            {
                "path": f"{folder}/{artifact}-{version}.jar",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    return entries


if __name__ == "__main__":
    content = {"kafka": KAFKA, "jars": resolve()}
    LOCK.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
