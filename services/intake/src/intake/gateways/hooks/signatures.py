"""What the signatures of webhooks have in common. All comparisons take the same time."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from intake.gateways.hooks.request import NotSigned

FRESH_FOR: Final = timedelta(minutes=5)
"""How far a signed time may lie from ours, as Slack and Standard Webhooks advise."""
SHORTEST: Final = 16
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_PRINTABLE: Final = re.compile(r"[!-~]+")


def hmac_sha256(key: bytes, content: bytes) -> bytes:
    """The MAC of the content."""
    return hmac.digest(key, content, hashlib.sha256)


def base64_text(content: bytes) -> str:
    """The content in standard base64."""
    return base64.b64encode(content).decode()


def require_match(given: Iterable[str], right: Iterable[str]) -> None:
    """Raise NotSigned unless one that was given is one of the right ones."""
    expected = [each.encode() for each in right]
    matches = [
        hmac.compare_digest(each.encode("utf-8", "replace"), one)
        for each in given
        for one in expected
    ]
    if not any(matches):
        raise NotSigned("signature")


def require_fresh(timestamp: str, now: datetime) -> None:
    """Raise NotSigned unless the time, in seconds since 1970, is near."""
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise NotSigned("timestamp")
    if abs(now.timestamp() - int(timestamp)) > FRESH_FOR.total_seconds():
        raise NotSigned("too_old")


def key_of_base64(secret: str) -> bytes:
    """The key that the secret stands for. Raises ValueError: some decoders pass over what is not of
    the alphabet, and sign with another key."""
    if re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", secret) and re.search(r"[_-]", secret):
        raise ValueError("is URL-safe base64 (it has - or _): give it in standard base64, + and /")
    try:
        return base64.b64decode(secret.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError("is not standard base64, with its = at the end") from error


def problem_of_text(secret: str) -> str | None:
    """What is wrong with a secret that is used as it is written."""
    if _PRINTABLE.fullmatch(secret) is None:
        return "has white space or characters beyond ASCII: copy it without what is around it"
    if len(secret) < SHORTEST:
        return f"is shorter than {SHORTEST} characters: it can be guessed"
    return None


def problem_of_base64(secret: str) -> str | None:
    """What is wrong with a secret that is base64 of the key."""
    try:
        key = key_of_base64(secret)
    except ValueError as error:
        return str(error)
    if len(key) < SHORTEST:
        return f"is base64 of fewer than {SHORTEST} bytes: it can be guessed"
    return None
