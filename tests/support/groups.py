"""Consumer groups as their coordinator sees them, and a coordinator that forgets."""

from __future__ import annotations

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.protocol.group import LeaveGroupRequest

from pledge.runtime.config.settings import KafkaSettings


async def members(kafka: KafkaSettings, service: str) -> set[str]:
    """The ids of the members that the coordinator knows of the service's group."""
    return set(await _described(kafka, service))


async def spares(kafka: KafkaSettings, service: str) -> set[str]:
    """The ids of the members that have no partitions."""
    return {each for each, parts in (await _described(kafka, service)).items() if parts == []}


async def forget(kafka: KafkaSettings, service: str, member_ids: set[str]) -> None:
    """Have the coordinator forget members, unknown to them: leave the group in their names."""
    group = kafka.group(service)
    client = AIOKafkaClient(**kafka.client_options())
    await client.bootstrap()
    try:
        coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
        for each in member_ids:
            response = await client.send(coordinator, LeaveGroupRequest(group, each))
            assert response.error_code == 0
    finally:
        await client.close()


async def _described(kafka: KafkaSettings, service: str) -> dict[str, list[Any] | None]:
    """What each member is assigned, by its id; None while the group rebalances."""
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        [response] = await admin.describe_consumer_groups([kafka.group(service)])
        [group] = response.groups
        return {
            member_id: ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions()
            if assignment
            else None
            for member_id, *_, assignment in group[5]
        }
    finally:
        await admin.close()
