"""Signed links that acknowledge a page without signing in, from a phone at night.

A token names one page and one responder, and expires. It is a bearer secret: it is in links
only, never logged, and acknowledges that one page only.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.http.app import HttpProblem

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">B16sI")  # version, page, expiry in seconds since 1970
_SIGNATURE_BYTES: Final = 16  # half of SHA-256: 128 bits, and a link short enough for an SMS


class BadToken(Exception):
    """The link is forged, cut or expired."""


@dataclass(frozen=True, slots=True)
class AckLink:
    """The content of a token."""

    page_id: UUID
    responder: str
    expires_at: datetime


def make_token(signer: LinkSigner, link: AckLink) -> str:
    """The URL-safe token of a link."""
    head = _HEAD.pack(_VERSION, link.page_id.bytes, int(link.expires_at.timestamp()))
    return signer.seal(head + link.responder.encode(), b"", _SIGNATURE_BYTES)


def read_token(signer: LinkSigner, token: str, now: datetime) -> AckLink:
    """The content of the token. Raises BadToken."""
    body = signer.unseal(token, b"", _SIGNATURE_BYTES)
    if body is None or len(body) < _HEAD.size:
        raise BadToken("this link is not complete")
    version, page, expiry = _HEAD.unpack_from(body)
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if version != _VERSION or now >= expires_at:
        raise BadToken("this link has expired")
    return AckLink(UUID(bytes=page), body[_HEAD.size :].decode("utf-8", "replace"), expires_at)


class AckLinks:
    """Reads the tokens of links that browsers open, with an error page."""

    def __init__(self, signer: LinkSigner) -> None:
        self._signer = signer

    def read(self, token: str, now: datetime) -> AckLink:
        """The content of the link. Raises HttpProblem 404 for a forged or expired one."""
        try:
            return read_token(self._signer, token, now)
        except BadToken as error:
            detail = f"{error}; open the page in Pledge to acknowledge it"
            raise HttpProblem(404, detail, title="This link does not work") from error
