"""Records go to the partition that every other client of Kafka would choose for their key."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from pledge.runtime.outbox.relay import partition_of


@given(st.binary(max_size=80), st.integers(1, 100))
def test_a_key_goes_where_kafkas_own_partitioner_puts_it(key: bytes, partitions: int) -> None:
    numbers = list(range(partitions))

    assert partition_of(key, partitions) == DefaultPartitioner()(key, numbers, numbers)
