"""Signs webhooks (Standard Webhooks 1.0), and checks the secrets that people bring."""

import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
# Without it, a decoder that drops strange characters would sign with another key than was meant.
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def problem_of_secret(secret: str) -> str | None:
    """What is wrong with the secret, without the secret; None: it can be one."""
    if not secret.startswith(PREFIX):
        return f"should begin with {PREFIX}"
    encoded = secret.removeprefix(PREFIX)
    if _BASE64.fullmatch(encoded) is None:
        return f"should be base64 behind {PREFIX}: letters, digits, + and /, padded with ="
    length = len(b64decode(encoded))
    if not 24 <= length <= 64:
        return f"should be of 24 to 64 bytes, not {length} (openssl rand -base64 32)"
    return None


def signed_headers(
    message_id: str, now: datetime, body: str, secrets: Sequence[str]
) -> list[tuple[str | bytes, str | bytes]]:
    """The three headers: the id and the time that are signed, and a signature by each secret. While
    a secret is replaced there are two, and a receiver needs to know either."""
    at = now.astimezone(UTC)
    signatures = " ".join(Webhook(each).sign(message_id, at, body) for each in secrets)
    return [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("webhook-signature", signatures),
    ]
