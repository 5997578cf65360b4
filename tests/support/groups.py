"""Consumer groups as their coordinator sees them, and a coordinator that forgets."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.group import LeaveGroupRequest

from pledge.runtime.config.settings import KafkaSettings


async def members(kafka: KafkaSettings, service: str) -> set[str]:
    """The ids of the members that the coordinator knows of the service's group."""
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        [response] = await admin.describe_consumer_groups([kafka.group(service)])
        [group] = response.groups
        return {member[0] for member in group[5]}
    finally:
        await admin.close()


async def forget(kafka: KafkaSettings, service: str) -> set[str]:
    """Have the coordinator forget all members, unknown to them; returns the ids they had."""
    forgotten = await members(kafka, service)
    group = kafka.group(service)
    client = AIOKafkaClient(**kafka.client_options())
    await client.bootstrap()
    try:
        coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
        for each in forgotten:
            response = await client.send(coordinator, LeaveGroupRequest(group, each))
            assert response.error_code == 0
    finally:
        await client.close()
    return forgotten
