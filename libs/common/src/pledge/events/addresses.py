"""The mail address as all services have it: parsed by grammar, one spelling for one mailbox.

`pledge.events` itself does not import it, since it needs idna: a subscriber needs pydantic alone.

A domain beyond ASCII is written with its A-labels (`xn--…`, RFC 5891), so that every mail system
takes it; only where the local part is beyond ASCII too, and so nothing but SMTPUTF8 carries the
address, it has its U-labels (RFC 6531 §3.2). Both are in lower case, composed (NFC).
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import idna

MAX_ADDRESS: Final = 254
"""Characters of an address (RFC 5321 §4.5.3.1.3, without the brackets)."""
_MAX_LABEL: Final = 63

_SPECIALS: Final = r"\s\x00-\x1f\x7f()<>\[\]:;@\\,\""
# Dots that stand wrongly ("a..b@", "a.@") are in use at mobile providers, so they are taken.
_DOT_ATOM: Final = re.compile(rf"[^{_SPECIALS}]+")
_QUOTED: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"')
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_PLAIN: Final = re.compile(
    r"([a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200})@([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)"
)
_NO_DOMAIN: Final = re.compile(rf"[{_SPECIALS}/]")
_ASCII_DOMAIN: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_UNSTORABLE: Final = re.compile("[\ud800-\udfff\u0080-\u009f\u2028\u2029]")
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")  # what UTS 46 takes for the dot of a domain


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `local` is what stands before the last "@", without quotes; `domain` in A-labels,
    or in brackets when it is an IP address."""

    local: str
    domain: str

    def __str__(self) -> str:
        local = self.local
        if not _DOT_ATOM.fullmatch(local):
            escaped = local.replace("\\", "\\\\").replace('"', '\\"')
            local = f'"{escaped}"'
        return f"{local}@{self.domain if local.isascii() else self.readable_domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """No relay takes it that does not offer SMTPUTF8 (RFC 6531)."""
        return not self.local.isascii()

    @property
    def readable_domain(self) -> str:
        """The domain as people write it, with U-labels."""
        if "xn--" not in self.domain:
            return self.domain
        return ".".join(_u_label(each) for each in self.domain.split("."))


def parse_address(text: str) -> Address | None:
    """The address that `text` is, without name; angle brackets around it are dropped. None if it is
    none by the grammar of RFC 5322 §3.4.1 with RFC 6532."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].strip()
    if not bare or len(bare) > MAX_ADDRESS or "=?" in bare:
        return None
    if (plain := _PLAIN.fullmatch(bare.lower())) is not None and bare.isascii():
        return Address(plain[1], plain[2])
    if _UNSTORABLE.search(bare):
        return None
    local, at, domain = bare.rpartition("@")
    local_part, host = _local_part(local), _domain(domain)
    if not at or local_part is None or host is None:
        return None
    found = Address(local_part, host)
    return found if len(str(found)) <= MAX_ADDRESS else None


def normal_address(text: str) -> str | None:
    """The one spelling of the address in `text`, or None if it is not one mail can be sent to."""
    found = parse_address(text)
    return str(found) if found else None


def _local_part(text: str) -> str | None:
    text = unicodedata.normalize("NFC", text).lower()
    if _DOT_ATOM.fullmatch(text):
        return text
    if not _QUOTED.fullmatch(text):
        return None
    return _QUOTED_PAIR.sub(r"\1", text[1:-1])


def _domain(text: str) -> str | None:
    if text.startswith("["):
        return _literal(text)
    text = text.removesuffix(".").lower()
    if not text or _NO_DOMAIN.search(text):
        return None
    if text.isascii():
        return text if _ASCII_DOMAIN.fullmatch(text) else None
    labels = _DOTS.sub(".", text).split(".")
    if any(not 0 < len(each) <= _MAX_LABEL for each in labels):
        return None
    try:
        return idna.encode(text, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None


def _literal(text: str) -> str | None:
    """A domain that is an IP address in brackets (RFC 5321 §4.1.3)."""
    if not text.endswith("]"):
        return None
    inner = text[1:-1].lower()
    try:
        if inner.startswith("ipv6:"):
            return f"[ipv6:{ipaddress.IPv6Address(inner[5:])}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError:
        return None


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):  # not of IDNA 2008: shown as it travels
        return label
