"""`pledge dlq` against the real broker: what is there is listed, shown and published again."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from pledge.runtime.cli.dlq_commands import app
from pledge.runtime.cli.root import CommandError
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.dead_letters import dead_letter
from pledge.runtime.records import Message, Poison, Record
from support import topics

ORIGIN = "ticket.events.v1"


def pledge_dlq(kafka: KafkaSettings, *arguments: str) -> str:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
    }
    result = CliRunner().invoke(app, arguments, env=environ)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def letter(kafka: KafkaSettings) -> Message:
    """A record that was no JSON, as sla kept it."""
    now = SystemClock().now()
    record = Record(ORIGIN, 2, 7, b"k", b"not json", (("ce_type", b"x"),), now)
    message = dead_letter(Poison(record, "not_json", "at byte 0"), service="sla", now=now)
    asyncio.run(topics.publish(kafka, [message]))
    return message


def test_dead_letter_is_listed_by_topic_and_reason(kafka: KafkaSettings, letter: Message) -> None:
    (line,) = pledge_dlq(kafka, "list", "--json").splitlines()
    told = json.loads(line)
    assert (told["reason"], told["service"], told["bytes"]) == ("not_json", "sla", 8)
    assert pledge_dlq(kafka, "list", "--json", "--topic", ORIGIN).splitlines() == [line]
    assert pledge_dlq(kafka, "list", "--json", "--topic", "sla.events.v1") == ""
    assert pledge_dlq(kafka, "list", "--json", "--reason", "null_value") == ""
    shown = json.loads(pledge_dlq(kafka, "show", told["where"]))
    assert (shown["origin"], shown["value"]) == (f"{ORIGIN}/2/7", "not json")


def test_replay_publishes_the_record_as_it_was(kafka: KafkaSettings, letter: Message) -> None:
    pledge_dlq(kafka, "replay", "--topic", ORIGIN, "--yes")
    (record,) = asyncio.run(topics.read(kafka, ORIGIN))
    assert (record.key, record.value, record.headers) == (b"k", b"not json", (("ce_type", b"x"),))
    assert len(pledge_dlq(kafka, "list", "--json").splitlines()) == 1


def test_letter_that_is_not_there_is_said_in_a_line(kafka: KafkaSettings) -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
    }
    for where in ("x", "no.such.topic/1/2", f"{ORIGIN}/0/99"):
        result = CliRunner().invoke(app, ["show", where], env=environ)
        assert isinstance(result.exception, CommandError)
        assert f"no dead letter {where}" in str(result.exception)
