"""Acknowledgement links can't be forged, changed, or used without end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels.ack_tokens import AckLink, BadToken, make_token, read_token
from pledge.runtime.auth.key_derivation import derive_key

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = derive_key("a secret", "links")
LINK = AckLink(UUID(int=7), "anna", NOW + timedelta(days=1))


def test_a_link_says_what_it_was_made_for() -> None:
    assert read_token(KEY, make_token(KEY, LINK), NOW) == LINK


def test_a_link_ends() -> None:
    token = make_token(KEY, LINK)

    with pytest.raises(BadToken, match="expired"):
        read_token(KEY, token, NOW + timedelta(days=1))


def test_another_purpose_has_another_key() -> None:
    with pytest.raises(BadToken):
        read_token(derive_key("a secret", "webhooks"), make_token(KEY, LINK), NOW)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_link_does_not_work(position: int, change: int) -> None:
    token = list(make_token(KEY, LINK).encode())
    index = position % len(token)
    token[index] ^= change
    changed = bytes(token).decode("latin-1")

    with pytest.raises(BadToken):
        read_token(KEY, changed, NOW)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(BadToken):
        read_token(KEY, text, NOW)
