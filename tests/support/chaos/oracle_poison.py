"""Every bad record is a dead letter, byte by byte, of each service that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka.structs import ConsumerRecord

from support.chaos.poison import BadRecord
from support.chaos.topic_reader import PublishedEvent, Raw, raw_of
from support.chaos.verdict import Verdict, Violation

_OURS = "dlq_"
Letter = tuple[str, str, int, int]
"""Service, topic, partition and offset: whose dead letter of what."""


class Poisoned:
    """The bad records of a deployment."""

    def __init__(self, planted: Sequence[BadRecord]) -> None:
        self.planted = {(each.message.topic, _raw(each)): each for each in planted}

    def without(self, events: Sequence[PublishedEvent]) -> list[PublishedEvent]:
        """The events that were not planted."""
        return [each for each in events if (each.topic, each.raw) not in self.planted]


def _raw(bad: BadRecord) -> Raw:
    return (bad.message.key, bad.message.value, bad.message.headers)


def verify(
    records: Mapping[str, Sequence[ConsumerRecord]], poisoned: Poisoned, verdict: Verdict
) -> None:
    """Compare what was planted with what is on the dead-letter topics."""
    wanted: dict[Letter, tuple[BadRecord, str]] = {}
    for topic, found in records.items():
        if topic.endswith(".dlq"):
            continue
        for record in found:
            bad = poisoned.planted.get((topic, raw_of(record)))
            for service, reason in (bad.reasons if bad else {}).items():
                assert bad is not None
                wanted[service, topic, record.partition, record.offset] = (bad, reason)
    kept: set[Letter] = set()
    for topic, found in records.items():
        if topic.endswith(".dlq"):
            for record in found:
                kept.add(_verify_letter(record, topic.removesuffix(".dlq"), wanted, verdict))
    for letter in wanted.keys() - kept:
        bad, reason = wanted[letter]
        verdict.add(Violation.LOST, f"no dead letter of {letter}: {bad.name} ({reason})")


def _verify_letter(
    record: ConsumerRecord,
    topic: str,
    wanted: Mapping[Letter, tuple[BadRecord, str]],
    verdict: Verdict,
) -> Letter:
    ours = {name: value for name, value in record.headers if name.startswith(_OURS)}
    letter: Letter = (
        ours["dlq_service"].decode(),
        topic,
        int(ours["dlq_partition"]),
        int(ours["dlq_offset"]),
    )
    reason = ours["dlq_reason"].decode()
    if letter not in wanted:
        detail = ours.get("dlq_detail", b"").decode()
        verdict.add(Violation.LOST, f"{letter} was given up as {reason}: {detail}")
        return letter
    bad, named = wanted[letter]
    verdict.expect(reason == named, Violation.OTHER, f"{bad.name}: {reason}, not {named}")
    key, value, headers = raw_of(record)
    plain = tuple(pair for pair in headers if not pair[0].startswith(_OURS))
    is_whole = (key, value, plain) == _raw(bad)
    verdict.expect(is_whole, Violation.LOST, f"{letter}: {bad.name} was not kept as it was")
    return letter
