"""TwiML of calls."""

from __future__ import annotations

from xml.etree import ElementTree

from notify.channels.twiml import LONGEST_SPOKEN, gather_key, say


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
