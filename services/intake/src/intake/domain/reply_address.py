"""The address that customers answer to: it names the ticket and proves that we wrote it.

``support+<token>@desk.example``: the token is the ticket's id and a truncated HMAC-SHA256 over desk
and id, in lower-case base32, because mail programs change the case of local parts. 50 characters
with ``support+``, within the 64 of RFC 5321 §4.5.3.1.1. Nobody can make up the address of a ticket,
and the token of one desk means nothing at another.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from intake.domain.signer import Signer

MAC_BYTES: Final = 10
"""80 bits: a forged address is guessed once in 10^24 mails."""
_TOKEN_LENGTH: Final = 42
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = [one + other for one in _ALPHABET for other in _ALPHABET]


@dataclass(frozen=True, slots=True)
class ReplyAddresses:
    """Makes and reads reply addresses."""

    signer: Signer

    def address(self, base: str, desk: str, ticket_id: UUID) -> str:
        """The reply address of a ticket under the desk's own address ``base``."""
        local, _, domain = base.partition("@")
        mac = self.signer.signature(_message(desk, ticket_id), MAC_BYTES)
        return f"{local}+{_base32(ticket_id.bytes + mac)}@{domain}"

    def ticket(self, address: str, desk: str) -> UUID | None:
        """The ticket that a reply address names, or None if it is no address of ours."""
        token = address.partition("@")[0].rpartition("+")[2]
        if len(token) != _TOKEN_LENGTH or not token.isascii():
            return None
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except binascii.Error:
            return None
        ticket_id, mac = UUID(bytes=raw[:16]), raw[16:]
        is_ours = self.signer.is_signed(_message(desk, ticket_id), mac, MAC_BYTES)
        return ticket_id if is_ours else None


def _base32(raw: bytes) -> str:
    """Base32 in lower case without padding; the library's own takes four times as long, and each
    new ticket needs one."""
    number = int.from_bytes(raw, "big") << 2
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(200, -10, -10)])


def bare_address(address: str) -> str:
    """The address in lower case without a ``+tag``."""
    if "+" not in address:
        return address.lower()
    local, at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def _message(desk: str, ticket_id: UUID) -> bytes:
    return desk.encode() + b"\0" + ticket_id.bytes
