"""The content of a part as it was before it was encoded for the way. Total."""

import binascii
import re
from typing import Final

from intake.mail.uuencode import uudecode

_TOKEN: Final = re.compile(r"[a-z0-9-]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=\s]*")
_BASE64_GROUPS: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_WHITE: Final = b" \t\r\n\v\f"
_UUENCODED: Final = frozenset(("x-uuencode", "uuencode", "x-uue", "uue"))


def decoded(content: bytes, encoding: str) -> tuple[bytes, bytes, str | None]:
    """The content under its Content-Transfer-Encoding, what stands behind it without being part of
    it (the footer of a list, behind base64), and the defect found."""
    token = _TOKEN.search(encoding.lower()) if encoding else None
    name = token[0] if token else ""
    if name == "quoted-printable":
        return binascii.a2b_qp(content), b"", None
    if name == "base64":
        return _base64(content)
    if name in _UUENCODED:
        found = uudecode(content)
        return (content, b"", "undecodable_part") if found is None else (found[1], b"", None)
    return content, b"", None


def _base64(content: bytes) -> tuple[bytes, bytes, str | None]:
    valid = _BASE64.match(content)
    end = valid.end() if valid else 0
    rest = content[end:].strip()
    if rest and end < len(content):  # a word that happens to fit belongs to what follows it
        line = content.rfind(b"\n", 0, end) + 1
        if content[line:end].strip(_WHITE) and b"=" not in content[line:end]:
            end = line
            rest = content[end:].strip()
    data = content[:end].translate(None, _WHITE)
    if not data:
        return (content, b"", "undecodable_part") if rest else (b"", b"", None)
    return _base64_of(data), rest, "text_behind_base64" if rest else None


def _base64_of(data: bytes) -> bytes:
    if b"=" in data.rstrip(b"="):  # several pieces, each with its own end
        pieces = _BASE64_GROUPS.findall(data)
        whole = [each for each in pieces if len(each) % 4 == 0]
        return b"".join(binascii.a2b_base64(each) for each in whole)
    bare = data.rstrip(b"=")
    if len(bare) % 4 == 1:  # a single character is no byte
        bare = bare[:-1]
    return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4))
