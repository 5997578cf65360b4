"""Who may send to a hook: the providers' own examples, and what is close to them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook
from starlette.datastructures import Headers

from intake.domain.hooks import HookKind
from intake.gateways.hooks.providers import PROVIDERS
from intake.gateways.hooks.request import HookRequest, NotSigned
from support import hooks
from support.hooks import (
    FORM,
    JSON,
    KEY,
    SLACK,
    STANDARD,
    TOKEN,
    TWILIO,
    by_slack,
    by_standard,
    by_teams,
    by_twilio,
    form_of,
)
from unit.intake.gateways.builders import HOOK_URL, NOW, a_request

COMMAND = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_EXAMPLE = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}


def is_taken(kind: HookKind, request: HookRequest, *secrets: str) -> bool:
    try:
        PROVIDERS[kind].verify(request, secrets)
    except NotSigned:
        return False
    return True


def test_slacks_own_example_is_accepted_while_it_is_fresh() -> None:
    secret, at = "8f742231b10e8888abcd99yyyzzz85a5", datetime.fromtimestamp(1531420618, UTC)
    for minutes, accepted in ((0, True), (4, True), (-4, True), (6, False), (-6, False)):
        now = at + timedelta(minutes=minutes)
        assert is_taken("slack", a_request(COMMAND, SLACK_EXAMPLE, now=now), secret) is accepted
    assert not is_taken("slack", a_request(COMMAND + b" ", SLACK_EXAMPLE, now=at), secret)


def test_the_example_of_standard_webhooks_is_accepted_while_it_is_fresh() -> None:
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
    body = b'{"test": 2432232314}'
    for given in (signature, f"v1a,bm8= {signature}", f"v1,bm8= {signature}"):
        request = a_request(body, {**headers, "webhook-signature": given}, now=at)
        assert is_taken("webhook", request, secret)
        assert is_taken("webhook", request, STANDARD, secret)
        assert not is_taken("webhook", request, STANDARD)
    late = a_request(body, {**headers, "webhook-signature": signature}, now=NOW)
    assert not is_taken("webhook", late, secret)


def test_what_the_library_of_standard_webhooks_signs_is_accepted() -> None:
    body = '{"type": "pledge.chat.message_received.v1", "text": "ä"}'
    signature = Webhook(STANDARD).sign("msg_7", NOW, body)
    headers = {
        "webhook-id": "msg_7",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }
    assert is_taken("webhook", a_request(body.encode(), headers), STANDARD)


def test_an_example_of_teams_is_accepted() -> None:
    token, body = "vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA=", b'{"type":"message","text":"hi"}'
    headers = {"authorization": "HMAC OsI22fOxGbRqh5cP8AMgGG80vP5pVkuGv1D1ft388ls="}
    assert is_taken("teams", a_request(body, headers), token)
    assert not is_taken("teams", a_request(body + b"\n", headers), token)
    assert not is_taken("teams", a_request(body, headers), KEY)


def test_twilio_signs_with_either_hash_over_the_address_that_was_called() -> None:
    fields = {"MessageSid": "SM1", "Body": "ä & b", "New": "field"}
    for algorithm in ("sha1", "sha256"):
        headers = by_twilio(HOOK_URL, fields, algorithm=algorithm)
        assert is_taken("twilio_sms", a_request(form_of(fields), headers), TWILIO)
        assert is_taken("twilio_sms", a_request(form_of(fields), headers), SLACK, TWILIO)
        assert not is_taken("twilio_sms", a_request(form_of(fields), headers), SLACK)
        elsewhere = a_request(form_of(fields), headers, step="status")
        assert not is_taken("twilio_voice", elsewhere, TWILIO)
    strong = by_twilio(HOOK_URL, fields, algorithm="sha256")
    del strong["x-twilio-webhooks-signature-settings"]
    assert not is_taken("twilio_sms", a_request(form_of(fields), strong), TWILIO)


def test_a_body_that_nothing_binds_to_twilios_signature_is_refused() -> None:
    headers = {**by_twilio(HOOK_URL, {}), **JSON}
    assert not is_taken("twilio_sms", a_request(b'{"MessageSid": "SM1"}', headers), TWILIO)
    text = {**by_twilio(HOOK_URL, {}), "content-type": "text/plain"}
    assert not is_taken("twilio_sms", a_request(b"MessageSid=SM1", text), TWILIO)


def test_mattermosts_token_is_read_from_a_form_or_json() -> None:
    for body, headers in (
        (form_of({"token": TOKEN, "text": "x"}), FORM),
        (hooks.body_of({"token": TOKEN, "text": "x"}), JSON),
    ):
        assert is_taken("mattermost", a_request(body, headers), TOKEN)
        assert is_taken("mattermost", a_request(body, headers), SLACK, TOKEN)
        assert not is_taken("mattermost", a_request(body, headers), SLACK)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, ""),
        ({"authorization": "Basic " + base64.b64encode(f"pbx:{TOKEN}".encode()).decode()}, ""),
        ({}, f"token={TOKEN}"),
    ],
)
def test_an_exchange_brings_its_secret(headers: dict[str, str], query: str) -> None:
    assert is_taken("cti", a_request(b"", headers, query=query), TOKEN)
    assert not is_taken("cti", a_request(b"", headers, query=query), SLACK)


SIGNED: dict[HookKind, tuple[str, Callable[[bytes], dict[str, str]]]] = {
    "slack": (SLACK, lambda body: by_slack(body, NOW)),
    "teams": (KEY, by_teams),
    "webhook": (STANDARD, lambda body: by_standard(body, NOW)),
    "twilio_sms": (TWILIO, lambda body: by_twilio(HOOK_URL, {"a": "1"})),
    "twilio_voice": (TWILIO, lambda body: by_twilio(HOOK_URL, {"a": "1"})),
}
NONSENSE = [
    "", ",", "v0=", "v1,", "v1", "HMAC", "HMAC ", "HMAC =", "Basic :", "Bearer", "ä", "v1,ä,",
    "HMAC \xff", "v0=" + "0" * 100_000, " " * 1_000, "v1," * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("kind", SIGNED)
def test_malformed_signatures_and_times_are_refused_and_raise_nothing_else(kind: HookKind) -> None:
    secret, signed = SIGNED[kind]
    body = b"a=1"
    right = signed(body)
    assert is_taken(kind, a_request(body, right), secret)
    assert not is_taken(kind, a_request(body, right))
    for name in [each for each in right if each != "content-type"]:
        without = {each: value for each, value in right.items() if each != name}
        if "settings" not in name:
            assert not is_taken(kind, a_request(body, without), secret)
        for value in (*NONSENSE, "-1", "1e9", "9" * 5_000, "12345678901", " 1796083200"):
            request = HookRequest(
                HOOK_URL,
                Headers(raw=[(n.encode(), (value if n == name else v).encode("latin-1", "replace"))
                             for n, v in right.items()]),
                "", body, "", NOW,
            )  # fmt: skip
            assert not is_taken(kind, request, secret), (name, value[:20])
    for strange in (b"\xff\xfe", b"\x00", b"a=\xff", b"&" * 5_000, b"{" * 5_000):
        assert not is_taken(kind, a_request(strange, right), secret)


@pytest.mark.parametrize(
    ("kind", "secret", "problem"),
    [
        ("webhook", STANDARD, None),
        ("webhook", KEY, None),
        ("webhook", "whsec_" + base64.urlsafe_b64encode(b"\xff\xfe" * 16).decode(), "URL-safe"),
        ("webhook", "whsec_not base64!", "standard base64"),
        ("webhook", "whsec_" + base64.b64encode(b"short").decode(), "guessed"),
        ("webhook", "", "guessed"),
        ("teams", KEY, None),
        ("teams", KEY.rstrip("=") + "ä", "standard base64"),
        ("slack", SLACK, None),
        ("slack", SLACK + "\n", "white space"),
        ("slack", "short", "guessed"),
        ("mattermost", TOKEN, None),
        ("twilio_voice", TWILIO, None),
        ("cti", "a secret with spaces", "white space"),
    ],
)
def test_secrets_are_checked_for_what_their_provider_gives(
    kind: HookKind, secret: str, problem: str | None
) -> None:
    found = PROVIDERS[kind].problem_of(secret)
    assert (found is None) if problem is None else (problem in (found or ""))
