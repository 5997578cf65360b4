"""Twilio calls: instructions, a menu and a voicemail, as one ticket whatever comes first."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from intake.domain.hooks import VoiceMenu
from intake.gateways.hooks import twiml
from intake.gateways.hooks.request import HookContext, HookRequest, Taken, Unreadable
from intake.gateways.hooks.twilio import NOTHING_TO_SAY, TwilioSigned, fields_of
from intake.gateways.hooks.values import line_at, phone_number, text_at
from pledge.events import (
    CallEnded,
    CallReceived,
    Contact,
    VoicemailLeft,
    VoicemailTranscribed,
)

_FINAL: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
LONGEST_CALL: Final = 24 * 3_600


class TwilioVoice(TwilioSigned):
    """The steps of a call, each a path below the hook's: the number's webhook is the hook's own
    address, its status callback `/status`; the others stand in what it is answered."""

    answers_within: ClassVar = timedelta(seconds=12)  # Twilio waits 15 s

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """What the step of a call says, and what the caller hears next."""
        form, voice = fields_of(request), context.hook.voice
        call = line_at(form, "CallSid")
        if not call or voice is None:
            raise Unreadable("CallSid: is missing")
        if line_at(form, "Direction").startswith("outbound"):
            return Taken(NOTHING_TO_SAY, end="outbound")
        chosen = _kept(request.query)
        match request.step:
            case "":
                return _rings(form, context, voice)
            case "menu":
                return _chooses(form, context, voice)
            case "voicemail" | "recording":
                return _voicemail(form, context, voice, chosen, request.step)
            case "transcription":
                return _transcribed(form, context, chosen)
            case "status":
                return _status(form, context, voice)
            case _:
                raise Unreadable("the address has no such step")


def _rings(form: Mapping[str, str], context: HookContext, voice: VoiceMenu) -> Taken:
    """The call has come in. With a menu, its line is known when a key is pressed, or none."""
    if voice.menu is not None:
        return Taken(twiml.menu(voice, context.url), end="menu")
    answer = twiml.record(voice, context.url, greets=True, extension=voice.extension or "")
    return Taken(answer, [_received(form, context, voice.extension, None)])


def _chooses(form: Mapping[str, str], context: HookContext, voice: VoiceMenu) -> Taken:
    digits = line_at(form, "Digits", limit=16)
    extension, choice = _meant(digits, _line(form), context)
    answer = twiml.record(
        voice, context.url, greets=False, extension=extension or "", choice=choice or ""
    )
    return Taken(answer, [_received(form, context, extension, choice)])


def _meant(digits: str, line: str, context: HookContext) -> tuple[str | None, str | None]:
    """The extension or the choice of the menu that the keys are."""
    lines = context.desk.phone_lines
    if digits and (f"{line}/{digits}" in lines or f"/{digits}" in lines):
        return digits, None
    return None, digits or None


def _voicemail(
    form: Mapping[str, str], context: HookContext, voice: VoiceMenu,
    chosen: Mapping[str, str], step: str,
) -> Taken:  # fmt: skip
    """A voicemail, told by the end of its recording and once more when it is ready: one delivery.
    Nothing was said in one that is absent."""
    answer = twiml.goodbye(voice) if step == "voicemail" else NOTHING_TO_SAY
    url = line_at(form, "RecordingUrl", limit=1_000)
    if not url or line_at(form, "RecordingStatus") in ("absent", "in-progress", "failed"):
        return Taken(answer, end="no_recording")
    length = _seconds(line_at(form, "RecordingDuration"))
    event = VoicemailLeft(
        **_phone(form, context, chosen.get("extension"), "voicemail"),
        menu_choice=chosen.get("choice"),
        duration=length,
        recording_url=url,
    )
    return Taken(answer, [event])


def _transcribed(form: Mapping[str, str], context: HookContext, chosen: Mapping[str, str]) -> Taken:
    text = text_at(form, "TranscriptionText")
    if not text or line_at(form, "TranscriptionStatus") == "failed":
        return Taken(NOTHING_TO_SAY, end="no_words")
    common = _phone(form, context, chosen.get("extension"), "transcription")
    return Taken(NOTHING_TO_SAY, [VoicemailTranscribed(**common, text=text)])


def _status(form: Mapping[str, str], context: HookContext, voice: VoiceMenu) -> Taken:
    """The call is over. Who hung up before they chose has called all the same."""
    if line_at(form, "CallStatus") not in _FINAL:
        return Taken(NOTHING_TO_SAY, end="under_way")
    received = _received(form, context, voice.extension, None)
    ended = CallEnded(
        **_phone(form, context, voice.extension, "ended"),
        duration=_seconds(line_at(form, "CallDuration")) or timedelta(0),
    )
    return Taken(NOTHING_TO_SAY, [received, ended])


def _received(
    form: Mapping[str, str], context: HookContext, extension: str | None, choice: str | None
) -> CallReceived:
    return CallReceived(**_phone(form, context, extension, "received"), menu_choice=choice)


def _phone(
    form: Mapping[str, str], context: HookContext, extension: str | None, what: str
) -> dict[str, Any]:
    """What all events of the call have. Its delivery is known by the call and what it says of it,
    however often Twilio tells it."""
    call, caller = line_at(form, "CallSid"), line_at(form, "From")
    number = phone_number(caller)
    return {
        "desk": context.desk.id,
        "occurred_at": context.now,
        "recorded_at": context.now,
        "delivery": context.delivery("twilio", call, what),
        "conversation": f"twilio:{call}",
        "authentication": context.signed(),
        "call_id": call,
        "line": _line(form),
        "extension": extension or None,
        "caller": Contact(name=line_at(form, "CallerName") or None, phone=number),
    }


def _line(form: Mapping[str, str]) -> str:
    called = line_at(form, "To") or line_at(form, "Called")
    return phone_number(called) or called or "unknown"


def _kept(query: str) -> Mapping[str, str]:
    """What an earlier step put into the address; it is signed like the rest."""
    try:
        return dict(parse_qsl(query[:2_000], max_num_fields=20))
    except ValueError:
        return {}


def _seconds(text: str) -> timedelta | None:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return timedelta(seconds=min(int(text), LONGEST_CALL))
