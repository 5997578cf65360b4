"""Calls by Twilio and by telephone exchanges."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from intake.domain.hooks import VoiceMenu
from intake.gateways.hooks.providers import PROVIDERS
from intake.gateways.hooks.request import Taken, Unreadable
from pledge.events import (
    CallAnswered,
    CallEnded,
    CallReceived,
    ChannelEvent,
    VoicemailLeft,
    VoicemailTranscribed,
)
from support.hooks import FORM, JSON, body_of, form_of
from unit.intake.gateways.builders import HOOK_URL, a_context, a_request, only

MENU = VoiceMenu(
    greeting="This is <Vircom> & friends.",
    before_recording="Speak after the tone.",
    goodbye="Goodbye.",
    menu="For the critical line key in 501.",
    digits=3,
)
PLAIN = VoiceMenu("Hello.", "Speak after the tone.", "Goodbye.", extension="501")
CALL = {
    "CallSid": "CA1", "From": "+15550199", "To": "+15550110", "CallStatus": "ringing",
    "Direction": "inbound", "CallerName": "ANN",
}  # fmt: skip


def voice(step: str = "", query: str = "", **fields: str) -> Taken:
    return call(MENU, step, query, fields)


def call(menu: VoiceMenu, step: str, query: str, fields: dict[str, str]) -> Taken:
    request = a_request(form_of({**CALL, **fields}), FORM, step=step, query=query)
    return PROVIDERS["twilio_voice"].read(request, a_context("twilio_voice", voice=menu))


def said(taken: Taken) -> ElementTree.Element:
    assert taken.answer.media_type == "text/xml"
    return ElementTree.fromstring(taken.answer.content)


def test_a_caller_hears_the_greeting_and_the_menu_first() -> None:
    taken = voice()
    gather = said(taken).find("Gather")
    assert gather is not None
    assert (taken.events, taken.end) == ((), "menu")
    assert [each.text for each in gather] == [MENU.greeting, MENU.menu]
    assert (gather.get("action"), gather.get("numDigits")) == (f"{HOOK_URL}/menu", "3")


@pytest.mark.parametrize(
    ("digits", "extension", "choice"), [("501", "501", None), ("1", None, "1"), ("", None, None)]
)
def test_keys_are_an_extension_of_the_number_or_a_choice(
    digits: str, extension: str | None, choice: str | None
) -> None:
    taken = voice("menu", Digits=digits)
    received = only(taken.events)
    assert isinstance(received, CallReceived)
    assert (received.line, received.extension, received.menu_choice) == (
        "+15550110",
        extension,
        choice,
    )
    assert (received.caller.phone, received.caller.name) == ("+15550199", "ANN")
    record = said(taken).find("Record")
    assert record is not None
    # What was chosen comes back with each callback, in an address that Twilio signs.
    for name in ("action", "recordingStatusCallback", "transcribeCallback"):
        address = urlsplit(record.get(name) or "")
        wanted = f"extension={extension}" if extension else f"choice={choice}" if choice else ""
        assert address.query == wanted


def test_without_a_menu_the_call_is_taken_at_once() -> None:
    taken = call(PLAIN, "", "", {})
    received = only(taken.events)
    assert isinstance(received, CallReceived)
    assert received.extension == "501"
    words = [each.text for each in said(taken).iter("Say")]
    assert words == ["Hello.", "Speak after the tone.", "Goodbye."]


def test_the_callbacks_of_one_call_are_one_conversation_and_each_is_one_delivery() -> None:
    recording = {"RecordingUrl": "https://api.example/RE1", "RecordingDuration": "17"}
    action = only(call(MENU, "voicemail", "choice=1", recording).events)
    ready = only(
        call(MENU, "recording", "choice=1", {**recording, "RecordingStatus": "completed"}).events
    )
    transcript = {"TranscriptionText": "no mail", "TranscriptionStatus": "completed"}
    written = only(call(MENU, "transcription", "extension=501", transcript).events)
    assert isinstance(action, VoicemailLeft)
    assert isinstance(written, VoicemailTranscribed)
    assert (action.duration, action.menu_choice) == (timedelta(seconds=17), "1")
    assert action.recording_url == "https://api.example/RE1"
    assert (written.text, written.extension) == ("no mail", "501")
    assert action.delivery == ready.delivery
    assert {each.conversation for each in (action, ready, written)} == {"twilio:CA1"}


def test_who_hangs_up_before_they_choose_has_called_all_the_same() -> None:
    received, ended = voice("status", CallStatus="completed", CallDuration="4").events
    assert isinstance(received, CallReceived)
    assert isinstance(ended, CallEnded)
    assert received.delivery == only(voice("menu", Digits="501").events).delivery
    assert (ended.duration, ended.answered_by) == (timedelta(seconds=4), None)


@pytest.mark.parametrize(
    ("step", "fields", "end"),
    [
        ("status", {"CallStatus": "in-progress"}, "under_way"),
        ("recording", {"RecordingStatus": "absent"}, "no_recording"),
        ("recording", {"RecordingStatus": "in-progress", "RecordingUrl": "u"}, "no_recording"),
        ("voicemail", {}, "no_recording"),
        ("transcription", {"TranscriptionStatus": "failed"}, "no_words"),
        ("", {"Direction": "outbound-api"}, "outbound"),
    ],
)
def test_what_says_nothing_of_a_call_has_an_end(
    step: str, fields: dict[str, str], end: str
) -> None:
    taken = call(MENU, step, "", fields)
    assert (taken.end, taken.events) == (end, ())
    assert said(taken).tag == "Response"


def test_a_number_that_is_withheld_is_none() -> None:
    for caller in ("anonymous", "+266696687", "", "sip:ann@example.com", "12"):
        received = only(call(PLAIN, "", "", {"From": caller}).events)
        assert isinstance(received, CallReceived)
        assert received.caller.phone is None


def test_a_step_that_is_none_and_a_call_without_an_id_are_unreadable() -> None:
    for step, fields in (("other", {}), ("", {"CallSid": ""})):
        with pytest.raises(Unreadable):
            call(MENU, step, "", fields)


def exchange(**fields: str) -> Taken:
    form = {"event": "newCall", "direction": "in", "callId": "307", "from": "4930600000", **fields}
    request = a_request(form_of({"to": "+15550110", **form}), FORM)
    return PROVIDERS["cti"].read(request, a_context("cti"))


def test_an_exchange_tells_of_a_call_its_answer_and_its_end() -> None:
    received = only(exchange().events)
    known, answered = exchange(event="answer", **{"user[]": "bob", "answeringNumber": "21"}).events
    again, ended = exchange(event="hangup", cause="normalClearing").events
    # The call is told anew with each: the exchange does not send again what was not taken.
    assert known.delivery == again.delivery == received.delivery
    assert isinstance(received, CallReceived)
    assert (received.line, received.caller.phone) == ("+15550110", "+4930600000")
    assert isinstance(answered, CallAnswered)
    assert answered.answered_by == "bob"
    assert isinstance(ended, CallEnded)
    calls: list[ChannelEvent] = [received, answered, ended]
    assert len({each.delivery for each in calls}) == 3
    assert {each.conversation for each in calls} == {"cti:hook:307"}
    assert exchange(direction="out").end == "outbound"
    assert exchange(event="transfer").end == "other_event"
    _, number = exchange(event="answer", answeringNumber="21").events
    assert isinstance(number, CallAnswered)
    assert number.answered_by == "21"


def test_an_exchange_may_send_json() -> None:
    fields = {"event": "answer", "callId": 7, "to": "15550110", "from": "anonymous", "user": ["al"]}
    request = a_request(body_of(fields), JSON)
    _, event = PROVIDERS["cti"].read(request, a_context("cti")).events
    assert isinstance(event, CallAnswered)
    assert (event.line, event.caller.phone, event.answered_by) == ("+15550110", None, "al")
    with pytest.raises(Unreadable):
        PROVIDERS["cti"].read(a_request(b"{}", JSON), a_context("cti"))
