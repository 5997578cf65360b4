"""Twilio's requests: a signed form, with the desk's own token."""

from collections.abc import Mapping, Sequence
from typing import Final

from intake.gateways.hooks.request import XML, Answer, HookRequest, NotSigned, Unreadable
from intake.gateways.hooks.signatures import problem_of_text
from intake.gateways.hooks.values import form_fields, json_object, line_at
from pledge.runtime.auth.twilio_signature import algorithm_of, is_body_of_url, is_signed

NOTHING_TO_SAY: Final = Answer('<?xml version="1.0" encoding="UTF-8"?><Response/>', XML)
_FORM: Final = "application/x-www-form-urlencoded"


class TwilioSigned:
    """What its hooks have in common. The signature holds no time: what is sent again is known by
    Twilio's id of it."""

    needs_public_url = True

    def problem_of(self, secret: str) -> str | None:
        """The auth token, or the shared key's secret, as it is shown."""
        return problem_of_text(secret)

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """`X-Twilio-Signature`, by the hash that the header of settings names, else SHA-1."""
        given = request.headers.getlist("x-twilio-signature")
        if not given:
            raise NotSigned("unsigned")
        algorithm = algorithm_of(request.headers.get("x-twilio-webhooks-signature-settings"))
        if algorithm is None:
            raise NotSigned("algorithm")
        fields: list[tuple[str, str]] = []
        if request.content_type == _FORM or not request.body:
            try:
                fields = form_fields(request.body)
            except Unreadable as error:
                raise NotSigned("unsigned") from error
        elif not is_body_of_url(request.url, request.body):
            raise NotSigned("signature")  # nothing would bind the body to the signature
        if not is_signed(secrets, request.url, fields, given, algorithm):
            raise NotSigned("signature")


def fields_of(request: HookRequest) -> Mapping[str, str]:
    """The fields of a verified request. Raises Unreadable."""
    if request.content_type == _FORM or not request.body:
        return dict(form_fields(request.body))
    return {name: line_at({"": value}, "", limit=60_000) for name, value in
            json_object(request.body).items()}  # fmt: skip
