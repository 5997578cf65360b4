"""`pledge dlq`: list and show dead letters, replay them, and resume a stopped consumer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import typer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pledge.runtime.cli import endpoints, tables
from pledge.runtime.cli import root as cli
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.dead_letters import SUFFIX, DeadLetter, read_dead_letter
from pledge.runtime.kafka.poison import RESUMED_RUN
from pledge.runtime.records import Record
from pledge.runtime.records import from_kafka as record_from_kafka

# A listing reads each partition from its beginning; more than this is a job for a real consumer.
MOST_READ = 100_000
READ_TIMEOUT_MS = 2_000
COLUMNS = ("where", "reason", "detail", "service", "at", "bytes")

# What its client can't do comes as an exception; its warnings would only repeat it.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

app = typer.Typer(
    help="List, show and replay dead letters: records that a service could not handle.",
    no_args_is_help=True,
)

TopicOption = Annotated[str | None, typer.Option(help="Only this origin, e.g. ticket.events.v1")]
ReasonOption = Annotated[str | None, typer.Option(help="Only this reason, e.g. not_json")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Where = Annotated[str, typer.Argument(help="As `list` names it: topic/partition/offset")]


@app.command("list")
def list_letters(
    topic: TopicOption = None,
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_READ, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest last.

    Example: pledge dlq list --topic ticket.events.v1 --reason not_json
    """
    letters = _run(lambda kafka: _read(kafka, topic, reason))
    shown = letters[-limit:]
    if as_json:
        for each in shown:
            typer.echo(json.dumps(_summary(each)))
        return
    summaries = [_summary(each) for each in shown]
    tables.show(
        COLUMNS,
        [[each[column] for column in COLUMNS] for each in summaries],
        nothing="there are no dead letters" if topic is reason is None else "nothing matches",
        title=f"{len(shown)} of {len(letters)} dead letters",
    )


@app.command("show")
def show_letter(where: Where) -> None:
    """Show one dead letter whole: origin, reason, headers and bytes."""
    letter = _run(lambda kafka: _find(kafka, where))
    body = letter.record.value
    shown = {
        **_summary(letter),
        "origin": f"{letter.origin_topic}/{letter.origin_partition}/{letter.origin_offset}",
        "key": repr(letter.record.key),
        "headers": {name: repr(value) for name, value in letter.original().headers},
        "value": None if body is None else body.decode("utf-8", "backslashreplace"),
    }
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@app.command("replay")
def replay_letters(
    where: Annotated[str | None, typer.Argument(help="One: topic/partition/offset")] = None,
    topic: TopicOption = None,
    reason: ReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Publish dead letters again to the topic they came from.

    They stay in the dead-letter topic. Services ignore a record that they have handled before.
    intake and sla apply a replayed record at any time; notify and status ignore it once they have
    handled a later event of the same ticket or incident.

    Example: pledge dlq replay --topic ticket.events.v1 --reason handler_error
    """
    if where is None and topic is None:
        raise cli.CommandError(
            "say which: topic/partition/offset, or --topic (see: pledge dlq list)"
        )
    if where is not None:
        letters = [_run(lambda kafka: _find(kafka, where))]
    else:
        letters = _run(lambda kafka: _read(kafka, topic, reason))
    if not letters:
        typer.echo("nothing matches", err=True)
        return
    if not yes:
        typer.confirm(f"Publish {len(letters)} record(s) again?", abort=True)
    _run(lambda kafka: _publish(kafka, letters))
    typer.echo(f"Published {len(letters)} record(s) again.")


@app.command("resume")
def resume(service: Annotated[str, typer.Argument(help="intake, sla, notify or status")]) -> None:
    """Let a service that stopped after a run of poison records dead-letter them and continue.

    Start the service again afterwards.
    """
    if service not in (known := cli.services()):
        raise cli.CommandError(f"there is no service {service}; there are {', '.join(known)}")
    allowed = _run(lambda _: allow_runs(endpoints.service_dsn(service)))
    if not allowed:
        typer.echo(f"{service}: no run of poison records is under way; there is nothing to resume")
        return
    typer.echo(f"{service}: {allowed} partition(s) may go on.")


def _run(action: Callable[[KafkaSettings], Awaitable[Any]]) -> Any:
    """Run `action`; what fails is printed as one line instead of a traceback."""

    async def run() -> Any:
        return await action(endpoints.kafka_settings())

    try:
        return asyncio.run(run())
    except LookupError as error:
        raise cli.CommandError(str(error.args[0] if error.args else error)) from error
    except (KafkaError, OSError, asyncpg.PostgresError) as error:
        typer.echo(f"pledge: Kafka or the database does not answer: {error}", err=True)
        raise typer.Exit(1) from error


def _summary(letter: DeadLetter) -> dict[str, Any]:
    record = letter.record
    return {
        "where": f"{letter.origin_topic}/{record.partition}/{record.offset}",
        "reason": letter.reason,
        "detail": letter.detail,
        "service": letter.service,
        "at": letter.at,
        "bytes": len(record.value or b""),
    }


async def _read(kafka: KafkaSettings, topic: str | None, reason: str | None) -> list[DeadLetter]:
    """The dead letters that match, by the time they were written."""
    partitions = await _partitions(kafka, topic)
    if not partitions:
        return []  # a consumer that was given nothing to read can't be stopped in order
    consumer = AIOKafkaConsumer(**kafka.client_options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        letters = [
            letter
            for each in await _read_all(kafka, consumer, partitions)
            if (letter := read_dead_letter(each)) is not None
            and (reason is None or letter.reason == reason)
        ]
    finally:
        await consumer.stop()
    return sorted(letters, key=lambda letter: letter.at)


async def _partitions(kafka: KafkaSettings, topic: str | None) -> list[TopicPartition]:
    """Of the dead-letter topics; `topic`: only of the one for that origin.

    Asked of the cluster: a consumer knows the partitions of topics that it has subscribed to only.
    """
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        described: list[dict[str, Any]] = await admin.describe_topics()
    finally:
        await admin.close()
    return [
        TopicPartition(each["topic"], partition["partition"])
        for each in described
        if each["topic"].startswith(kafka.topic_prefix)
        and each["topic"].endswith(SUFFIX)
        and (topic is None or kafka.logical(each["topic"]) == topic + SUFFIX)
        for partition in each["partitions"]
    ]


async def _read_all(
    kafka: KafkaSettings, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> list[Record]:
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    records: list[Record] = []
    while len(records) < MOST_READ:
        positions = [await consumer.position(each) for each in partitions]
        if all(at >= ends[each] for at, each in zip(positions, partitions, strict=True)):
            break
        fetched = await consumer.getmany(timeout_ms=READ_TIMEOUT_MS)
        for raws in fetched.values():
            records += [record_from_kafka(raw, kafka.logical(raw.topic)) for raw in raws]
    return records


async def _find(kafka: KafkaSettings, where: str) -> DeadLetter:
    topic = where.partition("/")[0]
    for letter in await _read(kafka, topic.removesuffix(SUFFIX) or None, None):
        if _summary(letter)["where"] == where:
            return letter
    raise LookupError(f"there is no dead letter {where} (see: pledge dlq list)")


async def _publish(kafka: KafkaSettings, letters: list[DeadLetter]) -> None:
    producer = AIOKafkaProducer(**kafka.client_options(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for letter in letters:
            message = letter.original()
            await producer.send_and_wait(
                kafka.topic(message.topic),
                key=message.key,
                value=message.value,
                headers=list(message.headers),
            )
    finally:
        await producer.stop()


async def allow_runs(dsn: str) -> int:
    """Let the runs of poison under way in a service's database go on; how many those are.

    The count goes far below zero instead of to it: a run is often longer than the limit.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        tag: str = await connection.execute(
            "UPDATE consumed SET poison_run = $1 WHERE poison_run > 0", -RESUMED_RUN
        )
    finally:
        await connection.close()
    return int(tag.rpartition(" ")[2])
