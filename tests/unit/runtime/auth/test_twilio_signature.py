"""Signatures of a phone provider's requests."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from pledge.runtime.auth.twilio_signature import algorithm_of, is_body_of_url, is_signed, sign

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_providers_own_example_is_accepted() -> None:
    assert is_signed([TOKEN], URL, FORM, [SIGNATURE])
    assert is_signed([TOKEN], URL, list(reversed(FORM)), ["nonsense", SIGNATURE])


def test_a_field_that_comes_twice_counts_once_for_each_value() -> None:
    form = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert is_signed([TOKEN], URL, [*form, ("Digits", "1234")], ["IK+Dwps556ElfBT0I3Rgjkr1wJU="])


def test_the_port_may_be_written_or_not() -> None:
    assert is_signed([TOKEN], URL.replace(".com", ".com:443"), FORM, [SIGNATURE])


@pytest.mark.parametrize(
    ("token", "url", "form", "signatures"),
    [
        ("12346", URL, FORM, [SIGNATURE]),
        (TOKEN, URL.replace("foo=1", "foo=2"), FORM, [SIGNATURE]),
        (TOKEN, URL.replace(".com", ".com:8443"), FORM[:-1], [SIGNATURE]),
        (TOKEN, URL, FORM[:-1], [SIGNATURE]),
        (TOKEN, URL, FORM, []),
        (TOKEN, URL, FORM, ["", "ä"]),
    ],
)
def test_what_is_signed_otherwise_is_refused(
    token: str, url: str, form: list[tuple[str, str]], signatures: list[str]
) -> None:
    assert not is_signed([token], url, form, signatures)


def test_a_body_that_is_no_form_is_signed_by_its_hash_in_the_url() -> None:
    body = b'{"property": "value", "boolean": true}'
    url = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    assert is_signed([TOKEN], url, [], ["a9nBmqA0ju/hNViExpshrM61xv4="])
    assert is_body_of_url(url, body)
    assert not is_body_of_url(url, body + b" ")
    assert not is_body_of_url(URL, body)
    assert not is_body_of_url(URL + "&bodySHA256=", b"")


def test_the_header_of_settings_names_the_hash() -> None:
    assert algorithm_of(None) == "sha1"
    assert algorithm_of("key=SK0123,algorithm=HMAC_SHA256") == "sha256"
    assert algorithm_of("algorithm = hmac_sha1") == "sha1"
    for unknown in ("", "key=SK0123", "algorithm=none", "algorithm=MD5,", "x" * 100_000):
        assert algorithm_of(unknown) is None


def test_a_signature_by_sha_256_counts_only_where_it_is_named() -> None:
    content = URL + "".join(f"{name}{value}" for name, value in sorted(FORM))
    mac = hmac.new(TOKEN.encode(), content.encode(), hashlib.sha256)
    signature = base64.b64encode(mac.digest()).decode()
    assert signature == sign(TOKEN, URL, {name: [value] for name, value in FORM}, "sha256")
    assert is_signed([TOKEN], URL, FORM, [signature], "sha256")
    assert not is_signed([TOKEN], URL, FORM, [signature])
    assert not is_signed([TOKEN], URL, FORM, [SIGNATURE], "sha256")


def test_each_of_two_secrets_counts_while_one_replaces_the_other() -> None:
    for secrets in ([TOKEN, "the next one"], ["the next one", TOKEN]):
        assert is_signed(secrets, URL, FORM, [SIGNATURE])
    assert not is_signed(["the next one"], URL, FORM, [SIGNATURE])
    assert not is_signed([], URL, FORM, [SIGNATURE])
