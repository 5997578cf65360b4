"""TwiML for a phone provider to say. The format is Twilio's; other providers offer it, too."""

from xml.etree.ElementTree import Element, SubElement, tostring

LONGEST_SPOKEN = 1_200  # characters: a minute and a half, and far below the provider's 4,000
_IN_XML = {"&": 5, "<": 4, ">": 4}  # characters that their entity takes
TIMES_SAID = "3"  # a sleeper needs more than one try
WAIT_FOR_KEY = "8"  # seconds of silence after the words
ACKNOWLEDGE_KEY = "1"
"""The key that acknowledges the page."""


def gather_key(words: str, language: str, action_url: str) -> str:
    """Says the words and waits for the acknowledge key, which goes to `action_url`."""
    response = Element("Response")
    gather = SubElement(
        response, "Gather", input="dtmf", numDigits="1", timeout=WAIT_FOR_KEY,
        action=action_url, method="POST",
    )  # fmt: skip
    spoken = _cut(" ".join(_speakable(words).split()), LONGEST_SPOKEN)
    spoken_words = SubElement(gather, "Say", language=language, loop=TIMES_SAID)
    spoken_words.text = f"{spoken} To take it, press {ACKNOWLEDGE_KEY}."
    SubElement(response, "Say", language=language).text = "Nobody took it. The next person follows."
    return tostring(response, encoding="unicode")


def say(words: str, language: str) -> str:
    """Says the words, and the call is over."""
    response = Element("Response")
    SubElement(response, "Say", language=language).text = _speakable(words)
    return tostring(response, encoding="unicode")


def _cut(words: str, most: int) -> str:
    """As much of the words as takes `most` characters in XML: the provider refuses more."""
    length = 0
    for place, char in enumerate(words):
        length += _IN_XML.get(char, 1)
        if length > most:
            return words[:place]
    return words


def _speakable(words: str) -> str:
    """Without characters that XML 1.0 can't hold."""
    return "".join(
        char if char in "\t\n\r" or (ord(char) >= 32 and not 0xFFFE <= ord(char) <= 0xFFFF) else " "
        for char in words
    )
