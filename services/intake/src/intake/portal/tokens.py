"""What proves who somebody at the portal is: the mailed link and the session's cookie.

Both are signed with HMAC-SHA256 by keys of their own, derived from the service's secret, compared
in constant time, and mean nothing at another desk. Both name a row of `sign_ins`, which says
whether the link was used and whether the session has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pledge.runtime.auth.link_signer import LinkSigner

_MAC_BYTES: Final = 32
# Not `session`, whose cookies said something else: an earlier version refuses this one.
_SESSION: Final = "signed-in"
_BODY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: the owner of a mail address, at one desk."""

    desk: str
    address: str


@dataclass(frozen=True, slots=True)
class PortalKeys:
    """Makes and reads the portal's tokens. The first secret signs; others, being retired, read."""

    secrets: Sequence[bytes]

    def link(self, desk: str, sign_in: UUID) -> str:
        """The token of a mailed link."""
        return self._signed("link", desk, sign_in)

    def read_link(self, desk: str, token: str) -> UUID | None:
        """The sign-in that the token stands for; None: it is none of ours."""
        return self._named("link", desk, token)

    def session(self, desk: str, sign_in: UUID) -> str:
        """The value of the session's cookie."""
        return self._signed(_SESSION, desk, sign_in)

    def read_session(self, desk: str, token: str | None) -> UUID | None:
        """The sign-in that the cookie stands for; None: it is none of ours."""
        return self._named(_SESSION, desk, token or "")

    def _signed(self, purpose: str, desk: str, sign_in: UUID) -> str:
        return self._signer(purpose).seal(sign_in.bytes, _context(desk), _MAC_BYTES)

    def _named(self, purpose: str, desk: str, token: str) -> UUID | None:
        body = self._signer(purpose).unseal(token, _context(desk), _MAC_BYTES)
        return UUID(bytes=body) if body is not None and len(body) == _BODY_BYTES else None

    def _signer(self, purpose: str) -> LinkSigner:
        return LinkSigner.derived(self.secrets, f"portal {purpose}")


def _context(desk: str) -> bytes:
    return desk.encode() + b"\0"
