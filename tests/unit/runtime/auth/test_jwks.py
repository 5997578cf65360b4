from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from pledge.runtime.auth.jwks import FileKeys, IssuerKeys, key_source, parse_jwks
from pledge.runtime.testing import VirtualClock
from support.tokens import START, Signer


def jwks(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_keys_of_each_kind_are_read() -> None:
    signers = [Signer(kid=name, algorithm=name) for name in ("EdDSA", "RS256", "ES256")]
    found = parse_jwks(jwks(*(signer.jwk for signer in signers)))
    assert [(key.key_id, key.algorithm_name) for key in found] == [
        ("EdDSA", "EdDSA"),
        ("RS256", "RS256"),
        ("ES256", "ES256"),
    ]


def weak_rsa() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)


def other_curve() -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP384R1())
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True)


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "alg": "EdDSA"},
        weak_rsa(),
        other_curve(),
        Signer().jwk | {"use": "enc"},
        Signer().jwk | {"alg": "HS256"},
        "text",
        None,
    ],
    ids=[
        "shared",
        "shared as EdDSA",
        "RSA 1024",
        "P-384",
        "for encryption",
        "HS256",
        "text",
        "null",
    ],
)
def test_keys_that_are_not_accepted_are_left_out(key: object) -> None:
    good = Signer().jwk
    assert [one.key_id for one in parse_jwks(jwks(key, good))] == ["first"]
    with pytest.raises(ValueError, match="has no Ed25519"):
        parse_jwks(jwks(key))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no JWKS"),
        (b'{"keys": {}}', "is no JWKS"),
        (json.dumps({"keys": [{}] * 101}).encode(), "is no JWKS"),
        (jwks({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), "can't be read"),
        (jwks({"kty": "OKP", "crv": "Ed25519"}), "can't be read"),
        (jwks({"kty": "RSA", "n": 5, "e": []}), "can't be read"),
    ],
)
def test_what_is_no_jwks_is_refused_with_a_reason(content: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_jwks(content)


def test_private_keys_are_not_accepted_where_public_ones_belong() -> None:
    private = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    with pytest.raises(ValueError, match="private key"):
        parse_jwks(jwks(private))


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "http://127.0.0.1.example",
        "http://localhost@issuer.example",
        "ftp://localhost",
        "https://",
        "file:///etc/passwd",
    ],
)
def test_issuer_without_tls_is_refused_unless_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="https only"):
        key_source(url, VirtualClock(START))


@pytest.mark.parametrize(
    "url", ["https://issuer.example/a", "http://localhost:8080", "http://[::1]:1"]
)
def test_issuer_by_https_or_on_this_machine_is_accepted(url: str) -> None:
    assert isinstance(key_source(url, VirtualClock(START)), IssuerKeys)


def test_anything_else_is_a_file() -> None:
    assert isinstance(key_source("deploy/jwks.json", VirtualClock(START)), FileKeys)
