"""Asks the coordinator who is in a consumer group, by a client and a connection of its own."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, NoError, for_code

from pledge.runtime.config.settings import KafkaSettings


async def group_members(kafka: KafkaSettings, service: str) -> frozenset[str] | None:
    """The member ids of the service's group; None when the coordinator calls the group dead.

    It calls a group dead that nobody is in, and every group of the newer protocol (KIP-848).
    Raises KafkaError when no coordinator answers.
    """
    admin = AIOKafkaAdminClient(**kafka.client_options(), client_id=f"pledge-{service}-members")
    try:
        await admin.start()
        [response] = await admin.describe_consumer_groups([kafka.group(service)])
    except RuntimeError as error:
        # uvloop's, about a connection that the broker closed a moment before the request.
        raise KafkaConnectionError(str(error)) from error
    finally:
        await admin.close()
    [(error_code, _, state, _, _, members, *_)] = response.groups
    error_type = for_code(error_code)
    if error_type is not NoError:
        raise error_type(f"describing the group of {service}")
    return None if state == "Dead" else frozenset(member_id for member_id, *_ in members)
