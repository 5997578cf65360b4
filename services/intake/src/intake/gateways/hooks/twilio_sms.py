"""Twilio messages: a text is a chat with the number that it came from."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final
from xml.etree.ElementTree import Element, SubElement

from intake.gateways.hooks.chat import a_message
from intake.gateways.hooks.request import Answer, HookContext, HookRequest, Taken
from intake.gateways.hooks.twilio import NOTHING_TO_SAY, TwilioSigned, fields_of
from intake.gateways.hooks.twiml import response, speakable
from intake.gateways.hooks.values import line_at, phone_number, text_at
from pledge.events import ChatEnded, Contact

_STOP: Final = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
_HELP: Final = frozenset({"HELP", "INFO"})
_START: Final = frozenset({"START", "UNSTOP"})
MOST_MEDIA: Final = 10


class TwilioSms(TwilioSigned):
    """Texts, MMS and WhatsApp messages. Twilio itself stops sending to who wrote STOP."""

    answers_within: ClassVar = timedelta(seconds=12)  # Twilio waits 15 s

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """A message; STOP ends the conversation unanswered, HELP is answered and still a message:
        it may well be what somebody needs."""
        form = fields_of(request)
        own_id = line_at(form, "MessageSid") or line_at(form, "SmsSid")
        text = _words(form)
        if not own_id or not text:
            return Taken(NOTHING_TO_SAY, end="no_words")
        word = line_at(form, "OptOutType").upper() or text.strip().upper()
        if word in _START:
            return Taken(NOTHING_TO_SAY, end="opted_in")
        sender, number = line_at(form, "From"), line_at(form, "To")
        conversation = f"sms:{number}:{sender}"
        if word in _STOP:
            ended = ChatEnded(
                desk=context.desk.id,
                occurred_at=context.now,
                recorded_at=context.now,
                delivery=context.delivery("twilio", own_id),
                conversation=conversation,
                authentication=context.signed(),
                ended_by="requester",
                requester=Contact(),
            )
            return Taken(NOTHING_TO_SAY, [ended])
        message = a_message(
            context,
            delivery=("twilio", own_id),
            conversation=conversation,
            user=sender,
            user_id=sender,
            name=line_at(form, "ProfileName"),
            line=number,
            text=text,
            phone=phone_number(sender.rpartition(":")[2]),
            occurred_at=context.now,
        )
        return Taken(_answer(word, context), [message])


def _words(form: Mapping[str, str]) -> str:
    """The text, with the addresses of its pictures and the place that WhatsApp may add."""
    parts = [text_at(form, "Body")]
    parts += [
        f"File ({line_at(form, f'MediaContentType{index}')}): {url}"
        for index in range(MOST_MEDIA)
        if (url := line_at(form, f"MediaUrl{index}", limit=1_000))
    ]
    if latitude := line_at(form, "Latitude"):
        parts.append(f"Place: {latitude}, {line_at(form, 'Longitude')}")
    return "\n".join(part for part in parts if part)


def _answer(word: str, context: HookContext) -> Answer:
    desk = context.desk
    if word in _HELP:
        words = f"{desk.name}: {desk.reply_address}. Reply STOP to end."
    elif context.hook.answer is not None:
        words = context.hook.answer
    else:
        return NOTHING_TO_SAY
    root = Element("Response")
    SubElement(root, "Message").text = speakable(words)
    return response(root)
