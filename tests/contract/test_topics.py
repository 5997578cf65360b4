"""`deploy/topics.yaml` says everything about every topic of the contract, and of nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pledge.events import MAX_VALUE_BYTES, OWNERS, Topic, dead_letter

FILE = Path(__file__).parents[2] / "deploy" / "topics.yaml"
DAY_MS = 86_400_000
HEADERS_AND_KEY = 64_000
"""Bytes that key, headers and record framing may take beside the value."""


@pytest.fixture(scope="module")
def topics() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["topics"]
    return found


def test_it_lists_the_contracts_topics_with_their_dead_letters(topics: dict[str, Any]) -> None:
    assert set(topics) == {name for topic in Topic for name in (topic.value, dead_letter(topic))}


@pytest.mark.parametrize("topic", Topic)
def test_a_topic_has_its_owner_and_room_for_its_largest_event(
    topics: dict[str, Any], topic: Topic
) -> None:
    said = topics[topic.value]

    assert said["owner"] == OWNERS[topic]
    assert said["partitions"] == 12
    assert said["replication"] == 3
    assert said["config"]["cleanup.policy"] == "delete"
    assert said["config"]["min.insync.replicas"] == 2
    assert said["config"]["max.message.bytes"] >= MAX_VALUE_BYTES + HEADERS_AND_KEY


@pytest.mark.parametrize("topic", Topic)
def test_a_dead_letter_holds_any_record_of_its_topic(topics: dict[str, Any], topic: Topic) -> None:
    said, dead = topics[topic.value], topics[dead_letter(topic)]

    assert dead["config"]["max.message.bytes"] >= (
        said["config"]["max.message.bytes"] + HEADERS_AND_KEY
    )
    assert dead["config"]["retention.ms"] >= 30 * DAY_MS


def test_the_facts_of_promises_are_kept_for_a_year(topics: dict[str, Any]) -> None:
    for topic in (Topic.TICKET_EVENTS, Topic.SLA_BREACHES):
        assert topics[topic.value]["config"]["retention.ms"] >= 365 * DAY_MS
