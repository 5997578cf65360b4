"""Who wrote a mail, who sent it, and where answers go: From, Sender, Reply-To, the envelope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intake.mail.headers import Mailbox, mailboxes
from intake.mail.machine import NULL_SENDERS, is_unattended
from pledge.events.addresses import normal_address

_BY_RANK: Final = ("from", "reply-to", "sender", "return-path")


@dataclass(frozen=True, slots=True)
class Correspondents:
    """`author` wrote; `submitted_by` sent it for them, or None; answers go to `reply_to`, when that
    is not the author. `origin` is the mailbox of From: what a border checks (RFC 7489 §3.1),
    so its word is about the author only if they are one."""

    author: Mailbox | None
    reply_to: Mailbox | None
    submitted_by: Mailbox | None
    origin: Mailbox | None


def correspondents(
    headers: Mapping[str, Sequence[str]], envelope_sender: str | None
) -> Correspondents:
    """By the raw fields, names in lower case. A web form sends from an address that nobody reads
    and names the person in Reply-To: the person wrote."""
    origin = _first(headers, "from")
    reply_to = _first(headers, "reply-to")
    sender = _first(headers, "sender")
    if (
        origin
        and reply_to
        and is_unattended(origin.address)
        and not is_unattended(reply_to.address)
    ):
        return Correspondents(reply_to, None, origin, origin)
    author = origin or _fallback(headers, envelope_sender)
    return Correspondents(
        author=author,
        reply_to=None if author is None or _is_same(reply_to, author) else reply_to,
        submitted_by=None if author is None or _is_same(sender, author) else sender,
        origin=origin,
    )


def _fallback(headers: Mapping[str, Sequence[str]], envelope_sender: str | None) -> Mailbox | None:
    for name in _BY_RANK[1:]:
        if (found := _first(headers, name)) is not None:
            return found
    if envelope_sender is None or envelope_sender in NULL_SENDERS:
        return None
    address = normal_address(envelope_sender)
    return Mailbox(address, None) if address else None


def _first(headers: Mapping[str, Sequence[str]], name: str) -> Mailbox | None:
    found = mailboxes(headers.get(name, ())[:1])
    return found[0] if found else None


def _is_same(one: Mailbox | None, other: Mailbox) -> bool:
    return one is None or one.address == other.address
