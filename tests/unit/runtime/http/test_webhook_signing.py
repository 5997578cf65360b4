"""Webhooks are signed as receivers check it, and secrets are what their author meant."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from pledge.runtime.clock import SystemClock
from pledge.runtime.http.webhook_signing import problem_of_secret, signed_headers

OLD = "whsec_" + b64encode(b"o" * 32).decode()
NEW = "whsec_" + b64encode(b"n" * 32).decode()


def test_a_signature_is_the_one_of_the_published_example() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = dict(
        signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', [secret])
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5))])
def test_while_a_secret_is_replaced_either_checks(zone: timezone) -> None:
    now = SystemClock().now().astimezone(zone)  # the library knows no other time
    headers = {
        str(name): str(value)
        for name, value in signed_headers("an-id", now, '{"a":"ä"}', [NEW, OLD])
    }
    for secret in (OLD, NEW):
        assert Webhook(secret).verify('{"a":"ä"}', headers) == {"a": "ä"}


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (b64encode(b"k" * 32).decode(), "begin with whsec_"),
        ("whsec_" + "a-_b" * 12, "base64"),
        ("whsec_" + "abcd" * 9 + "\n", "base64"),
        ("whsec_" + "abcde", "base64"),
        ("whsec_" + b64encode(b"k" * 23).decode(), "24 to 64 bytes, not 23"),
        ("whsec_" + b64encode(b"k" * 65).decode(), "24 to 64 bytes, not 65"),
    ],
)
def test_a_secret_that_would_be_read_as_another_is_refused(secret: str, problem: str) -> None:
    said = problem_of_secret(secret)
    assert said is not None
    assert problem in said
    assert secret.removeprefix("whsec_") not in said


def test_a_secret_of_the_standard_length_is_taken() -> None:
    assert problem_of_secret(NEW) is None
