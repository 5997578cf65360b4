"""Whether an automatic mail may go to an address: no mail loops, no floods (RFC 3834 §2)."""

from enum import StrEnum

from pledge.events.addresses import normal_address

_MACHINES = frozenset(
    {
        "mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply",
        "bounce", "bounces", "listserv", "majordomo",
    }
)  # fmt: skip


class Refusal(StrEnum):
    """Why an automatic mail is not sent."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    AUTOMATIC_SENDER = "automatic_sender"
    OUR_OWN_ADDRESS = "our_own_address"
    MACHINE_ADDRESS = "machine_address"
    TOO_MANY = "too_many"


def refuse(
    address: str | None,
    *,
    is_automatic: bool,
    own_addresses: frozenset[str],
    sent_lately: int,
    most: int,
) -> Refusal | None:
    """The reason not to mail this address, or None to go ahead.

    `own_addresses` are lower case; `sent_lately` counts the automatic mails the address got within
    the desk's window, `most` is the desk's bound.
    """
    if not address:
        return Refusal.NO_ADDRESS
    lowered = normal_address(address)
    if lowered is None:
        return Refusal.BAD_ADDRESS
    if is_automatic:
        return Refusal.AUTOMATIC_SENDER
    local, _, domain = lowered.rpartition("@")
    untagged = f"{local.partition('+')[0]}@{domain}"
    if lowered in own_addresses or untagged in own_addresses:
        return Refusal.OUR_OWN_ADDRESS
    if local.partition("+")[0] in _MACHINES or local.startswith(("bounce-", "bounces-", "owner-")):
        return Refusal.MACHINE_ADDRESS
    return Refusal.TOO_MANY if sent_lately >= most else None
