"""`deploy/topics.yaml`: which topics there are, and a cluster that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pledge.runtime.config.settings import KafkaSettings
from pledge_local.errors import LocalError


class _Topic(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: str
    partitions: int = Field(ge=1, le=1000)
    replication: int = Field(ge=1, le=7)
    config: dict[str, str | bool | int]


class _File(BaseModel):
    # `defaults` only holds what the topics repeat through YAML anchors.
    model_config = ConfigDict(extra="ignore", frozen=True)

    topics: dict[str, _Topic] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic as it should be; `name` is logical, without a cluster's prefix."""

    name: str
    partitions: int
    replication: int
    configuration: Mapping[str, str]

    def fitted(self, brokers: int, partitions: int | None) -> TopicPlan:
        """The same for a cluster of `brokers`, which can't keep more copies than it has brokers,
        and with at most `partitions`, if that is said."""
        plan = replace(self, partitions=min(self.partitions, partitions or self.partitions))
        if brokers >= self.replication:
            return plan
        settings = {**self.configuration, "min.insync.replicas": "1"}
        return replace(plan, replication=brokers, configuration=settings)


def read_topics(path: Path) -> list[TopicPlan]:
    """The plans of all topics of the file, dead-letter topics included. Raises LocalError."""
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise LocalError(f"{path} can't be used: {error}", "Correct the file.") from error
    return [
        TopicPlan(
            name,
            topic.partitions,
            topic.replication,
            {key: _setting(value) for key, value in topic.config.items()},
        )
        for name, topic in file.topics.items()
    ]


def _setting(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def ensure_topics(
    kafka: KafkaSettings, plans: Sequence[TopicPlan], *, partitions: int | None = None
) -> list[str]:
    """Create what is missing, and return the names of it; `partitions` is the most of a topic.

    Raises LocalError when a topic there has another number of partitions.
    """
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = [plan.fitted(brokers, partitions) for plan in plans]
        there = await _partitions_there(admin)
        missing = [plan for plan in wanted if kafka.topic(plan.name) not in there]
        if missing:
            await _create(admin, kafka, missing)
    finally:
        await admin.close()
    wrong = [
        f"{name} has {there[name]} partitions, not {plan.partitions}"
        for plan in wanted
        if there.get(name := kafka.topic(plan.name), plan.partitions) != plan.partitions
    ]
    if wrong:
        raise LocalError(
            "Topics on the cluster differ from deploy/topics.yaml: " + "; ".join(wrong) + ".",
            "Partitions decide which record goes where, so they can't change while data is there:"
            " restore the file, or start with an empty cluster (`make clean` for the local one).",
        )
    return [kafka.topic(plan.name) for plan in missing]


async def _partitions_there(admin: AIOKafkaAdminClient) -> Mapping[str, int]:
    described: list[dict[str, Any]] = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _create(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, plans: Sequence[TopicPlan]
) -> None:
    new = [
        NewTopic(
            kafka.topic(plan.name),
            plan.partitions,
            plan.replication,
            topic_configs=dict(plan.configuration),
        )
        for plan in plans
    ]
    answer = await admin.create_topics(new, timeout_ms=30_000)
    for name, code, *detail in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            reason = for_code(code).__name__
            raise LocalError(
                f"Topic {name} could not be created: {reason} {detail[0] if detail else ''}",
                "Create it by hand as deploy/topics.yaml describes it, or allow this user to.",
            )
