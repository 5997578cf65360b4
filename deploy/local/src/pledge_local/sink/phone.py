"""A phone provider that calls nobody: it speaks Twilio's API; tests say who answers.

Calls ring until somebody uses `POST /calls/{sid}/answer` or `/hang-up`. What a real provider sends
meanwhile is sent: status callbacks and pressed keys, as forms, signed with the account's token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs
from xml.etree import ElementTree

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.faults import Faults

CALLS = "/2010-04-01/Accounts/{account}/Calls.json"


class Answer(BaseModel):
    """Somebody picks up, and presses keys or none."""

    model_config = ConfigDict(extra="forbid")

    digits: str = Field("", pattern=r"^[0-9*#]{0,20}$")


class HangUp(BaseModel):
    """Nobody picks up."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["busy", "no-answer", "failed", "canceled"] = "no-answer"


@dataclass(slots=True)
class Ringing:
    """A call under way. The token is in memory only."""

    account: str
    token: str
    order: Mapping[str, list[str]]

    def parameter(self, name: str) -> str:
        """The order's field `name`, or nothing."""
        return self.order.get(name, [""])[0]


class Phone:
    """The calls that were ordered, and the API that orders them."""

    def __init__(self, arrivals: Arrivals, faults: Faults, ids: Ids) -> None:
        self._arrivals = arrivals
        self._faults = faults
        self._ids = ids
        self._ringing: dict[str, Ringing] = {}
        self.router = APIRouter()
        add = self.router.add_api_route
        add(CALLS, self.order, methods=["POST"], status_code=201)
        add("/calls/{sid}/answer", self.answer, methods=["POST"])
        add("/calls/{sid}/hang-up", self.hang_up, methods=["POST"], status_code=204)

    async def order(self, account: str, request: Request) -> Response:
        """Take the order for a call, as Twilio's `Calls.json` does."""
        token = _token(request.headers.get("authorization", ""), account)
        if token is None:
            return _refused(401, 20003, "Authenticate")
        order = parse_qs((await request.body()).decode(), keep_blank_values=True)
        for name in ("To", "From", "Twiml"):
            if name not in order:
                return _refused(400, 21201, f"No '{name}' number is specified")
        fault = self._faults.next("phone")
        if fault is not None and not fault.keeps:
            status = 504 if fault.answer == "timeout" else fault.answer
            return _refused(status, 20500, "as asked for")
        sid = f"CA{self._ids.new().hex}"
        call = self._ringing[sid] = Ringing(account, token, order)
        words = " ".join("".join(_twiml(call.parameter("Twiml")).itertext()).split())
        self._arrivals.add(
            "call",
            to=call.parameter("To"),
            sender=call.parameter("From"),
            subject=words[:200],
            text=words,
            delivery=sid,
            headers={},
            is_signed=True,
            body={name: values if len(values) > 1 else values[0] for name, values in order.items()},
        )
        return JSONResponse({"sid": sid, "status": "queued", "to": call.parameter("To")}, 201)

    async def answer(self, sid: str, answer: Answer) -> dict[str, Any]:
        """Pick up, listen, press the keys, and hang up. Gives what was said to the keys."""
        call = self._take(sid)
        await self._report(sid, call, "in-progress")
        asked = _twiml(call.parameter("Twiml")).find("Gather")
        url = asked.get("action") if asked is not None else None
        replies = []
        for digit in answer.digits if url else "":
            form = {**_common(sid, call), "CallStatus": "in-progress", "Digits": digit}
            reply = await self._send(call, url or "", form)
            replies.append(" ".join("".join(_twiml(reply.text).itertext()).split()))
        await self._report(sid, call, "completed")
        return {"said": replies}

    async def hang_up(self, sid: str, ends: HangUp) -> Response:
        """Let the call end without anybody."""
        await self._report(sid, self._take(sid), ends.status)
        return Response(status_code=204)

    def _take(self, sid: str) -> Ringing:
        call = self._ringing.pop(sid, None)
        if call is None:
            raise HttpProblem(404, f"no phone rings for {sid[:50]}")
        return call

    async def _report(self, sid: str, call: Ringing, status: str) -> None:
        if url := call.parameter("StatusCallback"):
            await self._send(call, url, {**_common(sid, call), "CallStatus": status})

    async def _send(self, call: Ringing, url: str, form: Mapping[str, str]) -> httpx.Response:
        """POST a form, signed: the URL and the sorted fields under the account's token."""
        content = url + "".join(f"{name}{form[name]}" for name in sorted(form))
        mac = hmac.new(call.token.encode(), content.encode(), hashlib.sha1).digest()
        headers = {"x-twilio-signature": base64.b64encode(mac).decode()}
        async with httpx.AsyncClient(timeout=15) as client:
            answer = await client.post(url, data=dict(form), headers=headers)
        if not answer.is_success:
            raise HttpProblem(502, f"{url} answered {answer.status_code}: {answer.text[:300]}")
        return answer


def _common(sid: str, call: Ringing) -> dict[str, str]:
    return {
        "CallSid": sid,
        "AccountSid": call.account,
        "From": call.parameter("From"),
        "To": call.parameter("To"),
        "ApiVersion": "2010-04-01",
        "Direction": "outbound-api",
    }


def _token(authorization: str, account: str) -> str | None:
    """The password of Basic credentials whose user is the account; None if they are not."""
    kind, _, encoded = authorization.partition(" ")
    try:
        user, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return token if kind.lower() == "basic" and user == account and token else None


def _twiml(text: str) -> ElementTree.Element:
    """The words' document. It comes from our own services or tests."""
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - a local tool; expat bounds entities
    except ElementTree.ParseError as error:
        raise HttpProblem(400, f"this is no TwiML: {error}") from error


def _refused(status: int, code: int, message: str) -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse(
        {"code": code, "message": message, "more_info": more, "status": status}, status
    )
