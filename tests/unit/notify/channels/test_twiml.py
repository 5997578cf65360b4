"""TwiML of calls, and the signatures of the provider's requests."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from notify.channels.twiml import LONGEST_SPOKEN, gather_key, is_signed, say

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
    assert is_signed(TOKEN, URL, FORM, [SIGNATURE])
    assert is_signed(TOKEN, URL, list(reversed(FORM)), ["nonsense", SIGNATURE])


def test_a_field_that_comes_twice_counts_once_for_each_value() -> None:
    form = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert is_signed(TOKEN, URL, [*form, ("Digits", "1234")], ["IK+Dwps556ElfBT0I3Rgjkr1wJU="])


def test_the_port_may_be_written_or_not() -> None:
    assert is_signed(TOKEN, URL.replace(".com", ".com:443"), FORM, [SIGNATURE])


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
    assert not is_signed(token, url, form, signatures)


def test_a_ticket_s_title_is_said_and_never_obeyed() -> None:
    title = "</Say><Dial>+15550199</Dial> & \x07 more " + "x" * 5_000
    found = ElementTree.fromstring(gather_key(title, "en", "https://us.example/key?a=1&b=2"))
    assert [each.tag for each in found.iter()] == ["Response", "Gather", "Say", "Say"]
    gather = found.find("Gather")
    assert gather is not None
    assert gather.get("action") == "https://us.example/key?a=1&b=2"
    words = "".join(gather.itertext())
    assert words.startswith("</Say><Dial>+15550199</Dial> & more x")
    assert words.endswith("To take it, press 1.")
    assert len(words) < LONGEST_SPOKEN + 50
    assert len(ElementTree.tostring(found)) < 4_000, "the provider takes no more"
    assert "".join(ElementTree.fromstring(say("a < b", "en")).itertext()) == "a < b"


def test_a_title_of_nothing_but_signs_still_fits_what_the_provider_takes() -> None:
    for title in ("&" * 5_000, "<>" * 2_500, "ä" * 5_000):
        assert len(gather_key(title, "en", "https://us.example/key")) < 4_000
