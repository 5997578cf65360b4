"""Acknowledgement links can't be forged, changed, or used without end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels.ack_tokens import AckLink, BadToken, make_token, read_token
from pledge.runtime.auth.link_signer import LinkSigner

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNER = LinkSigner.derived([b"a secret"], "links")
LINK = AckLink(UUID(int=7), "anna", NOW + timedelta(days=1))


def test_a_link_says_what_it_was_made_for() -> None:
    assert read_token(SIGNER, make_token(SIGNER, LINK), NOW) == LINK


def test_a_link_ends() -> None:
    token = make_token(SIGNER, LINK)

    with pytest.raises(BadToken, match="expired"):
        read_token(SIGNER, token, NOW + timedelta(days=1))


def test_another_purpose_has_another_key() -> None:
    with pytest.raises(BadToken):
        read_token(LinkSigner.derived([b"a secret"], "webhooks"), make_token(SIGNER, LINK), NOW)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_link_does_not_work(position: int, change: int) -> None:
    token = list(make_token(SIGNER, LINK).encode())
    index = position % len(token)
    token[index] ^= change
    changed = bytes(token).decode("latin-1")

    with pytest.raises(BadToken):
        read_token(SIGNER, changed, NOW)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(BadToken):
        read_token(SIGNER, text, NOW)


def test_links_in_mails_sent_by_earlier_versions_still_work() -> None:
    link = AckLink(UUID(int=12345), "anna", datetime(2026, 3, 2, 12, tzinfo=UTC))
    token = "AQAAAAAAAAAAAAAAAAAAMDlppXvAYW5uYQjGFuRXwY91KDSniBUuDjs"
    signer = LinkSigner.derived([b"a secret"], "acknowledgement links")
    assert make_token(signer, link) == token
    rotated = LinkSigner.derived([b"new", b"a secret"], "acknowledgement links")
    assert read_token(rotated, token, NOW) == link
