"""Calls to people, by a provider that speaks Twilio's API.

The call's words and the address that its provider reports to are in the delivery's content. That
the provider accepted the call is all that `send` returns; whether it was answered, and the key
pressed, comes later (`notify.api.calls`). Creating a call is not idempotent: after a lost answer
the phone may ring twice, which is better than not at all.
"""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from notify.channels.posting import outcome_of
from notify.channels.twiml import gather_key
from notify.domain.delivery import Delivered, Delivery, Failed, Outcome, Reason
from notify.domain.desk import Voice
from notify.messages import render
from notify.messages.default_templates import BUILT_IN
from notify.messages.mails_and_chat import desk_values
from notify.messages.page_messages import PageContent, PageRequest, page_values
from pledge.runtime.clock import Clock
from pledge.runtime.http.posting import Answered, Poster

RINGS_FOR = timedelta(seconds=30)
REPORTED = ("ringing", "answered", "completed")

VoiceDirectory = Callable[[str], tuple[Voice, frozenset[str]] | None]
"""desk -> its account, and the private hosts it may reach; None if it has no account."""


class VoiceChannel:
    """Orders calls from the provider at `base_url`."""

    def __init__(
        self,
        directory: VoiceDirectory,
        base_url: str,
        clock: Clock,
        *,
        timeout: timedelta,
        connections: int,
    ) -> None:
        self._directory = directory
        self._base_url = base_url
        self._poster = Poster(clock, timeout=timeout, connections=connections)

    async def send(self, delivery: Delivery) -> Outcome:
        """Order one call."""
        found = self._directory(delivery.desk)
        if found is None:
            return Failed(Reason.RECEIVER_UNKNOWN, "the desk's file no longer has `voice`")
        voice, reachable = found
        url = f"{self._base_url}/2010-04-01/Accounts/{voice.account}/Calls.json"
        credentials = base64.b64encode(f"{voice.account}:{voice.token}".encode()).decode()
        headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
            ("user-agent", "pledge-notify"),
            ("authorization", f"Basic {credentials}"),
        ]
        body = urlencode(_order(delivery)).encode()
        answer = await self._poster.post(f"{delivery.desk}/voice", reachable, url, headers, body)
        if not isinstance(answer, Answered):
            return outcome_of(answer)
        return Delivered(f"HTTP {answer.status}", provider_id=_call_id(answer.body))

    async def close(self) -> None:
        """Close every connection."""
        await self._poster.close()


def _order(delivery: Delivery) -> list[tuple[str, str]]:
    content = delivery.content
    return [
        ("To", delivery.target),
        ("From", str(content["from"])),
        ("Twiml", str(content["twiml"])),
        ("Timeout", str(int(RINGS_FOR.total_seconds()))),
        ("StatusCallback", str(content["status_url"])),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", each) for each in REPORTED),
    ]


def _call_id(body: bytes) -> str | None:
    """The provider's id of the call, if its answer can be read: the call is made all the same."""
    try:
        sid = json.loads(body).get("sid")
    except (ValueError, RecursionError, AttributeError):
        return None
    return sid if isinstance(sid, str) else None


def write_page(request: PageRequest) -> PageContent:
    """A page as a call, and the addresses that the provider reports to.

    Built-in words are used when the desk's own template can't be filled.
    """
    desk, method = request.desk, request.method
    assert desk.voice is not None  # the contact method requires it
    values = {**page_values(request.record, ""), "desk": desk_values(desk), "name": method.name}
    try:
        words = render.render(desk.template("call", method.language), values, method.zone)
    except render.RenderFailed:
        words = render.render(BUILT_IN["call"]["en"], values, method.zone)
    base = f"{request.public_url}/voice/{desk.name}/{request.draft_id}"
    content = {
        "from": desk.voice.number,
        "twiml": gather_key(words.text, method.language, f"{base}/key"),
        "status_url": f"{base}/status",
    }
    return PageContent(f"{desk.name}/voice/page", content)
