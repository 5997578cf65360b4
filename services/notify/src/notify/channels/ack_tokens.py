"""Signed links that acknowledge a page without signing in: for a phone at three in the morning.

A token names one page and one responder, and expires. It is a bearer secret: it stands in links
only, is never logged, and can do nothing but acknowledge that one page.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_VERSION = 1
_HEAD = struct.Struct(">B16sI")  # version, page, expiry in seconds since 1970
_SIGNATURE_BYTES = 16  # half of SHA-256: 128 bits, and a link short enough for an SMS


class BadToken(Exception):
    """The link was not made by us, was cut, or has expired."""


@dataclass(frozen=True, slots=True)
class AckLink:
    """What a token says."""

    page_id: UUID
    responder: str
    expires_at: datetime


def make_token(key: bytes, link: AckLink) -> str:
    """The URL-safe token of a link."""
    head = _HEAD.pack(_VERSION, link.page_id.bytes, int(link.expires_at.timestamp()))
    body = head + link.responder.encode()
    return _text(body + _sign(key, body))


def read_token(key: bytes, token: str, now: datetime) -> AckLink:
    """What the token says. Raises BadToken."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("this link is not complete") from error
    if _text(raw) != token:
        # The last character has bits that count for nothing: one link has one spelling.
        raise BadToken("this link is not complete")
    body, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(body) < _HEAD.size or not hmac.compare_digest(signature, _sign(key, body)):
        raise BadToken("this link is not complete")
    version, page, expiry = _HEAD.unpack_from(body)
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if version != _VERSION or now >= expires_at:
        raise BadToken("this link has expired")
    return AckLink(UUID(bytes=page), body[_HEAD.size :].decode("utf-8", "replace"), expires_at)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
