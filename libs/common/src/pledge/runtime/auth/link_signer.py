"""Signs links, addresses and cookies with HMAC-SHA256, and reads them across a change of keys.

Nothing signed here is secret: a token shows its body. What it means (a purpose, a desk) is signed
with it as its context, so that a token of one use is none of another. The formats are those of
links in mails that were sent long ago; docs/adr/0011 says why no library makes them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pledge.runtime.auth.key_derivation import derive_key


@dataclass(frozen=True, slots=True)
class LinkSigner:
    """The first key signs; others, being retired, are still good for reading."""

    keys: Sequence[bytes]

    @classmethod
    def derived(cls, secrets: Sequence[bytes], purpose: str) -> LinkSigner:
        """A signer whose keys follow from `secrets` and are of use for `purpose` alone."""
        return cls([derive_key(secret, purpose) for secret in secrets])

    def signature(self, message: bytes, size: int) -> bytes:
        """The first `size` bytes of the message's HMAC."""
        return _mac(self.keys[0], message, size)

    def is_signed(self, message: bytes, signature: bytes, size: int) -> bool:
        """Whether one of the keys made this signature; takes the same time whichever did."""
        known = [hmac.compare_digest(signature, _mac(key, message, size)) for key in self.keys]
        return any(known)

    def seal(self, body: bytes, context: bytes, size: int) -> str:
        """`body` and its signature as URL-safe text without padding."""
        return _text(body + self.signature(context + body, size))

    def unseal(self, token: str, context: bytes, size: int) -> bytes | None:
        """The body of a token that `seal` made in this context; None for any other text."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        body, signature = raw[:-size], raw[-size:]
        # The last character has bits that count for nothing: one token has one spelling.
        if not self.is_signed(context + body, signature, size) or _text(raw) != token:
            return None
        return body


def _mac(key: bytes, message: bytes, size: int) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)[:size]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
