from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pledge.runtime.auth.key_derivation import derive_key
from pledge.runtime.auth.link_signer import LinkSigner

OLD, NEW = b"o" * 32, b"n" * 32
SIGNER = LinkSigner([NEW])


@given(st.binary(max_size=60), st.binary(max_size=20), st.sampled_from([10, 16, 32]))
def test_what_was_sealed_is_read_in_its_context_alone(
    body: bytes, context: bytes, size: int
) -> None:
    token = SIGNER.seal(body, context, size)
    assert SIGNER.unseal(token, context, size) == body
    assert SIGNER.unseal(token, context + b"x", size) is None
    assert LinkSigner([OLD]).unseal(token, context, size) is None


def test_a_retired_key_reads_and_no_longer_signs() -> None:
    rotated = LinkSigner([NEW, OLD])
    assert rotated.unseal(LinkSigner([OLD]).seal(b"body", b"", 16), b"", 16) == b"body"
    assert rotated.seal(b"body", b"", 16) == SIGNER.seal(b"body", b"", 16)


def test_keys_of_another_purpose_read_nothing() -> None:
    token = LinkSigner.derived([NEW], "links").seal(b"body", b"", 16)
    assert LinkSigner([derive_key(NEW, "links")]).unseal(token, b"", 16) == b"body"
    assert LinkSigner.derived([NEW], "sessions").unseal(token, b"", 16) is None


@pytest.mark.parametrize("size", [10, 16, 32])
def test_one_token_has_one_spelling(size: int) -> None:
    token = SIGNER.seal(b"some body", b"", size)
    for other in (token + "=", token + "==", token + "\n", " " + token, token[:-1]):
        assert SIGNER.unseal(other, b"", size) is None


@given(st.text(max_size=100))
def test_any_other_text_is_none_of_ours(text: str) -> None:
    assert SIGNER.unseal(text, b"", 16) is None


def test_an_empty_signature_signs_nothing() -> None:
    assert not SIGNER.is_signed(b"message", b"", 16)
    assert SIGNER.unseal("", b"", 16) is None
