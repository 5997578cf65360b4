"""The key pair with which `pledge token` signs, and the JWKS that services check against.

One file holds the private keys, newest last, as a JWKS of mode 0600; next to it is the JWKS with
the public keys, which is what services are given. Rotation adds a pair: tokens signed by the one
before stay valid until they end or their key is dropped.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from pledge.runtime.auth.access import ALGORITHMS, AUDIENCE, LONGEST_TOKEN
from pledge.runtime.ids import Ids

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644


class KeyFileError(Exception):
    """The file with the private keys can't be used: the message says why and what to do."""


def public_path(private: Path) -> Path:
    """Where the public JWKS of the private key file `private` stands: `<name>.jwks.json`."""
    return private.with_name(f"{private.stem}.jwks.json")


def create(private: Path, ids: Ids) -> str:
    """Make the key file and its public JWKS; gives the new key's id. Raises KeyFileError."""
    if private.exists():
        raise KeyFileError(f"{private} is there already; add a key to it with --rotate")
    return _save(private, [], ids)


def rotate(private: Path, ids: Ids, *, keep: int) -> str:
    """Add a new key, which signs from now on, and keep the `keep` newest of those before it."""
    return _save(private, read(private)[-keep:] if keep else [], ids)


def read(private: Path) -> list[dict[str, Any]]:
    """The private keys (JWK), newest last. Raises KeyFileError, also if others can read them."""
    try:
        mode = stat.S_IMODE(private.stat().st_mode)
        content: Any = json.loads(private.read_bytes())
    except FileNotFoundError as error:
        hint = f"make it with: pledge token keys --key {private}"
        raise KeyFileError(f"{private} does not exist; {hint}") from error
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{private} can't be read: {error}") from error
    if mode & 0o077:
        raise KeyFileError(f"{private} can be read by others; run: chmod 600 {private}")
    keys = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(keys, list) or not keys or not all(_is_private(key) for key in keys):
        raise KeyFileError(f"{private} holds no private keys made by `pledge token keys`")
    return keys


def sign(
    private: Path,
    *,
    subject: str,
    desks: Sequence[str] | None,
    roles: Sequence[str],
    now: datetime,
    lasts: timedelta,
    ids: Ids,
) -> str:
    """A token for `subject`, signed by the newest key. `desks` None: all. Raises KeyFileError."""
    newest = read(private)[-1]
    key = OKPAlgorithm.from_jwk(newest)
    assert isinstance(key, Ed25519PrivateKey)
    claims = {
        "iss": "pledge",
        "sub": subject,
        "aud": AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int((now + lasts).timestamp()),
        "jti": str(ids.new()),
        "desks": "*" if desks is None else sorted(set(desks)),
        "roles": sorted(set(roles)),
    }
    token = jwt.encode(claims, key, algorithm=ALGORITHMS[0], headers={"kid": newest["kid"]})
    if len(token) > LONGEST_TOKEN:
        raise KeyFileError("the token would be too long for a browser's cookie; name fewer desks")
    return token


def write_whole(path: Path, content: str, mode: int) -> None:
    """Replace `path` by `content` in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file for us alone; it gets its own mode before it gets its name.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _save(private: Path, kept: list[dict[str, Any]], ids: Ids) -> str:
    kid = str(ids.new())
    pair = Ed25519PrivateKey.generate()
    made = OKPAlgorithm.to_jwk(pair, as_dict=True)
    keys = [*kept, {**made, "kid": kid, "use": "sig", "alg": "EdDSA"}]
    public = [{name: value for name, value in key.items() if name != "d"} for key in keys]
    try:
        # The public half first: a token is never signed by a key that services can't know yet.
        write_whole(public_path(private), json.dumps({"keys": public}, indent=2), PUBLIC_MODE)
        write_whole(private, json.dumps({"keys": keys}, indent=2), PRIVATE_MODE)
    except OSError as error:
        raise KeyFileError(f"{private} can't be written: {error.strerror}") from error
    return kid


def _is_private(key: object) -> bool:
    wanted = ("kty", "crv", "x", "d", "kid")
    return isinstance(key, dict) and all(isinstance(key.get(name), str) for name in wanted)
