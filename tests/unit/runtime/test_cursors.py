from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pledge.runtime.cursors import BadCursor, Cursors
from pledge.runtime.instants import EARLIEST, Instant

CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))
instants = st.integers(0, 7 * 10**15).map(lambda us: EARLIEST + timedelta(microseconds=us))


@given(instants, st.uuids())
def test_a_cursor_names_its_place_to_the_microsecond(at: datetime, row: UUID) -> None:
    cursor = CURSORS.encode((at, row))
    assert CURSORS.decode(cursor) == (at, row)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_cursors_made_before_a_release_are_read() -> None:
    old = base64.urlsafe_b64encode(
        b'["2026-11-16T10:00:00.123456+00:00","00000000-0000-0000-0000-000000000001"]'
    )
    at = datetime(2026, 11, 16, 10, 0, 0, 123456, tzinfo=UTC)
    assert CURSORS.decode(old.decode().rstrip("=")) == (at, UUID(int=1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'["2026-11-16T10:00:00Z"]',
        b'["2026-11-16T10:00:00","00000000-0000-0000-0000-000000000001"]',
        b'["0001-01-01T00:00:00+23:59","00000000-0000-0000-0000-000000000001"]',
        b'["2026-11-16T10:00:00Z","1"]',
        b'["2026-11-16T10:00:00Z","00000000-0000-0000-0000-000000000001",1]',
        b"\xff\xfe",
    ],
)
def test_what_the_list_did_not_give_is_refused(content: bytes) -> None:
    with pytest.raises(BadCursor):
        CURSORS.decode(base64.urlsafe_b64encode(content).decode())


@given(st.text(max_size=50) | st.just("A" * 5_000))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.decode(text)


def test_a_page_is_cut_at_its_limit_and_names_what_follows() -> None:
    rows = [(datetime(2026, 11, 16, n, tzinfo=UTC), UUID(int=n)) for n in range(4)]
    assert CURSORS.page(rows, 4, lambda row: row) == (rows, None)
    shown, following = CURSORS.page(rows, 3, lambda row: row)
    assert shown == rows[:3]
    assert following is not None
    assert CURSORS.decode(following) == rows[2]
