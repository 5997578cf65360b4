"""TwiML: what a phone provider says to a caller, and asks for."""

from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement, tostring

from intake.domain.hooks import VoiceMenu
from intake.gateways.hooks.request import XML, Answer

LONGEST_MESSAGE = "300"  # seconds
SILENCE_ENDS = "10"  # seconds
WAIT_FOR_KEYS = "6"  # seconds


def response(root: Element) -> Answer:
    """The document as an answer."""
    document = tostring(root, encoding="unicode")
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>{document}', XML)


def speakable(words: str) -> str:
    """Without characters that XML 1.0 can't hold."""
    return "".join(
        char
        if char in "\t\n\r" or (ord(char) >= 32 and not 0xD800 <= ord(char) <= 0xDFFF
                                and not 0xFFFE <= ord(char) <= 0xFFFF)
        else " "
        for char in words
    )  # fmt: skip


def menu(voice: VoiceMenu, url: str) -> Answer:
    """Says the greeting and asks for keys; also none of them goes on at /menu."""
    root = Element("Response")
    gather = SubElement(
        root, "Gather", input="dtmf", numDigits=str(voice.digits), timeout=WAIT_FOR_KEYS,
        action=f"{url}/menu", method="POST", actionOnEmptyResult="true",
    )  # fmt: skip
    _say(gather, voice.greeting, voice)
    _say(gather, voice.menu or "", voice)
    return response(root)


def record(voice: VoiceMenu, url: str, *, greets: bool, **keep: str) -> Answer:
    """Asks for a voicemail. What the caller chose goes along in the addresses of the callbacks."""
    kept = urlencode({name: value for name, value in keep.items() if value})
    query = f"?{kept}" if kept else ""
    root = Element("Response")
    if greets:
        _say(root, voice.greeting, voice)
    _say(root, voice.before_recording, voice)
    recorded = SubElement(
        root, "Record", action=f"{url}/voicemail{query}", method="POST", playBeep="true",
        maxLength=LONGEST_MESSAGE, timeout=SILENCE_ENDS, finishOnKey="#",
        recordingStatusCallback=f"{url}/recording{query}",
        recordingStatusCallbackEvent="completed absent",
    )  # fmt: skip
    if voice.transcribes:
        recorded.set("transcribe", "true")
        recorded.set("transcribeCallback", f"{url}/transcription{query}")
    # Heard by who said nothing: an empty recording calls no action.
    _say(root, voice.goodbye, voice)
    return response(root)


def goodbye(voice: VoiceMenu) -> Answer:
    """Says goodbye, and the call is over."""
    root = Element("Response")
    _say(root, voice.goodbye, voice)
    SubElement(root, "Hangup")
    return response(root)


def _say(parent: Element, words: str, voice: VoiceMenu) -> None:
    if words:
        SubElement(parent, "Say", language=voice.language).text = speakable(words)
