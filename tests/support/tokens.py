"""Signing keys and tokens for tests: right ones, and wrong in each way that a test needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

PrivateKey = Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Signer:
    """One key pair with its id; signs any claims."""

    def __init__(self, kid: str = "first", algorithm: str = "EdDSA") -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: PrivateKey
        if algorithm == "EdDSA":
            self.private = Ed25519PrivateKey.generate()
            public: dict[str, Any] = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**public, "kid": kid, "use": "sig", "alg": algorithm}

    def sign(self, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        """Exactly these claims, signed."""
        all_headers = {"kid": self.kid, **(headers or {})}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=all_headers)

    def token(self, now: datetime = START, without: tuple[str, ...] = (), **claims: Any) -> str:
        """A good token for an agent of the desk demo, changed by `claims`, less `without`."""
        all_claims = a_claim_set(now) | claims
        return self.sign({name: value for name, value in all_claims.items() if name not in without})


def a_claim_set(now: datetime = START) -> dict[str, Any]:
    """The claims of a good token that is valid for an hour."""
    return {
        "iss": "pledge",
        "sub": "ann",
        "aud": "pledge",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        "jti": "token-1",
        "desks": ["demo"],
        "roles": ["agent"],
    }


def write_jwks(path: Path, *signers: Signer) -> Path:
    """Write the public keys of `signers` as a JWKS file."""
    path.write_text(json.dumps({"keys": [signer.jwk for signer in signers]}))
    return path
