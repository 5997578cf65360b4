"""Instants in requests: those at the calendar's ends are refused before anything reckons."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from pledge.runtime.instants import Instant

ADAPTER: TypeAdapter[Instant] = TypeAdapter(Instant)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
        "2026-11-22T01:00:00",
    ],
)
def test_instants_that_nobody_can_mean_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(text)


def test_an_instant_is_kept_in_utc() -> None:
    found = ADAPTER.validate_python("2026-11-22T01:00:00+02:00")
    assert found.isoformat() == "2026-11-21T23:00:00+00:00"
