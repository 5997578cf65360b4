"""Secrets made of a service's one secret: the same in every process that has that one."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode


def derive_key(secret: str | bytes, purpose: str) -> bytes:
    """A key of its own for each purpose."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def webhook_secret(secret: str, desk: str, receiver: str) -> str:
    """What webhooks to one receiver of a desk are signed with (Standard Webhooks 1.0)."""
    return f"whsec_{b64encode(derive_key(secret, f'webhook/{desk}/{receiver}')).decode()}"
