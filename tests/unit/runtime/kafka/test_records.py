"""Records as the client gives them, whatever their producer wrote."""

from __future__ import annotations

import pytest
from aiokafka.structs import ConsumerRecord

from pledge.runtime.records import from_kafka


@pytest.mark.parametrize(
    ("timestamp", "year"),
    [(-1, 1970), (1_700_000_000_000, 2023), (1_700_000_000_000_000, 9999), (2**63 - 1, 9999)],
)
def test_any_time_of_a_record_can_be_read(timestamp: int, year: int) -> None:
    raw = ConsumerRecord(
        topic="p.t", partition=0, offset=1, timestamp=timestamp, timestamp_type=0, key=None,
        value=None, checksum=None, serialized_key_size=-1, serialized_value_size=-1, headers=(),
    )  # fmt: skip
    assert from_kafka(raw, "t").timestamp.year == year
