"""Requests as providers of chat and phone sign them, with secrets of our own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pledge.runtime.auth.twilio_signature import sign

SLACK = "0123456789abcdef0123456789abcdef"
TWILIO = "fedcba9876543210fedcba9876543210"
TOKEN = "zmigewsanbbsdf59xnmduzypjc"
KEY = base64.b64encode(bytes(range(32))).decode()
STANDARD = f"whsec_{KEY}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def body_of(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON."""
    return json.dumps(fields).encode()


def form_of(fields: Mapping[str, str]) -> bytes:
    """The fields as a form."""
    return urlencode(fields).encode()


def by_slack(
    body: bytes, now: datetime, secret: str = SLACK, timestamp: str | None = None
) -> dict[str, str]:
    """The headers of a request of Slack's."""
    at = str(int(now.timestamp())) if timestamp is None else timestamp
    mac = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256)
    signature = {"x-slack-signature": f"v0={mac.hexdigest()}", "x-slack-request-timestamp": at}
    return {**JSON, **signature}


def by_teams(body: bytes, secret: str = KEY) -> dict[str, str]:
    """The headers of a request of Teams'."""
    mac = hmac.new(base64.b64decode(secret), body, hashlib.sha256).digest()
    return {**JSON, "authorization": f"HMAC {base64.b64encode(mac).decode()}"}


def by_standard(
    body: bytes, now: datetime, own_id: str = "msg_1", secret: str = STANDARD
) -> dict[str, str]:
    """The headers of a webhook by Standard Webhooks."""
    at = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{own_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        **JSON,
        "webhook-id": own_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def by_twilio(
    url: str, fields: Mapping[str, str], secret: str = TWILIO, algorithm: str = "sha1"
) -> dict[str, str]:
    """The headers of a form of Twilio's."""
    signature = sign(secret, url, {name: [value] for name, value in fields.items()}, algorithm)
    headers = {**FORM, "x-twilio-signature": signature}
    if algorithm == "sha256":
        headers["x-twilio-webhooks-signature-settings"] = "key=SK01,algorithm=HMAC_SHA256"
    return headers


def slack_event(**event: Any) -> dict[str, Any]:
    """The envelope of a message in a channel."""
    return {
        "token": "not looked at",
        "team_id": "T111",
        "api_app_id": "A111",
        "type": "event_callback",
        "event_id": event.pop("event_id", "Ev111"),
        "event_time": 1_796_083_200,
        "event": {
            "type": "message",
            "text": "The printer is down",
            "user": "U222",
            "ts": "1796083200.000200",
            "channel": "C111",
            "channel_type": "channel",
            **event,
        },
    }
