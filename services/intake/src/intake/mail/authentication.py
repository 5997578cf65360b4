"""What our own border found out about a mail's sender: Authentication-Results (RFC 8601).

A field counts only if it names one of our authserv-ids: anybody can write the others (§1.6, §5).
Read by the grammar of §2.2, and what Microsoft 365 and others write beyond it: properties without
a type, no authserv-id, results between other words.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pledge.events import Authentication
from pledge.events.addresses import parse_address

NO_ID: Final = "-"
"""Stands for fields without an authserv-id, as Microsoft 365 writes them."""
_MAX_FIELDS: Final = 20
_MAX_FIELD: Final = 8_192

_PIECE: Final = re.compile(
    r'(?P<space>\s+)|"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<mark>[;=])|(?P<word>[^\s"();=]+)|.',
    re.DOTALL,
)
_METHOD: Final = re.compile(r"[a-z][a-z0-9_-]*(/\d+)?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: `dmarc`, `fail`, and the properties beside it (`header.from`)."""

    method: str
    result: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Field:
    authserv_id: str
    findings: tuple[Finding, ...]


def border_finding(
    fields: Sequence[str], authserv_ids: Collection[str], *, from_domain: str | None = None
) -> Authentication:
    """What the border says of the sender, by unfolded Authentication-Results fields. `from_domain`
    is the domain of From, in A-labels: a result about another domain says nothing.

    DMARC decides; without it a DKIM signature or SPF that is aligned with From, and the border's
    own sum (`compauth`). A failure outweighs a pass: the border says it of the same mail.
    """
    ours = {each.lower() for each in authserv_ids}
    if not ours or not fields:
        return Authentication(result="none")
    found: list[tuple[str, Finding]] = []
    for text in fields[:_MAX_FIELDS]:
        field = _read(text[:_MAX_FIELD])
        if field.authserv_id in ours:
            found += ((field.authserv_id, each) for each in field.findings)
    return _judged(found, from_domain)


def _judged(found: Sequence[tuple[str, Finding]], from_domain: str | None) -> Authentication:
    dmarc = [
        each for each in found if each[1].method == "dmarc" and _is_about(each[1], from_domain)
    ]
    sums = [each for each in found if each[1].method == "compauth"]
    aligned = [each for each in found if _is_aligned(each[1], from_domain)]
    for candidates, result in ((dmarc, "fail"), (dmarc, "pass"), (sums, "fail")):
        for each in candidates:
            if each[1].result == result:
                return _said(*each)
    for method, result in (("dkim", "pass"), ("spf", "pass"), ("spf", "fail")):
        for each in aligned:
            if (each[1].method, each[1].result) == (method, result):
                return _said(*each)
    return Authentication(result="none")


def _said(border: str, finding: Finding) -> Authentication:
    who = "our border" if border == NO_ID else f"our border {border}"
    about = _domain_of(finding)
    detail = f"{who} says {finding.method}={finding.result}" + (f" of {about}" if about else "")
    result = "passed" if finding.result == "pass" else "failed"
    return Authentication.model_validate(
        {"result": result, "method": finding.method, "detail": detail[:300]}
    )


def _is_about(finding: Finding, from_domain: str | None) -> bool:
    about = finding.properties.get("header.from")
    return about is None or from_domain is None or _domain(about) == from_domain


def _is_aligned(finding: Finding, from_domain: str | None) -> bool:
    """The domain that signed or sent is that of From, or one above it (who has a domain speaks for
    those below, not the other way round)."""
    domain = _domain_of(finding)
    if from_domain is None or domain is None or "." not in domain:
        return False
    return from_domain == domain or from_domain.endswith(f".{domain}")


_NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "dmarc": ("header.from",),
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom", "smtp.mail"),
}


def _domain_of(finding: Finding) -> str | None:
    for name in _NAMED_BY.get(finding.method, ()):
        if name in finding.properties:
            return _domain(finding.properties[name])
    return None


def _domain(value: str) -> str | None:
    """The domain of a property's value, which may be an address, in A-labels."""
    address = parse_address(f"x@{value.rpartition('@')[2]}")
    return address.domain if address else None


# ---- grammar ----


def _read(text: str) -> _Field:
    parts = _parts(text)
    first = parts[0] if parts else []
    if len(first) >= 3 and first[1] == "=":  # a result at once: no authserv-id
        return _Field(NO_ID, tuple(_findings(parts)))
    name = first[0].lower() if first else ""
    return _Field(name, tuple(_findings(parts[1:])))


def _findings(parts: Iterable[Sequence[str]]) -> Iterable[Finding]:
    for part in parts:
        pairs = [
            (part[index - 1].lower(), part[index + 1])
            for index in range(1, len(part) - 1)
            if part[index] == "="
        ]
        if pairs and _METHOD.fullmatch(pairs[0][0]):
            properties: dict[str, str] = {}
            for name, value in pairs[1:]:
                properties.setdefault(name, value)
            yield Finding(pairs[0][0].partition("/")[0], pairs[0][1].lower(), properties)


def _parts(text: str) -> list[list[str]]:
    """What stands between semicolons, as words; comments and white space dropped."""
    parts: list[list[str]] = [[]]
    position = depth = 0
    while position < len(text):
        each = text[position]
        if depth or each == "(":
            depth += (each == "(") - (each == ")")
            position += 2 if each == "\\" else 1
            continue
        piece = _PIECE.match(text, position)
        if piece is None:
            break
        position = piece.end()
        if piece["quoted"] is not None:
            parts[-1].append(piece["quoted"])
        elif piece["mark"] == ";":
            parts.append([])
        elif piece["space"] is None:
            parts[-1].append(piece[0])
    return parts
