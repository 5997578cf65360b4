"""Signatures of requests that a phone provider sends; the wire format is Twilio's, which other
providers offer, too.

HMAC, base64, over the URL called and each distinct field of the form, sorted by name and value. A
body that is no form is signed by its SHA-256 in the URL's query (`bodySHA256`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_SETTINGS: Final = re.compile(r"\s*([A-Za-z]{1,40})\s*=\s*([^,\s]{1,200})\s*")
_ALGORITHMS: Final[Mapping[str, str]] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def algorithm_of(settings: str | None) -> str | None:
    """The hash that the header X-Twilio-Webhooks-Signature-Settings names: SHA-1 when there is no
    such header, None when it names one that is not known here."""
    if settings is None:
        return "sha1"
    for part in settings[:1_000].split(","):
        found = _SETTINGS.fullmatch(part)
        if found is not None and found[1].lower() == "algorithm":
            return _ALGORITHMS.get(found[2].upper())
    return None


def sign(
    secret: str, url: str, fields: Mapping[str, Iterable[str]], algorithm: str = "sha1"
) -> str:
    """The signature of the URL and the fields of a form; without fields, of the URL alone."""
    parts = [f"{name}{value}" for name in sorted(fields) for value in sorted(set(fields[name]))]
    content = (url + "".join(parts)).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(secret.encode(), content, algorithm)).decode()


def is_signed(
    secrets: Sequence[str],
    url: str,
    fields: Iterable[tuple[str, str]],
    signatures: Sequence[str],
    algorithm: str = "sha1",
) -> bool:
    """Whether one of `signatures` is by one of `secrets`, over the URL called and the form sent.

    The provider may or may not write the port in the URL that it signs, hence both are tried.
    """
    grouped: dict[str, set[str]] = {}
    for name, value in fields:
        grouped.setdefault(name, set()).add(value)
    expected = [
        sign(secret, each, grouped, algorithm) for secret in secrets for each in _spellings(url)
    ]
    matches = [
        hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
        for given in signatures
        for right in expected
    ]
    return any(matches)


def is_body_of_url(url: str, body: bytes) -> bool:
    """Whether the URL's query holds the body's SHA-256: its signature is the body's, then."""
    try:
        given = dict(parse_qsl(urlsplit(url).query, max_num_fields=1_000)).get("bodySHA256", "")
    except ValueError:
        return False
    right = hashlib.sha256(body).hexdigest()
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), right.encode())


def _spellings(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    usual = {"https": 443, "http": 80}.get(parts.scheme, 0)
    without = parts._replace(netloc=host).geturl()
    with_port = parts._replace(netloc=f"{host}:{parts.port or usual}").geturl()
    return tuple(dict.fromkeys((url, without, with_port)))
